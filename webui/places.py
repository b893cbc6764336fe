"""Positions of what stands in an order, changed in the candidate as a form asks."""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort, request

from webui import order
from webui.router import router


def put(path: str, places: Mapping[str, int]) -> None:
    """Give items below ``path`` other positions."""
    for name, position in places.items():
        router().set(f"{path}.{name}.position", position)


def move(path: str, items: Mapping[str, order.Placed], name: str) -> None:
    """One place up (the form's ``by=-1``) or down (``by=1``); :raise 404: when there is no such item."""
    if name not in items:
        abort(404)
    names = order.moved(items, name, 1 if request.form.get("by") == "1" else -1)
    put(path, order.positions(names, items))
