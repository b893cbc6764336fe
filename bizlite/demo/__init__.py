"""A company to try everything with: a works for machine parts, in a database of its own."""
