"""bizlite: the business of a small firm on the box; docs/design/bizlite.md says how it is made."""
