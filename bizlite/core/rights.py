"""Roles and role groups: which permissions a user of the router's login has. Who may log in is not decided here."""

from __future__ import annotations

from bizlite.core.commands import command
from bizlite.core.errors import marked as _
from bizlite.core.errors import refuse
from bizlite.core.models import Grant, Holder
from bizlite.core.registry import modules
from bizlite.core.session import EVERYTHING, Session
from bizlite.core.store import delete, insert

LONGEST = 100
ROLE = "role:"  # a right of a role group that stands for all rights of a role
CORE_PERMISSIONS = {
    "core.module.switch": _("Switch modules on and off"),
    "core.rights.change": _("Say who may what"),
    "core.attachment.add": _("Attach files to documents"),
    "core.custom.change": _("Change the firm’s own fields"),
    "core.audit.view": _("See who changed what"),
    "core.backup.make": _("Take a backup along"),
    "core.company.change": _("Change the facts of the company"),
    "core.demo.load": _("Load and remove the demo company"),
}


def words() -> dict[str, str]:
    """Every permission of the product with what it lets one do, a message identifier."""
    return {**CORE_PERMISSIONS, **{name: text for module in modules() for name, text in module.permissions.items()}}


def permissions() -> tuple[str, ...]:
    """Every permission of the product."""
    return tuple(words())


def rights_of(user: str) -> frozenset[str]:
    """The permissions of a user, by roles and by groups of roles."""
    held = {row.holder for row in Holder.select().where(Holder.user == user)}
    found: set[str] = set()
    seen: set[str] = set()
    while held - seen:
        names = held - seen
        seen |= names
        for row in Grant.select().where(Grant.holder << sorted(names)):
            if row.right.startswith(ROLE):
                held.add(row.right.removeprefix(ROLE))
            else:
                found.add(row.right)
    return frozenset(found)


def holders_of(permission: str) -> list[str]:
    """Users who hold the permission by a role or a group; the router's administrators hold every one besides."""
    users = sorted({row.user for row in Holder.select()})
    return [user for user in users if Session(user=user, rights=rights_of(user)).may(permission)]


@command("core.rights.change")
def grant(session: Session, holder: str, right: str) -> Grant:
    """Gives a role a permission (``stock.*`` for a whole module), or a group a role (``role:NAME``)."""
    known = {*permissions(), EVERYTHING, *(f"{name.partition('.')[0]}.*" for name in permissions())}
    if not right.startswith(ROLE) and right not in known:
        raise refuse("right", "is not a permission", "Choose one of the list.", right)
    _check_name("holder", holder)
    row = Grant.get_or_none((Grant.holder == holder) & (Grant.right == right))
    return row or insert(session, Grant(holder=holder, right=right))


def _check_name(field: str, text: str) -> None:
    if not text.strip() or len(text) > LONGEST or not text.isprintable():
        remedy = "Give 1 to %(longest)s printable characters."
        raise refuse(field, "is not a name", remedy, text[:LONGEST], longest=LONGEST)


@command("core.rights.change")
def revoke(session: Session, holder: str, right: str) -> None:
    """Takes it back; what is not there stays away."""
    for row in Grant.select().where((Grant.holder == holder) & (Grant.right == right)):
        delete(session, row)


@command("core.rights.change")
def assign(session: Session, user: str, holder: str) -> Holder:
    """Gives a user a role or a role group."""
    _check_name("user", user)
    _check_name("holder", holder)
    row = Holder.get_or_none((Holder.user == user) & (Holder.holder == holder))
    return row or insert(session, Holder(user=user, holder=holder))


@command("core.rights.change")
def unassign(session: Session, user: str, holder: str) -> None:
    """Takes it back."""
    for row in Holder.select().where((Holder.user == user) & (Holder.holder == holder)):
        delete(session, row)
