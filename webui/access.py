"""Who may open what: permissions, the roles that hold them, and the decorator by which every route names its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

Permission = Literal["public", "login", "read", "change", "own"]
View = TypeVar("View", bound=Callable[..., Any])

# rsd checks every verb again by itself: this table only decides which pages and buttons make sense to show.
_HELD: dict[str, frozenset[str]] = {
    "owner": frozenset({"login", "read", "change", "own"}),
    "admin": frozenset({"login", "read", "change"}),
    "auditor": frozenset({"login", "read"}),
}
_LEAST = frozenset({"login"})


def requires(permission: Permission) -> Callable[[View], View]:
    """Name the permission that a view needs."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark


def takes(body_max_bytes: int, too_large: str) -> Callable[[View], View]:
    """Let a view have a larger body than others; ``too_large`` are the words, marked, for one that is larger still."""

    def mark(view: View) -> View:
        view.body_max_bytes, view.too_large = body_max_bytes, too_large  # type: ignore[attr-defined]
        return view

    return mark


def takes_files(view: View) -> View:
    """Mark a view whose form has a large file; its address must be one of ``uploads.PLACES``."""
    view.takes_file = True  # type: ignore[attr-defined]
    return view


def takes_file(view: Callable[..., Any]) -> bool:
    """Tell whether ``takes_files`` marked it."""
    return getattr(view, "takes_file", False)


def permission_of(view: Callable[..., Any]) -> Permission | None:
    """Return what ``requires`` noted, or ``None`` for a view that names no permission (it is then refused)."""
    return getattr(view, "permission", None)


def allows(role: str | None, permission: Permission) -> bool:
    """Tell whether ``role`` (``None``: nobody is logged in) holds ``permission``."""
    if permission == "public":
        return True
    return role is not None and permission in _HELD.get(role, _LEAST)
