"""Commands about updates of the firmware: they wait until the other slot is written and tell what happens."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.terminal import time_text

POLL_S = 0.5
PHASES = {
    "idle": "no update under way",
    "waiting": "waiting for the file",
    "checking": "checking who signed it",
    "writing": "writing to the other slot",
    "verifying": "reading back what was written",
    "ready": "ready: it starts with rsctl update restart",
    "restarting": "restarting into the new version",
    "trying": "on trial: it stays when everything works",
    "confirmed": "confirmed: it stays",
    "fell_back": "taken back: the version before is running again",
    "failed": "failed: nothing was changed",
}
STAGES = {
    "rsd": "the control plane",
    "configuration": "the configuration",
    "page": "the page",
    "lines": "a line",
}
_WORKING = ("waiting", "checking", "writing", "verifying")


def show(context: Context) -> None:
    _show(context, context.call("update.state"))


def check(context: Context) -> None:
    _show(context, context.call("update.check"))


def install(context: Context) -> int | None:
    args, terminal = context.args, context.terminal
    if args.usb:
        state = context.call("update.install", source="usb", downgrade=args.downgrade)
    elif args.source is None or "://" in args.source:
        state = context.call("update.install", source="url", url=args.source or "", downgrade=args.downgrade)
    else:
        path = str(Path(args.source).resolve())
        state = context.call("update.install", source="file", path=path, downgrade=args.downgrade)
    said = ""
    while state["phase"] in _WORKING:
        words = terminal.t(PHASES[state["phase"]])
        if words != said and not terminal.as_json:
            terminal.line(words)
            sys.stdout.flush()
            said = words
        time.sleep(POLL_S)
        state = context.call("update.state")
    if state["phase"] == "ready" and args.restart:
        state = context.call("update.restart")
    _show(context, state)
    return None if state["phase"] in ("ready", "restarting", "idle") else EXIT_REFUSED


def restart(context: Context) -> None:
    _show(context, context.call("update.restart"))


def cancel(context: Context) -> None:
    _show(context, context.call("update.cancel"))


def _show(context: Context, state: dict[str, Any]) -> None:
    terminal = context.terminal
    if terminal.as_json:
        terminal.json(state)
        return
    if not state["available"]:
        terminal.line(terminal.t("This box was not started from an image with two slots."))
    words = terminal.t(PHASES[state["phase"]])
    percent = f" {state['percent']} %" if state["phase"] in ("writing", "verifying") else ""
    pairs = [("running", f"{state['running']} ({state['running_slot'] or '-'})"), ("update", f"{words}{percent}")]
    if state["version"]:
        pairs.append(("version", f"{state['version']} ({state['slot']})"))
    if state["waits_for"]:
        pairs.append(("waits for", terminal.t(STAGES.get(state["waits_for"], state["waits_for"]))))
    if state["reason"]:
        params = {name: terminal.t(value) for name, value in state["params"].items()}
        pairs.append(("reason", terminal.t(state["reason"], **params)))
    pairs += _published(context, state["published"])
    terminal.pairs(pairs)


def _published(context: Context, published: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What is known of the list of versions; nothing where no list is configured."""
    terminal = context.terminal
    if published is None:
        return []
    newer = published["newer"]
    said = terminal.t("nothing newer") if newer is None else newer["version"]
    pairs = [("published", f"{said} ({time_text(published['time'])})")]
    if newer and newer["notes"]:
        pairs.append(("what is new", newer["notes"].get(terminal.language) or next(iter(newer["notes"].values()))))
    if newer and newer["first"]:
        pairs.append(("first on", ", ".join(newer["first"])))
    if published["reason"]:
        pairs.append(("not found out", terminal.t(published["reason"], **published["params"])))
    return pairs
