"""Commands about the lines: how they are, and the passwords of those that are dialled."""

from __future__ import annotations

import getpass
import sys

from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.state import Row, show
from firmware.cli.terminal import Terminal, rate_text, time_text

_STATES = {
    "waiting": "waiting",
    "up": "up",
    "failing": "failing %(streak)s of %(needed)s",
    "down": "down",
    "recovering": "recovering %(streak)s of %(needed)s",
}


def lines(context: Context) -> None:
    terminal, rows = context.terminal, context.call("lines")
    show(
        context,
        rows,
        (
            "line",
            "number",
            "state",
            "use",
            "share",
            "device",
            "delay",
            "loss",
            "address",
            "gateway",
            "upload",
            "download",
            "offloaded",
        ),
        lambda line: (
            line["name"],
            str(line["number"]),
            _state(terminal, line),
            terminal.t("is drained") if line["draining"] else terminal.t(line["role"]),
            f"{line['share_percent']} %",
            line["device"],
            _unit(line["rtt_ms"], "ms"),
            _unit(line["loss_percent"], "%"),
            line.get("address") or "-",
            line.get("gateway") or "-",
            rate_text(line["up_bps"]),
            rate_text(line["down_bps"]),
            _unit(line["offload"]["share_percent"], "%"),
        ),
    )
    if terminal.as_json:
        return
    if targets := [(line["name"], target) for line in rows for target in line["targets"]]:
        terminal.line()
        terminal.table(
            ("line", "target", "answer", "delay", "loss", "last answer"),
            [(name, *_target(terminal, target)) for name, target in targets],
        )
    for line in rows:
        if line["month"]:
            terminal.line()
            terminal.line(_month(terminal, line))
        if line["reason"]:
            terminal.line()
            terminal.line(f"{line['name']}: {terminal.t(line['reason'])}")
    if not_offloaded := [line for line in rows if line["enabled"] and line["offload"]["obstacle"]]:
        terminal.line()
        for line in not_offloaded:
            why = terminal.t(line["offload"]["obstacle"])
            terminal.line(terminal.t("%(line)s, nothing is offloaded: %(reason)s", line=line["name"], reason=why))


def _month(terminal: Terminal, line: Row) -> str:
    month = line["month"]
    used, cap = (f"{month[key] / 1e9:.2f}" for key in ("used_bytes", "cap_bytes"))
    message = "%(line)s: %(used)s of %(cap)s GB used this month, until %(until)s."
    if month["spent"]:
        message = "%(line)s: %(used)s of %(cap)s GB used; until %(until)s only when no other line works."
    return terminal.t(message, line=line["name"], used=used, cap=cap, until=time_text(month["until"])[:10])


def _state(terminal: Terminal, line: Row) -> str:
    """The state in words, with the rounds that count towards another."""
    if not line["enabled"]:
        return terminal.t("switched off")
    return terminal.t(_STATES[line["state"]], streak=line["streak"], needed=line["needed"])


def _target(terminal: Terminal, target: Row) -> tuple[str, ...]:
    answer = terminal.t("yes") if target["answered"] else terminal.t(target["trouble"] or "no")
    last = time_text(target["last"])
    return target["target"], answer, _unit(target["delay_ms"], "ms"), _unit(target["loss_percent"], "%"), last


def _unit(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value} {unit}"


def password(context: Context) -> int | None:
    terminal, line = context.terminal, context.args.line
    if context.args.stdin:
        new = sys.stdin.readline().rstrip("\n")
    else:
        new = getpass.getpass(terminal.t("Password of the line %(line)s: ", line=line))
        if getpass.getpass(terminal.t("Once more: ")) != new:
            terminal.error("The two passwords differ; nothing was changed.")
            return EXIT_REFUSED
    context.call("line.password", line=line, password=new)
    terminal.done("The password of the line %(line)s is kept; it is dialled with it.", {"line": line}, line=line)
    return None
