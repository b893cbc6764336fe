"""REST under /api/v1: what the page can do, for programs. The document is at /api/v1/openapi.json."""
