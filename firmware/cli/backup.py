"""Commands about backups: making one, putting one back by way of the candidate, those that make themselves."""

from __future__ import annotations

import base64
import getpass
import os
import sys
from pathlib import Path
from typing import Any, get_args

from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.terminal import bytes_text, time_text
from firmware.model.config import BackupPart
from firmware.model.problem import Problem

PARTS = get_args(BackupPart)
PLACES = {"usb": "USB stick", "share": "network share", "hq": "HQ"}


def make(context: Context) -> int | None:
    args, terminal = context.args, context.terminal
    passphrase = _passphrase(context, is_new=True)
    if passphrase is None:
        return EXIT_REFUSED
    made = context.call("backup.make", parts=_words(args.parts) or list(PARTS), passphrase=passphrase)
    path = Path(args.file)
    partial = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            piece: dict[str, Any] = {"is_last": False}
            while not piece["is_last"]:
                piece = context.call("backup.read", id=made["id"], offset=file.tell())
                file.write(base64.b64decode(piece["data"]))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        terminal.error("%(file)s cannot be written: %(reason)s", file=path, reason=error.strerror)
        return EXIT_REFUSED
    finally:
        partial.unlink(missing_ok=True)
    terminal.done("The backup %(file)s is made: %(size)s.", made, file=path, size=bytes_text(made["bytes"]))
    return None


def restore(context: Context) -> int | None:
    args, terminal = context.args, context.terminal
    passphrase = _passphrase(context, is_new=False)
    if passphrase is None:
        return EXIT_REFUSED
    found = context.call("backup.open", path=str(Path(args.file).resolve()), passphrase=passphrase)
    parts = _words(args.parts) or found["parts"]
    mapping = _mapping(args.map, found)
    if "configuration" in parts and not mapping and not found["fits"]:
        _show_ports(context, found)
        return EXIT_REFUSED
    wanted = {"parts": parts, "sections": _words(args.sections) or "all", "map": mapping or None}
    result = context.call("backup.restore", id=found["id"], **wanted)
    if terminal.as_json:
        terminal.json(result)
        return None
    for item in result["along"]:
        terminal.line(terminal.t("%(path)s comes along: %(because)s needs it.", **item))
    if not result["waits"]:
        terminal.done("The backup is restored.")
        return None
    terminal.done("The backup is the candidate now. Look at it with rsctl diff, then: rsctl commit --confirm 120")
    problems = [Problem(**problem) for problem in result["problems"]]
    if problems:
        terminal.error("To be considered:")
        terminal.problems(problems)
    return None


def _mapping(words: list[str] | None, found: dict[str, Any]) -> dict[str, str]:
    """Old port -> port of this router, as typed; ``auto`` takes the proposal, what is typed beside it counts more."""
    given = words or []
    mapping: dict[str, str] = dict(found["map"]) if "auto" in given else {}
    for word in given:
        old, sign, new = word.partition("=")
        if sign:
            mapping = {name: port for name, port in mapping.items() if port != new}
            mapping[old] = new
    return mapping


def _show_ports(context: Context, found: dict[str, Any]) -> None:
    """Which ports the backup speaks of, and what to say."""
    terminal = context.terminal
    terminal.error("The backup is of a router with other ports. Say which port is which here, or take the proposal:")
    proposal = [f"--map {old}={new}" for old, new in found["map"].items()]
    terminal.hint("for example: %(words)s", words=" ".join(["rsctl restore", context.args.file, *proposal]))
    terminal.hint("ports of this router: %(ports)s", ports=", ".join(port["name"] for port in found["here"]))


def _passphrase(context: Context, *, is_new: bool) -> str | None:
    terminal = context.terminal
    if context.args.stdin:
        return sys.stdin.readline().rstrip("\n")
    given = getpass.getpass(terminal.t("Passphrase of the backup: "))
    if is_new and getpass.getpass(terminal.t("Once more: ")) != given:
        terminal.error("The two passphrases differ; nothing was made.")
        return None
    return given


def _words(text: str | None) -> list[str]:
    return [word for word in (text or "").split(",") if word]


def show(context: Context) -> None:
    state, terminal = context.call("backup.state"), context.terminal
    if terminal.as_json:
        terminal.json(state)
        return
    if not state["has_passphrase"]:
        terminal.error("No passphrase is set for automatic backups, so none is made.")
    yes, no = terminal.t("yes"), terminal.t("no")
    terminal.table(
        ("place", "wanted", "last good one", "file", "last try", "what went wrong"),
        [
            (
                terminal.t(PLACES[row["name"]]),
                yes if row["wanted"] else no,
                time_text(row["time"]),
                row["file"] or "-",
                time_text(row["tried"]),
                terminal.t(row["reason"]) if row["reason"] else "-",
            )
            for row in state["destinations"]
        ],
    )


def run_now(context: Context) -> None:
    context.terminal.done("A backup is being made; rsctl backups show says how it went.", context.call("backup.run"))


def passphrase(context: Context) -> int | None:
    given = _passphrase(context, is_new=True)
    if given is None:
        return EXIT_REFUSED
    context.terminal.done("The passphrase is kept as a key.", context.call("backup.passphrase", passphrase=given))
    return None


def login(context: Context) -> None:
    terminal, name = context.terminal, context.args.destination
    secret = (
        sys.stdin.readline().rstrip("\n") if context.args.stdin else getpass.getpass(terminal.t("Password or token: "))
    )
    terminal.done("It is kept.", context.call("backup.login", destination=name, secret=secret))
