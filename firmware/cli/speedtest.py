"""The command that measures a line: it waits until the test is over and tells what came of it."""

from __future__ import annotations

import time

from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.state import Row
from firmware.cli.terminal import Terminal, rate_text, time_text

POLL_S = 0.5
GRADES = {
    "A+": "no delay to speak of",
    "A": "works very well",
    "B": "works well",
    "C": "calls and games suffer",
    "D": "bad",
    "F": "very bad",
}


def speedtest(context: Context) -> int | None:
    terminal, line, kind = context.terminal, context.args.line, "shaped" if context.args.shaped else "result"
    context.call("speedtest.start", line=line, shaped=context.args.shaped)
    if not terminal.as_json:
        terminal.line(terminal.t("Measuring the line %(line)s; it is busy for some seconds.", line=line))
    while (row := _row(context, line)) is not None and row["running"]:
        time.sleep(POLL_S)
    result: Row | None = row and row[kind]
    if result is None:
        terminal.error("The test ended without a result.")
        return EXIT_REFUSED
    if terminal.as_json:
        terminal.json(result)
    else:
        _show(terminal, line, result, is_shaped=context.args.shaped)
    return EXIT_REFUSED if result["errors"] else None


def _row(context: Context, line: str) -> Row | None:
    return next((row for row in context.call("speedtest.state") if row["line"] == line), None)


def _show(terminal: Terminal, line: str, result: Row, *, is_shaped: bool) -> None:
    t = terminal.t
    terminal.pairs(
        [
            ("time", time_text(result["time"])),
            ("download", _rate(result["down_bps"])),
            ("upload", _rate(result["up_bps"])),
            ("delay of the idle line", _delay(result["idle_ms"])),
            ("delay while downloading", _delay(result["down_ms"], result["down_grade"])),
            ("delay while uploading", _delay(result["up_ms"], result["up_grade"])),
            ("grade", f"{result['grade']}: {t(GRADES[result['grade']])}" if result["grade"] else "-"),
        ]
    )
    if reason := result["errors"].get("down"):
        terminal.error("The download could not be measured: %(reason)s", reason=t(reason))
    if reason := result["errors"].get("up"):
        terminal.error("The upload could not be measured: %(reason)s", reason=t(reason))
    rates = {key: rate for key, rate in result["suggested"].items() if rate is not None}
    if rates and not is_shaped:
        terminal.line(t("To use these rates:"))
        for key, rate in rates.items():
            terminal.line(f"  rsctl set wans.{line}.{key} {rate}")


def _rate(rate_bps: int | None) -> str:
    return "-" if rate_bps is None else rate_text(rate_bps)


def _delay(delay_ms: float | None, grade: str | None = None) -> str:
    return "-" if delay_ms is None else f"{delay_ms} ms" + (f" ({grade})" if grade else "")
