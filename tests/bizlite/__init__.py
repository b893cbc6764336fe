"""bizlite on SQLite and on PostgreSQL; BIZLITE_EXAMPLES is how many random histories are tried (few by default)."""
