"""rsctl: the command line of the router."""
