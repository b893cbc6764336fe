"""The field tools: each begins, waits until it is over (Ctrl-C ends it) and shows what came of it."""

from __future__ import annotations

import base64
import os
import sys
import time
from pathlib import Path
from typing import Any

from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.state import Row
from firmware.cli.terminal import Terminal, bytes_text

POLL_S = 0.2
STOPPED_S = 5.0  # so long a capture that was stopped may take to end


def ping(context: Context) -> int | None:
    args = context.args
    request = {
        "host": args.host,
        "line": args.line,
        "family": args.family,
        "count": args.count,
        "size_bytes": args.size,
    }
    return _shown(context, _done(context, "ping", request), _ping)


def trace(context: Context) -> int | None:
    args = context.args
    return _shown(
        context, _done(context, "trace", {"host": args.host, "line": args.line, "family": args.family}), _trace
    )


def lookup(context: Context) -> int | None:
    args = context.args
    request = {"name": args.name, "type": args.type, "server": args.server, "line": args.line}
    return _shown(context, _done(context, "lookup", request), _lookup)


def port(context: Context) -> int | None:
    args = context.args
    request = {"host": args.host, "port": args.port, "line": args.line, "family": args.family}
    return _shown(context, _done(context, "port", request), lambda terminal, result: None)


def cable(context: Context) -> int | None:
    return _shown(context, _done(context, "cable", {}), _cable)


def capture(context: Context) -> int | None:
    args = context.args
    request = {
        "where": args.where, "host": args.host, "port": args.port, "protocol": args.protocol, "whole": args.whole,
        "seconds": args.seconds, "packets": args.packets,
    }  # fmt: skip
    return _fetched(context, _done(context, "capture", request), "%(packets)s packets, %(size)s: %(file)s")


def diagnose(context: Context) -> int | None:
    return _fetched(context, _done(context, "diagnosis", {"anonymise": context.args.anonymise}), "%(size)s: %(file)s")


def _done(context: Context, tool: str, settings: dict[str, Any]) -> Row:
    """The job, when it is over."""
    request = {"tool": tool, **{name: value for name, value in settings.items() if value is not None}}
    number = context.call("tools.start", request=request)["id"]
    try:
        return _waited(context, number)
    except KeyboardInterrupt:
        context.call("tools.stop", id=number)
        return _waited(context, number, STOPPED_S)


def _waited(context: Context, number: int, seconds: float | None = None) -> Row:
    until_s = None if seconds is None else time.monotonic() + seconds
    while True:
        job: Row = context.call("tools.job", id=number)
        if not job["running"] or (until_s is not None and time.monotonic() > until_s):
            return job
        time.sleep(POLL_S)


def _shown(context: Context, job: Row, show: Any) -> int | None:
    terminal = context.terminal
    if terminal.as_json:
        terminal.json(job)
    elif job["result"] is not None:
        show(terminal, job["result"])
        _say(terminal, job["result"]["said"])
    return _trouble(terminal, job)


def _trouble(terminal: Terminal, job: Row) -> int | None:
    if job["result"] is not None:
        return None
    said = job["trouble"] or {"message": "The tool ended without a result.", "params": {}}
    terminal.error(said["message"], **_params(terminal, said))
    return EXIT_REFUSED


def _say(terminal: Terminal, sentences: list[Row]) -> None:
    for said in sentences:
        terminal.line(terminal.t(said["message"], **_params(terminal, said)))


def _params(terminal: Terminal, said: Row) -> dict[str, str]:
    """What a sentence's places are filled with; some of it are words."""
    return {name: terminal.t(value) if value else value for name, value in said["params"].items()}


def _fetched(context: Context, job: Row, message: str) -> int | None:
    """Write the job's file, and say what is in it."""
    terminal, result = context.terminal, job["result"]
    if result is None or job["file"] is None:
        if terminal.as_json:
            terminal.json(job)
        return _trouble(terminal, {**job, "result": None})
    name = context.args.output or job["file"]
    try:
        _write(context, job, name)
    except OSError as error:
        terminal.error("%(file)s cannot be written: %(reason)s", file=name, reason=error.strerror or error)
        return EXIT_REFUSED
    if name == "-":
        return None
    if terminal.as_json:
        terminal.json({**job, "file": name})
    else:
        _say(terminal, result["said"])
        places = {"packets": result.get("packets"), "size": bytes_text(job["file_bytes"]), "file": name}
        terminal.line(terminal.t(message, **places))
    return None


def _write(context: Context, job: Row, name: str) -> None:
    """Nobody else may read it: packets hold what people say."""
    if name == "-":
        for piece in _pieces(context, job):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    handle = os.open(Path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        for piece in _pieces(context, job):
            file.write(piece)


def _pieces(context: Context, job: Row) -> Any:
    offset = 0
    while offset < job["file_bytes"]:
        piece = base64.b64decode(context.call("tools.file", id=job["id"], offset=offset)["content"])
        if not piece:
            return
        offset += len(piece)
        yield piece


def _ping(terminal: Terminal, result: Row) -> None:
    rows = [(str(r["number"]), r["source"], _ms(r["delay_ms"]), terminal.t(r["trouble"])) for r in result["replies"]]
    if rows:
        terminal.table(("number", "from", "delay", "note"), rows)
    if result["mean_ms"] is not None:
        figures = [_ms(result[key]) for key in ("least_ms", "mean_ms", "most_ms")]
        terminal.pairs([("loss", f"{result['loss_percent']:g} %"), ("delay: least, mean, most", ", ".join(figures))])


def _trace(terminal: Terminal, result: Row) -> None:
    def row(hop: Row) -> tuple[str, str, str, str]:
        delays = ", ".join(_ms(delay) for delay in hop["delays_ms"])
        return str(hop["number"]), hop["address"] or "*", delays or "-", terminal.t(hop["trouble"])

    terminal.table(("step", "router", "delay", "note"), [row(hop) for hop in result["hops"]])


def _lookup(terminal: Terminal, result: Row) -> None:
    if result["records"]:
        rows = [(r["name"], r["type"], f"{r['ttl_s']} s", r["value"]) for r in result["records"]]
        terminal.table(("name", "type", "keeps for", "value"), rows)
    if result["took_ms"] is not None:
        terminal.pairs([("answered by", result["server"]), ("delay", _ms(result["took_ms"]))])


def _cable(terminal: Terminal, result: Row) -> None:
    def row(item: Row) -> tuple[str, ...]:
        speed = "-" if item["speed_mbps"] is None else f"{item['speed_mbps']} Mbit/s"
        errors, drops = (f"{item[f'receive_{kind}']}/{item[f'send_{kind}']}" for kind in ("errors", "drops"))
        yes = terminal.t("yes") if item["has_carrier"] else terminal.t("no")
        duplex = terminal.t(item["duplex"]) if item["duplex"] else "-"
        return item["name"], yes, speed, duplex, errors, drops, str(item["carrier_changes"])

    columns = ("port", "link", "speed", "duplex", "errors in/out", "drops in/out", "link changes")
    terminal.table(columns, [row(item) for item in result["ports"]])
    seen = [(item["name"], n["mac"], " ".join(n["addresses"])) for item in result["ports"] for n in item["neighbours"]]
    if seen:
        terminal.line()
        terminal.table(("port", "neighbour", "address"), seen)
    terminal.line()


def _ms(delay_ms: float | None) -> str:
    return "-" if delay_ms is None else f"{delay_ms:g} ms"
