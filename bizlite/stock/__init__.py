"""Items, places, moves and what they are worth. It knows the core and the ledger."""
