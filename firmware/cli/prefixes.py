"""Commands about prefix lists: what they hold, importing, going back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.terminal import time_text
from firmware.model.config import PREFIX_BYTES_MAX, PREFIX_LINES_MAX


def show(context: Context) -> None:
    rows = context.call("prefixes.list")
    terminal = context.terminal
    if terminal.as_json:
        terminal.json(rows)
        return
    terminal.table(
        ("list", "IPv4 prefixes", "IPv6 prefixes", "IPv4 addresses", "imported", "comes from", "a rollback brings"),
        [
            (
                row["name"],
                str(row["ipv4"]),
                str(row["ipv6"]),
                str(row["addresses"]),
                time_text(row["time"]),
                row["source"] or (terminal.t("a file") if row["time"] else "-"),
                time_text(row["previous"] and row["previous"]["time"]),
            )
            for row in rows
        ],
    )


def preview(context: Context) -> int | None:
    found = _send(context, "prefixes.preview")
    if found is None:
        return EXIT_REFUSED
    terminal = context.terminal
    if terminal.as_json:
        terminal.json(found)
        return None
    facts = found["facts"]
    terminal.pairs(
        [
            ("IPv4 prefixes", str(facts["ipv4"])),
            ("IPv6 prefixes", str(facts["ipv6"])),
            ("IPv4 addresses", str(facts["addresses"])),
            ("SHA-256", facts["sha256"]),
            ("added", _some(found["added"], found["first_added"])),
            ("removed", _some(found["removed"], found["first_removed"])),
        ]
    )
    return None


def import_list(context: Context) -> int | None:
    state = _send(context, "prefixes.import")
    if state is None:
        return EXIT_REFUSED
    _done(context, state)
    return None


def rollback(context: Context) -> None:
    _done(context, context.call("prefixes.rollback", name=context.args.name))


def _done(context: Context, state: dict[str, Any]) -> None:
    message = "The list %(name)s is in force: %(ipv4)s IPv4 and %(ipv6)s IPv6 prefixes."
    context.terminal.done(message, state, name=state["name"], ipv4=state["ipv4"], ipv6=state["ipv6"])


def _send(context: Context, verb: str) -> Any:
    """The verb's result for a file or an address; ``None`` when the file cannot be sent, which is then said."""
    source, args = context.args.source, {"name": context.args.name, "sha256": context.args.sha256}
    if source is None or "://" in source:
        return context.call(verb, url=source, **args)
    try:
        with Path(source).open("rb") as file:
            content = file.read(PREFIX_BYTES_MAX + 1)
    except OSError as error:
        context.terminal.error("%(file)s cannot be read: %(reason)s", file=source, reason=error.strerror)
        return None
    if len(content) > PREFIX_BYTES_MAX:
        message = "%(file)s is too large: a list has at most %(limit)s lines and 4 MB."
        context.terminal.error(message, file=source, limit=PREFIX_LINES_MAX)
        return None
    return context.call(verb, content=content.decode("utf-8", "replace"), **args)


def _some(count: int, first: list[str]) -> str:
    return f"{count}: {', '.join(first)}{' …' if count > len(first) else ''}" if count else "0"
