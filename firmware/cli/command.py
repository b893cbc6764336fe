"""What a command is made of: its words, its arguments and how Tab completes them, and what it runs with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from firmware.cli.terminal import Terminal
    from firmware.client import Client

Completer = Literal["path", "revision", "application", "host", "user", "token", "line", "file", "prefix_list"]

EXIT_OK = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3


class Argument(NamedTuple):
    """One argument or option; ``options`` are argparse's keywords."""

    names: tuple[str, ...]
    help: str
    completer: Completer | None
    options: dict[str, Any]

    @property
    def is_option(self) -> bool:
        return self.names[0].startswith("-")


def argument(*names: str, help: str, completer: Completer | None = None, **options: Any) -> Argument:
    return Argument(names, help, completer, options)


class Command(NamedTuple):
    """A row of the table: ``run`` is ``module:function`` below ``firmware.cli``, imported when it is used."""

    words: tuple[str, ...]
    help: str
    run: str
    arguments: tuple[Argument, ...] = ()
    needs_daemon: bool = True

    def load(self) -> Callable[[Context], int | None]:
        from importlib import import_module

        module, function = self.run.split(":")
        loaded: Callable[[Context], int | None] = getattr(import_module(f"firmware.cli.{module}"), function)
        return loaded


class Context(NamedTuple):
    """What a command runs with; the client connects at the first call, so ``classify`` never needs a daemon."""

    args: argparse.Namespace
    terminal: Terminal
    connect: Callable[[], Client]

    def call(self, verb: str, **args: Any) -> Any:
        """Asks rsd; arguments that are ``None`` are left out."""
        return self.connect().call(verb, **{name: value for name, value in args.items() if value is not None})

    def confirm_hint(self, deadline_s: float | None) -> None:
        """Says how to keep a change that comes back by itself."""
        if deadline_s and not self.terminal.as_json:
            self.terminal.line(
                self.terminal.t(
                    "Keep it with: rsctl confirm. Otherwise it is undone in %(seconds)s s.", seconds=round(deadline_s)
                )
            )
