"""Where the pages of resources are."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from bizlite.web.fields import Reference
from bizlite.web.guard import session
from bizlite.web.resource import Resource, of_row, raw

ROOT = "/business"
PLAIN = "!$&'()*+,:;=@"  # what the part of an address may hold as it is


def address(resource: Resource, name: str = "list", *, key: Any = None, **values: Any) -> str:
    """The address of a page of a resource: as ``url_for`` gives it, which lists would ask too often."""
    path = f"{ROOT}/{resource.module}/{resource.noun}"
    if key is not None:
        path += f"/{quote(str(key), safe=PLAIN)}"
    if name not in ("list", "show"):
        path += ".csv" if name == "csv" else f"/{name}"
    return f"{path}?{urlencode(values)}" if values else path


def page_of(row: Any) -> str:
    """The address of a row's page, or nothing."""
    resource = of_row(row)
    return address(resource, "show", key=row._pk) if resource else ""


def linked(entry: Any, row: Any) -> str:
    """The address behind a reference of a row, where the user may follow it."""
    if not isinstance(entry, Reference):
        return ""
    value = raw(row, entry.name)
    may_follow = value is not None and session().may(entry.target.view)
    return address(entry.target, "show", key=value) if may_follow else ""
