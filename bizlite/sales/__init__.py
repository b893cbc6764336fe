"""Customers, quotations, orders, deliveries and their invoices. It knows the core, the ledger and the stock."""
