"""REST addresses that are no document's: the figures of a page, and what is done with many rows at once.

A module's ``views.py`` declares them as ``CALLS``. The view of a page of tables answers both: ``web.tables.page`` gives
JSON at a REST address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint

from bizlite.web.fields import Field
from bizlite.web.resource import Lines, views

FIGURES = "biz.Figures"  # the shape of ``web.tables.answer``, in the OpenAPI document


@dataclass(frozen=True, kw_only=True)
class Call:
    """``path`` lies below the module's address; its places (``<key>``) are the view's arguments.

    ``view`` names its permission (``guard.requires``). ``fields`` are what the address asks for, of a POST what the
    body has, with ``lines``. ``answer`` is the JSON schema of the answer.
    """

    path: str
    view: Callable[..., Any]
    label: str
    method: str = "GET"
    fields: tuple[Field, ...] = ()
    lines: Lines | None = None
    answer: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What stands for it in endpoints and operations."""
        return self.path.partition("/<")[0].replace("/", "-")


def figures(path: str, view: Callable[..., Any], label: str, *fields: Field) -> Call:
    """The tables of a page."""
    answer = {"$ref": f"#/components/schemas/{FIGURES}"}
    return Call(path=f"figures/{path}", view=view, label=label, fields=fields, answer=answer)


def every() -> list[tuple[str, Call]]:
    """Each call with its module."""
    return [(name, call) for name, view in views().items() for call in getattr(view, "CALLS", ())]


def register(bp: Blueprint) -> None:
    """Gives all calls their addresses."""
    for module, call in every():
        endpoint = f"{module}-{call.name}-{call.method.lower()}"
        bp.add_url_rule(f"/{module}/{call.path}", endpoint, call.view, methods=(call.method,))
