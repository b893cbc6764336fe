"""What makes a function of the rules a command: one transaction, one permission, posted once."""

from __future__ import annotations

import functools
import hashlib
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
    ``key`` is the caller's idempotency key: the second call with the same key and the same arguments gives the document
    of the first one and changes nothing; with other arguments it is refused.
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
                    return done
                result = function(session, *args, **kwargs)
                Key.insert(
                    key=key, user=session.user, command=name, digest=digest, at_ms=session.now_ms(),
                    table=result._meta.table_name, row=store.key_of(result),
                ).execute()  # fmt: skip
                return result

        run.permission = permission  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return wrap


def _done(session: Session, key: str, name: str, digest: str) -> Record | None:
    if not key or len(key) > LONGEST_KEY:
        raise refuse("key", "is not an idempotency key", "Give 1 to 100 characters.", key[:LONGEST_KEY])
    found = Key.get_or_none(Key.key == key)
    if found is None:
        return None
    if (found.user, found.command, found.digest) != (session.user, name, digest):
        raise refuse("key", "was used for something else", "Give a new key for each new document.", key)
    model = next(model for model in _models(Record) if model._meta.table_name == found.table)
    return store.get(model, found.row)


def _models(base: type[Record]) -> list[type[Record]]:
    return [model for child in base.__subclasses__() for model in (child, *_models(child))]
