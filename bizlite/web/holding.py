"""The page "Who may what": roles with their permissions, in words, and who holds them."""

from __future__ import annotations

from flask import abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import registry, rights
from bizlite.core.errors import refuse
from bizlite.core.models import Grant, Holder
from bizlite.core.session import EVERYTHING
from bizlite.web.guard import session
from bizlite.web.texts import gettext, language
from bizlite.web.texts import marked as _

CORE = "core"
Group = tuple[str, list[tuple[str, str]]]


def page() -> str | BaseResponse:
    """Roles with their permissions, and who holds them; ``find`` looks for permissions by their words or names."""
    if request.method == "POST":
        _change()
        return redirect(url_for("biz.rights"), 303)
    roles: dict[str, list[str]] = {}
    for row in Grant.select().order_by(Grant.holder, Grant.right):
        roles.setdefault(row.holder, []).append(row.right)
    users: dict[str, list[str]] = {}
    for held in Holder.select().order_by(Holder.user, Holder.holder):
        users.setdefault(held.user, []).append(held.holder)
    find = request.args.get("find", "").strip()[: rights.LONGEST]
    return render_template(
        "rights.html", roles=roles, users=users, groups=list(_found(find, [*roles])), find=find, words=words,
        people=current_app.config["PEOPLE"](),
    )  # fmt: skip


def words(right: str) -> str:
    """What a right lets one do, in the reader's language; a role has its name."""
    if right == EVERYTHING:
        return gettext(_("Everything"))
    module, _dot, rest = right.partition(".")
    if rest == EVERYTHING:
        return gettext(_("Everything of %(module)s")) % {"module": _heads().get(module, module)}
    return gettext(rights.words().get(right, "")) or right.removeprefix(rights.ROLE)


def _heads() -> dict[str, str]:
    """Names of the modules in the reader's language."""
    every = {module.name: str(getattr(module, language())) for module in registry.modules()}
    return {CORE: gettext(_("Company and rights")), **every}


def groups(roles: list[str]) -> list[Group]:
    """What can be given, by module: rights with their words; roles, which a group of roles can hold, at the end."""
    found: list[Group] = []
    names = rights.permissions()
    for module, head in _heads().items():
        own = [name for name in names if name.startswith(f"{module}.")]
        found.append((head, [(name, words(name)) for name in (f"{module}.{EVERYTHING}", *own)]))
    if roles:
        found.append((gettext(_("Roles")), [(rights.ROLE + role, role) for role in roles]))
    return found


def _found(text: str, roles: list[str]) -> list[Group]:
    """The groups with what holds the text in its words, its name or the name of its module."""
    text = text.casefold()
    found = [
        (head, [(name, word) for name, word in own if text in f"{head} {name} {word}".casefold()])
        for head, own in groups(roles)
    ]
    return [(head, own) for head, own in found if own]


def _change() -> None:
    sent = request.form
    match sent.get("what"):
        case "grant":
            rights.grant(session(), sent.get("holder", "").strip(), sent.get("right", ""))
        case "revoke":
            rights.revoke(session(), sent.get("holder", ""), sent.get("right", ""))
        case "assign":
            user = sent.get("user", "").strip()
            people = current_app.config["PEOPLE"]()
            if people and user not in people:
                raise refuse("user", "does not exist", "Choose one that exists.", user[:100])
            rights.assign(session(), user, sent.get("holder", "").strip())
        case "unassign":
            rights.unassign(session(), sent.get("user", ""), sent.get("holder", ""))
        case _:
            abort(400)
