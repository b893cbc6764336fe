"""Field tools. Each runs in a helper process of its own (``helper``), which ``jobs`` starts, bounds and remembers."""
