"""A company's pages as its owner sees them, for the tests of the modules' pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask.testing import FlaskClient

from bizlite.web.app import create_app
from bizlite.web.guard import Who
from tests.bizlite.conftest import leave


@contextmanager
def opened(url: str, language: str = "en") -> Iterator[FlaskClient]:
    """The pages of a new company, asked by the router's administrator."""
    app = create_app(url, lambda environ: Who(name="admin", roles=frozenset({"admin"}), language=language))
    app.testing = True
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    yield client
    leave()


def form(client: FlaskClient, address: str, action: str = "", **values: Any) -> Any:
    """Fills in the form of a page with what is hidden in it, and sends it to ``action`` or the page itself."""
    page = client.get(address).text
    sent = {}
    for name in ("csrf", "key", "version"):
        found = re.search(f'name="{name}" value="([^"]*)"', page)
        if found:
            sent[name] = found[1]
    return client.post(action or address, data={**sent, **values}, content_type="multipart/form-data")
