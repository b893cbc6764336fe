"""What makes a function of the rules a command: one transaction, one permission, posted once."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from bizlite.core import store
from bizlite.core.database import Record, depth, write
from bizlite.core.errors import refuse
from bizlite.core.models import Key
from bizlite.core.session import Session

F = TypeVar("F", bound=Callable[..., Any])
LONGEST_KEY = 100


def command(permission: str) -> Callable[[F], F]:
    """Wraps ``function(session, …)``. Two things are added to it.

    The permission is asked for by the outermost command only: who may post a delivery may move the stock that it moves.
    ``key`` is the caller's idempotency key: the second call with the same key and the same arguments gives the row (or
    the count, or nothing) that the first one gave and changes nothing; with other arguments it is refused.
    """

    def wrap(function: F) -> F:
        name = f"{function.__module__}.{function.__name__}"

        @functools.wraps(function)
        def run(session: Session, *args: Any, key: str | None = None, **kwargs: Any) -> Any:
            if not depth():
                session.require(permission)
            with write():
                if key is None:
                    return function(session, *args, **kwargs)
                digest = hashlib.sha256(repr((args, sorted(kwargs.items()))).encode()).hexdigest()
                done = _done(session, key, name, digest)
                if done is not None:
                    return _given(done)
                result = function(session, *args, **kwargs)
                Key.insert(
                    key=key, user=session.user, command=name, digest=digest, at_ms=session.now_ms(), **_kept(result)
                ).execute()
                return result

        run.permission = permission  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return wrap


def _done(session: Session, key: str, name: str, digest: str) -> Key | None:
    """What the key did already."""
    if not key or len(key) > LONGEST_KEY:
        raise refuse("key", "is not an idempotency key", "Give 1 to 100 characters.", key[:LONGEST_KEY])
    found = Key.get_or_none(Key.key == key)
    if found is not None and (found.user, found.command, found.digest) != (session.user, name, digest):
        raise refuse("key", "was used for something else", "Give a new key for each new document.", key)
    return found


def _kept(result: Record | int | None) -> dict[str, str]:
    """What a command gave: a row by its table and key, else the value itself as JSON."""
    if isinstance(result, Record):
        return {"table": result._meta.table_name, "row": store.key_of(result)}
    return {"table": "", "row": json.dumps(result)}


def _given(done: Key) -> Record | int | None:
    if not done.table:
        return json.loads(done.row)  # type: ignore[no-any-return]
    model = next(model for model in _models(Record) if model._meta.table_name == done.table)
    return store.get(model, done.row)


def _models(base: type[Record]) -> list[type[Record]]:
    return [model for child in base.__subclasses__() for model in (child, *_models(child))]
