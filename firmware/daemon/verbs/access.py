"""Verbs about who one is: setting up, logging in and out, passwords, tokens."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from firmware.daemon.auth import check_password_rules, rank
from firmware.daemon.errors import ForbiddenError, InvalidError, NotFoundError
from firmware.daemon.secrets_file import PASSWORD_MAX
from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb
from firmware.engine import Actor
from firmware.model import codec
from firmware.model.config import Config, Identifier, Language, Role
from firmware.model.problem import Problem
from firmware.model.values import is_printable

Password = Annotated[str, Meta(max_length=256)]
Name = Annotated[str, Meta(max_length=64)]


@verb("setup.status", "none")
def setup_status(box: Services, call: Call) -> dict[str, Any]:
    return {"needed": box.authority.needs_setup, "language": box.engine.config.system.language}


@verb("setup.finish", "none", audited=("user",))
def setup_finish(
    box: Services,
    call: Call,
    *,
    password_first: Password,
    user: Identifier,
    password: Password,
    language: Language = "zh",
    set: dict[str, Any] | None = None,
    source: Name = "",
) -> dict[str, Any]:
    if not box.authority.needs_setup:
        raise ForbiddenError("The router has been set up already; log in.")
    box.authority.check_first_password(password_first, source)
    check_password_rules(password)

    def edit(config: Config) -> Config:
        for path, value in (set or {}).items():
            config = codec.set_path(config, path, value)
        config = codec.set_path(config, f"users.{user}.role", "owner")
        config = codec.set_path(config, f"users.{user}.enabled", True)
        return codec.set_path(config, f"users.{user}.language", language)

    actor = Actor(name=user, role="owner", reached_boot_s=call.reached_boot_s)
    box.engine.commit_edit(actor, "first set-up", edit)
    box.authority.set_password(user, password)
    return _session(box, user)


@verb("login", "none", audited=("user", "source"))
def login(box: Services, call: Call, *, user: Name, password: Password, source: Name = "") -> dict[str, Any]:
    box.authority.login(user, password, source)
    return _session(box, user)


@verb("logout", "any")
def logout(box: Services, call: Call) -> dict[str, Any]:
    if call.who.session is not None:
        box.authority.sessions.end(call.who.session)
    return {}


@verb("whoami", "any")
def whoami(box: Services, call: Call) -> dict[str, Any]:
    who = call.who
    return {
        "user": who.user,
        "role": who.role,
        "language": who.language,
        "kind": who.kind,
        "business": _business(box),
    }


@verb("business.place", "none")
def business_place(box: Services, call: Call) -> dict[str, Any]:
    """What the business pages are opened with, for those of them that need no login.

    ``lans`` are the box's addresses with their networks where its page may be opened: what a phone in the works can
    reach, as a printed QR code has to say it.
    """
    config = box.engine.config
    lans = [lan.address for _, lan in sorted(config.lans.items()) if "web" in config.zones[lan.zone].services]
    return {"business": _business(box), "lans": lans}


def _business(box: Services) -> dict[str, str] | None:
    """What the business pages are opened with: where their data is (empty: on the box) and its zone; null when off."""
    config = box.engine.config
    if not config.business.enabled:
        return None
    return {"database": config.business.database, "timezone": config.system.timezone}


@verb("password.change", "any", audited=("user",))
def password_change(
    box: Services, call: Call, *, new: Password, old: Password = "", user: Name | None = None, source: Name = ""
) -> dict[str, Any]:
    who = call.who
    target = user or who.user
    # One who is being made gets his password along with him: the first page that he is on has a field for it.
    if target not in box.engine.config.users and target not in box.engine.candidate(who.user).users:
        raise NotFoundError("There is no user %(user)s.", user=target)
    if who.kind == "session" and target == who.user:
        box.authority.check_own_password(target, old, source)
    elif rank(who.role) < rank("owner"):
        raise ForbiddenError("Only an owner may set the password of somebody else.")
    box.authority.set_password(target, new, session=who.session if target == who.user else None)
    return {}


@verb("line.password", "admin", audited=("line",))
def line_password(box: Services, call: Call, *, line: Identifier, password: Password) -> dict[str, Any]:
    """What a dialled line's provider asks for; it is kept beside the configuration, in force at once, never shown."""
    if line not in box.engine.config.wans and line not in box.engine.candidate(call.who.user).wans:
        raise NotFoundError("There is no line %(line)s.", line=line)
    if password and not is_printable(password, PASSWORD_MAX):
        problem = Problem(path="password", message="The password holds signs that no account has, or is too long.")
        raise InvalidError(problem.message, problems=[problem])
    box.set_line_password(line, password)
    return {}


@verb("token.create", "admin", audited=("name", "role"))
def token_create(box: Services, call: Call, *, name: Identifier, role: Role) -> dict[str, Any]:
    if rank(role) > rank(call.who.role):
        raise ForbiddenError("A token cannot have a higher role than who makes it.")
    if any(token.name == name for token in box.authority.secrets.tokens()):
        raise InvalidError("There is a token %(name)s already.", name=name)
    token, secret = box.authority.secrets.add_token(name, role, call.who.user)
    return {"id": token.id, "name": name, "role": role, "token": secret}


@verb("token.list", "admin")
def token_list(box: Services, call: Call) -> list[dict[str, Any]]:
    return [
        {"id": token.id, "name": token.name, "role": token.role, "author": token.author, "time": token.created}
        for token in box.authority.secrets.tokens()
    ]


@verb("token.revoke", "admin", audited=("id",))
def token_revoke(box: Services, call: Call, *, id: int) -> dict[str, Any]:
    token = next((token for token in box.authority.secrets.tokens() if token.id == id), None)
    if token is None:
        raise NotFoundError("There is no token %(id)s.", id=str(id))
    if rank(token.role) > rank(call.who.role):
        raise ForbiddenError("The token has a higher role than you.")
    box.authority.secrets.drop_token(id)
    return {}


def _session(box: Services, user: str) -> dict[str, Any]:
    identity = box.authority.begin(user)
    return {
        "session": identity.session,
        "user": identity.user,
        "role": identity.role,
        "language": identity.language,
        "expires_s": box.authority.session_life_s,
    }


VERBS = (
    setup_status,
    setup_finish,
    login,
    logout,
    whoami,
    business_place,
    password_change,
    line_password,
    token_create,
    token_list,
    token_revoke,
)
