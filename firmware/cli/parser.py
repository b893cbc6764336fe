"""The argument parser, made from the table of commands."""

from __future__ import annotations

import argparse
from typing import Any

from firmware.cli.command import Command
from firmware.cli.commands import COMMANDS, GROUPS
from firmware.cli.terminal import Terminal

EPILOG = (
    "Exit codes: 0 done, 1 refused (the reason is on the error output), 2 wrong usage, 3 the router's daemon cannot be "
    "reached."
)


def build_parser(terminal: Terminal) -> argparse.ArgumentParser:
    """The parser; its helps are in the terminal's language."""
    parser = argparse.ArgumentParser(
        prog="rsctl", description=terminal.t("Look at and change this router."), epilog=terminal.t(EPILOG)
    )
    _add_common(parser, terminal, first=True)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    groups: dict[str, Any] = {}
    for command in COMMANDS:
        below = commands
        if len(command.words) > 1:
            group = command.words[0]
            if group not in groups:
                # A group may be a command itself, such as "lines" beside "lines password".
                alone = commands.choices.get(group)
                inner = alone or commands.add_parser(group, help=terminal.t(GROUPS[group]))
                groups[group] = inner.add_subparsers(dest="subcommand", metavar="COMMAND", required=alone is None)
            below = groups[group]
        _add_command(below, command, terminal)
    return parser


def _add_command(below: Any, command: Command, terminal: Terminal) -> None:
    title = terminal.t(command.help)
    parser = below.add_parser(command.words[-1], help=title, description=title)
    for item in command.arguments:
        parser.add_argument(*item.names, help=terminal.t(item.help), **item.options)
    _add_common(parser, terminal, first=False)
    parser.set_defaults(run=command)


def _add_common(parser: argparse.ArgumentParser, terminal: Terminal, *, first: bool) -> None:
    """Options that may stand before or after the command; the second place must not undo what the first has set."""
    default: Any = None if first else argparse.SUPPRESS
    parser.add_argument(
        "--json", action="store_true", default=False if first else default, help=terminal.t("print JSON")
    )
    parser.add_argument(
        "--socket", metavar="FILE", default=default, help=terminal.t("the daemon's socket (default: /run/rs/rsd.sock)")
    )
    parser.add_argument("--language", choices=("zh", "en"), default=default, help=terminal.t("default: as LANG says"))
