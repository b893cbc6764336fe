"""What every module of bizlite stands on; it knows none of them."""
