"""Every verb that a module of ``firmware.daemon.verbs`` makes can be asked: one that is left out is found nowhere."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from firmware.client.client import PATIENCE_S
from firmware.daemon import backups, business_books, verbs
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
