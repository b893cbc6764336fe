"""Every verb that a module of ``firmware.daemon.verbs`` makes can be asked: one that is left out is found nowhere."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

import pytest

from firmware.client.client import PATIENCE_S
from firmware.daemon import backups, business_books, verbs
from firmware.daemon.errors import InvalidError
from firmware.daemon.rsd import VERBS


def test_every_verb_that_is_made_can_be_asked() -> None:
    modules = [import_module(f"{verbs.__name__}.{module.name}") for module in pkgutil.iter_modules(verbs.__path__)]
    made = {entry.name for module in modules for entry in vars(module).values() if isinstance(entry, verbs.Verb)}
    assert made == set(VERBS)


def test_whoever_asks_waits_as_long_as_the_work_may_take() -> None:
    """Else he is told that the router does not answer, while it goes on."""
    for work_s, names in (
        (backups.WORK_S, ("backup.make", "backup.open")),
        (business_books.WORK_S, [name for name in VERBS if name.startswith("business.") and name != "business.place"]),
    ):
        assert {name for name in names if PATIENCE_S.get(name, 0) <= work_s} == set()


@pytest.mark.parametrize(
    ("name", "args", "field"),
    [
        ("login", {"user": "x" * 65, "password": "p"}, "user"),  # by whoever finds the page: it is kept and logged
        ("login", {"user": "x", "password": "p" * 257}, "password"),
        ("setup.finish", {"password_first": "p", "user": "Not A Name", "password": "p"}, "user"),
        ("audit", {"limit": -1}, "limit"),
        ("usage", {"since_s": 0}, "since_s"),
        ("backup.read", {"id": "0" * 16, "offset": -1}, "offset"),
        ("backup.make", {"parts": [], "passphrase": "p"}, "parts"),
        ("config.commit", {"message": "x" * 501}, "message"),
    ],
)
def test_arguments_have_the_bounds_that_the_handlers_say(name: str, args: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        VERBS[name].parse(args)
    assert caught.value.problems[0].path == field
