"""What is asked for, ordered, received and invoiced by suppliers. It knows the core, the ledger and the stock."""
