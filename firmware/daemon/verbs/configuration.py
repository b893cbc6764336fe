"""Verbs about the configuration: candidate, commit, confirm, rollback, revisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from firmware.daemon.auth import rank
from firmware.daemon.errors import ForbiddenError, InvalidError
from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb
from firmware.engine import Actor, Committed
from firmware.engine.revisions import Revision
from firmware.features.reachability import cuts_off
from firmware.model import codec
from firmware.model.config import Config
from firmware.model.problem import Problem

Path = Annotated[str, Meta(max_length=256)]
Message = Annotated[str, Meta(max_length=500)]
Source = Annotated[str, Meta(max_length=64)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Which = str | int


@verb("config.get", "auditor")
def get(box: Services, call: Call, *, path: Path = "", which: Which = "candidate") -> Any:
    return codec.to_plain(codec.get_path(_config(box, call, which), path))


@verb("config.schema", "auditor")
def schema(box: Services, call: Call) -> dict[str, Any]:
    return codec.schema()


@verb("config.set", "admin", audited=("path",))
def set_(box: Services, call: Call, *, path: Path, value: Any = None) -> dict[str, Any]:
    return _change(box, call, lambda config: codec.set_path(config, path, value))


@verb("config.delete", "admin", audited=("path",))
def delete(box: Services, call: Call, *, path: Path) -> dict[str, Any]:
    return _change(box, call, lambda config: codec.delete_path(config, path))


@verb("config.discard", "admin", audited=())
def discard(box: Services, call: Call) -> dict[str, Any]:
    box.engine.discard(call.who.user)
    box.restoring.forget(call.who.user)
    return {}


@verb("config.check", "auditor")
def check(box: Services, call: Call, *, which: Which = "candidate", source: Source = "") -> dict[str, Any]:
    config = _config(box, call, which)
    problems = box.engine.verify(config)
    if not any(problem.severity == "error" for problem in problems):
        problems += _cutting_off(box, config, source)
    return {"problems": _plain(problems)}


@verb("config.diff", "auditor")
def diff(box: Services, call: Call, *, old: Which = "running", new: Which = "candidate") -> Any:
    return msgspec.to_builtins(codec.diff(_config(box, call, old), _config(box, call, new)))


@verb("config.plan", "auditor")
def plan(box: Services, call: Call, *, which: Which = "candidate") -> str:
    return box.engine.explain(_config(box, call, which))


@verb("config.commit", "admin", audited=("message", "confirm_s", "base", "source"))
def commit(
    box: Services,
    call: Call,
    *,
    message: Message = "",
    confirm_s: int | None = None,
    base: int | None = None,
    source: Source = "",
) -> dict[str, Any]:
    if confirm_s is None:
        problems = _cutting_off(box, box.engine.candidate(call.who.user), source)
        if problems:
            raise InvalidError("This change may cut you off; apply it with a time to confirm.", problems=problems)
    committed = box.engine.commit(_actor(call), message, confirm_s, base)
    box.restoring.committed(call.who.user, committed.revision)
    return _committed(committed)


@verb("config.confirm", "admin", audited=())
def confirm(box: Services, call: Call) -> dict[str, Any]:
    return {"revision": box.engine.confirm(_actor(call))}


@verb("config.rollback", "admin", audited=("revision", "confirm_s"))
def rollback(box: Services, call: Call, *, revision: int, confirm_s: int | None = None) -> dict[str, Any]:
    return _committed(box.engine.rollback(_actor(call), revision, confirm_s))


@verb("config.revisions", "auditor")
def revisions(box: Services, call: Call, *, limit: Limit = 50) -> list[dict[str, Any]]:
    return [_revision(revision) for revision in box.engine.revisions.latest(limit)]


@verb("config.revision", "auditor")
def revision(box: Services, call: Call, *, id: int) -> dict[str, Any]:
    found = box.engine.revisions.revision(id)
    return {**_revision(found), "config": codec.to_plain(box.engine.revisions.config(id))}


@verb("config.export", "auditor", audited=())
def export(box: Services, call: Call, *, which: Which = "running") -> str:
    return codec.encode(_config(box, call, which)).decode()


@verb("config.import", "admin", audited=())
def import_(box: Services, call: Call, *, text: str) -> dict[str, Any]:
    config = codec.decode(text)
    return _change(box, call, lambda _: config)


def _change(box: Services, call: Call, edit: Callable[[Config], Config]) -> dict[str, Any]:
    """Change the asker's candidate; with one that changes nothing any more goes what waited for its commit.

    Raises ForbiddenError where users would change and he is no owner.
    """

    def permitted(config: Config) -> Config:
        changed = edit(config)
        if changed.users != config.users and rank(call.who.role) < rank("owner"):
            message, remedy = "Only an owner may change users.", "Leave them as they are, or ask an owner."
            raise ForbiddenError(message, problems=[Problem(path="users", message=message, remedy=remedy)])
        return changed

    problems = box.engine.change(call.who.user, permitted)
    if box.engine.candidate(call.who.user) == box.engine.config:
        box.restoring.forget(call.who.user)
    return {"problems": _plain(problems)}


def _config(box: Services, call: Call, which: Which) -> Config:
    if which == "candidate":
        return box.engine.candidate(call.who.user)
    if which == "running":
        return box.engine.config
    try:
        return box.engine.revisions.config(int(which))
    except ValueError:
        raise InvalidError(
            "Say candidate, running or the number of a revision, not %(which)s.", which=str(which)
        ) from None


def _cutting_off(box: Services, config: Config, source: str) -> list[Problem]:
    if not source or any(problem.severity == "error" for problem in box.engine.verify(config)):
        return []
    problem = cuts_off(box.engine.config, config, source)
    return [problem] if problem is not None else []


def _actor(call: Call) -> Actor:
    return Actor(name=call.who.user, role=call.who.role, reached_boot_s=call.reached_boot_s)


def _committed(committed: Committed) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(committed)
    return plain


def _revision(revision: Revision) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(revision)
    return plain


def _plain(problems: list[Problem]) -> list[dict[str, Any]]:
    plain: list[dict[str, Any]] = msgspec.to_builtins(problems)
    return plain


VERBS = (
    get,
    schema,
    set_,
    delete,
    discard,
    check,
    diff,
    plan,
    commit,
    confirm,
    rollback,
    revisions,
    revision,
    export,
    import_,
)
