"""Inspections that block, and what did not conform. It knows the core, the ledger and the stock."""
