"""Every verb that a module of ``firmware.daemon.verbs`` makes can be asked: one that is left out is found nowhere."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from firmware.daemon import verbs
from firmware.daemon.rsd import VERBS


def test_every_verb_that_is_made_can_be_asked() -> None:
    modules = [import_module(f"{verbs.__name__}.{module.name}") for module in pkgutil.iter_modules(verbs.__path__)]
    made = {entry.name for module in modules for entry in vars(module).values() if isinstance(entry, verbs.Verb)}
    assert made == set(VERBS)
