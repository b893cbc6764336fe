"""The pages and REST of bizlite: modules declare their documents, this draws them; see docs/design/bizlite-pages.md."""
