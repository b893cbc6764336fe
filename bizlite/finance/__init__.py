"""The ledger: accounts, double entry, periods, invoices, payments, reports. It knows the core only."""
