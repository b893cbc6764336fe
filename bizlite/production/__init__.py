"""Making things: bills of material, routings, work orders, job cards. It knows the core, the ledger and the stock."""
