"""The building blocks: what each module declares, and which are on.

A module is a package ``bizlite.<name>`` with ``module.py``, which holds one ``MODULE``. The tables of every module are
made at start, whether it is on or not, so that switching is quick and loses nothing; a module that is off has no menu,
pages or REST (``web/guard.py``).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import peewee

from bizlite.core.commands import command
from bizlite.core.database import use
from bizlite.core.errors import refuse
from bizlite.core.migrations import CORE_MIGRATIONS, Migration, migrate
from bizlite.core.models import Switch
from bizlite.core.session import Session
from bizlite.core.store import ask, change, insert

# In the order in which they are built upon each other; a new module is one word here.
NAMES = ("finance", "stock", "quality", "sales", "purchasing", "production", "reports")


@dataclass(frozen=True, kw_only=True)
class Module:
    """What a module is to the others and to the page; ``permissions`` have their words, message identifiers."""

    name: str
    zh: str
    en: str
    depends: tuple[str, ...] = ()
    migrations: tuple[Migration, ...] = ()
    permissions: Mapping[str, str] = field(default_factory=dict)
    menu: tuple[tuple[str, str, str], ...] = ()  # endpoint, label zh, label en


def modules() -> tuple[Module, ...]:
    """Every module of the product, in order."""
    return tuple(importlib.import_module(f"bizlite.{name}.module").MODULE for name in NAMES)


def open_company(url: str) -> peewee.Database:
    """Opens the database of a company, brings it up to date, and makes it the one that all models speak to."""
    opened = use(url)
    every = modules()
    migrate(opened, [("core", CORE_MIGRATIONS), *((module.name, module.migrations) for module in every)])
    return opened


def is_on(name: str) -> bool:
    """Whether a module is there and on; one that nobody switched is."""
    return name in names_on()


def names_on() -> set[str]:
    """The modules that are on, in one question."""
    return set(NAMES) - {module for (module,) in ask("SELECT module FROM core_switch WHERE NOT is_on")}


def blocking(name: str, is_wanted: bool, every: Sequence[Module]) -> list[str]:
    """Names of modules that must be switched first: those it stands on, or those that stand on it."""
    if is_wanted:
        return [n for module in every if module.name == name for n in module.depends if not is_on(n)]
    return [module.name for module in every if name in module.depends and is_on(module.name)]


@command("core.module.switch")
def switch(session: Session, name: str, is_wanted: bool) -> Switch:
    """Switches a module. :raise Refused: naming the modules in the way."""
    every = modules()
    if name not in NAMES:
        raise refuse("module", "does not exist", "Choose one that exists.", name)
    names = ", ".join(blocking(name, is_wanted, every))
    if names and is_wanted:
        raise refuse("module", "stands on %(names)s", "Switch %(names)s on first.", name, names=names)
    if names:
        raise refuse("module", "%(names)s stands on this", "Switch %(names)s off first.", name, names=names)
    row = Switch.get_or_none(Switch.module == name)
    if row is None:
        return insert(session, Switch(module=name, is_on=is_wanted))
    return change(session, row, is_on=is_wanted)
