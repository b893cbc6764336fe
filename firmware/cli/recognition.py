"""Commands about recognition: what has no name yet, and the database of applications."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.terminal import bytes_text
from firmware.model.values import readable

KINDS = {
    "named": "seen and named",
    "nameless": "encrypted, without a name",
    "encrypted_dns": "encrypted questions for names",
    "tunnel": "tunnels and proxies",
    "suspected": "suspected by behaviour",
    "unknown": "unknown",
}
LEVERS = {
    "redirect": "questions for names are answered here",
    "canary": "browsers are told to ask here",
    "hide_ech_keys": "keys for encrypted names are left out",
}
OPENING_SHOWN = 16  # bytes of the client's


def unknown(context: Context) -> int | None:
    rows = context.call("unknown", limit=context.args.limit)
    terminal = context.terminal
    if context.args.export:
        try:
            Path(context.args.export).write_text(
                json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
            )
        except OSError as error:
            terminal.error("%(file)s cannot be written: %(reason)s", file=context.args.export, reason=error.strerror)
            return EXIT_REFUSED
        terminal.done("%(file)s is written: send it to whoever keeps your database.", {}, file=context.args.export)
    elif terminal.as_json:
        terminal.json(rows)
    else:
        columns = ("site or server", "transport", "port", "application", "upload", "download", "connections", "hosts")
        terminal.table(
            (*columns, "first bytes"),
            [
                (
                    row["site"] or row["server"],
                    row["transport"],
                    str(row["port"]),
                    row["application"],
                    bytes_text(row["up_bytes"]),
                    bytes_text(row["down_bytes"]),
                    str(row["flows"]),
                    ",".join(row["hosts"]) or "-",
                    opening_text(row["opening"]),
                )
                for row in rows
            ],
        )
    return None


def opening_text(opening: Sequence[str]) -> str:
    """The client's first bytes: what is text as text, else hexadecimal."""
    data = bytes.fromhex(opening[0])[:OPENING_SHOWN]
    if not data:
        return "-"
    return readable(data) or data.hex(" ")


def posture(context: Context) -> None:
    state = context.call("posture")
    terminal = context.terminal
    if terminal.as_json:
        terminal.json(state)
        return
    whole = sum(part["bytes"] for part in state["parts"]) or 1
    terminal.table(
        ("kind of traffic", "share", "amount", "applications"),
        [
            (
                terminal.t(KINDS[part["kind"]]),
                f"{100 * part['bytes'] / whole:.1f} %",
                bytes_text(part["bytes"]),
                ", ".join(part["applications"]) or "-",
            )
            for part in state["parts"]
        ],
    )
    yes, no = terminal.t("yes"), terminal.t("no")
    terminal.pairs(
        [
            ("connections with an encrypted name (ECH)", str(state["ech"]["connections"])),
            *((LEVERS[lever], yes if is_on else no) for lever, is_on in state["levers"].items()),
        ]
    )


def database_show(context: Context) -> None:
    _show(context, context.call("applications.database"))


def database_update(context: Context) -> int | None:
    source = context.args.source
    if source is None or "://" in source:
        _show(context, context.call("applications.update", url=source))
        return None
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        context.terminal.error("%(file)s cannot be read: %(reason)s", file=source, reason=error.strerror)
        return EXIT_REFUSED
    _show(context, context.call("applications.update", content=base64.b64encode(content).decode()))
    return None


def database_rollback(context: Context) -> None:
    _show(context, context.call("applications.rollback"))


def _show(context: Context, state: dict[str, object]) -> None:
    terminal = context.terminal
    if terminal.as_json:
        terminal.json(state)
        return
    terminal.pairs(
        [
            ("version", str(state["version"])),
            ("comes from", terminal.t("the firmware" if state["source"] == "firmware" else "an update")),
            ("applications", str(state["applications"])),
            ("a rollback brings", str(state["previous"] or "-")),
        ]
    )
