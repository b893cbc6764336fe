"""Commands that show what happens: hosts, flows, usage, what was blocked and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from firmware.cli.command import EXIT_USAGE, Context
from firmware.cli.terminal import bytes_text, duration_text, rate_text, time_text

Row = dict[str, Any]


def show(context: Context, rows: Sequence[Row], columns: Sequence[str], cells: Callable[[Row], Sequence[str]]) -> None:
    if context.terminal.as_json:
        context.terminal.json(rows)
    else:
        context.terminal.table(columns, [cells(row) for row in rows])


def status(context: Context) -> None:
    state = context.call("status")
    terminal = context.terminal
    if terminal.as_json:
        terminal.json(state)
        return
    t, memory, fastpath = terminal.t, state["memory"], state["fastpath"]
    up = sum(1 for line in state["lines"] if line["up"])
    facts = [
        ("host name", state["hostname"]),
        ("version", state["version"]),
        *([("serial number", state["serial"])] if state.get("serial") else []),
        ("running for", duration_text(state["uptime_s"])),
        ("processor", f"{state['cpu_percent']:.0f} %"),
        (
            "memory",
            t(
                "%(available)s of %(total)s available",
                available=bytes_text(memory["available"]),
                total=bytes_text(memory["total"]),
            ),
        ),
        ("lines", t("%(up)s of %(all)s up", up=up, all=len(state["lines"]))),
        ("hosts", str(state["hosts_active"])),
        ("connections", str(state["connections"])),
        ("recognition", t("works") if fastpath["alive"] else t("does not run")),
        ("blocked today", str(state["blocked_today"])),
        ("alarms", str(state["alarms"])),
    ]
    if last := state.get("last_change"):
        facts.append(
            ("last change", f"{last['revision']}  {time_text(last['time'])}  {last['author']}  {last['message']}")
        )
    if pending := state.get("pending"):
        facts.append(("waits for confirmation", t("revision %(revision)s", revision=pending["revision"])))
    terminal.pairs(facts)


def board(context: Context) -> None:
    """A PC has neither lights that a router could switch nor a button."""
    found = context.call("board")
    terminal, t = context.terminal, context.terminal.t
    if terminal.as_json:
        terminal.json(found)
        return
    if not found["lights"] and not found["button"]:
        terminal.line(t("This board has no lights for the router to switch, and no button."))
        return
    lights = [f"{t(role)}{'' if there else ' ' + t('(is not there)')}" for role, there in found["lights"].items()]
    button = t("yes") if found["button"] else t("no")
    terminal.pairs([("board", found["name"]), ("lights", ", ".join(lights)), ("button", button)])


def selfcheck(context: Context) -> None:
    """What was found, each with what to do."""
    found = context.call("selfcheck")
    terminal, t = context.terminal, context.terminal.t
    if terminal.as_json:
        terminal.json(found)
        return
    if not found:
        terminal.line(t("All is as the configuration says."))
    for row in found:
        terminal.line(f"{t(row['message'], **row['params'])} {t(row['remedy'])}")


def bandwidth(context: Context) -> None:
    """Two tables: the lines by direction, and the hosts that use them."""
    state = context.call("bandwidth")
    terminal, t = context.terminal, context.terminal.t
    if terminal.as_json:
        terminal.json(state)
        return
    if not state["running"]:
        terminal.line(t("The shaper does not run.") if state["enabled"] else t("Bandwidth is not managed."))
        return
    terminal.table(
        ("line", "direction", "rate", "used", "state", "guarantees", "hosts"),
        [
            (
                line["name"],
                t("upload") if way == "up" else t("download"),
                rate_text(line[way]["rate_bps"]),
                rate_text(line[way]["used_bps"]),
                t("congested") if line[way]["congested"] else t("free") if line[way]["shaped"] else t("not shaped"),
                f"{line[way]['scale_percent']} %",
                str(line[way]["active"]),
            )
            for line in state["lines"]
            for way in ("up", "down")
        ],
    )
    terminal.table(
        ("line", "host", "limit", "upload", "download"),
        [
            (
                share["line"],
                share["host_name"] or share["address"],
                t("everybody's") if share["limit"] == "*" else share["limit"] or "-",
                _of_most(share["up"]),
                _of_most(share["down"]),
            )
            for share in state["shares"]
        ],
    )


def _of_most(share: Row) -> str:
    """What a host uses, of what it may."""
    return f"{rate_text(share['used_bps'])} / {rate_text(share['max_bps'])}"


def hosts(context: Context) -> None:
    show(
        context,
        context.call("hosts"),
        ("address", "MAC", "name", "groups", "upload", "download", "applications"),
        lambda host: (
            host["address"],
            host.get("mac") or "-",
            host.get("name") or "-",
            ",".join(host["groups"]) or "-",
            rate_text(host["up_bps"]),
            rate_text(host["down_bps"]),
            ",".join(_name(application) for application in host["applications"][:4]) or "-",
        ),
    )


def _name(application: str | Row) -> str:
    return application if isinstance(application, str) else str(application["id"])


def flows(context: Context) -> None:
    args = context.args
    show(
        context,
        context.call("flows", host=args.host, application=args.application, limit=args.limit),
        ("transport", "from", "to", "application", "site", "decided by", "action", "line", "upload", "download", "age"),
        lambda flow: (
            flow["transport"],
            flow["a"],
            flow["b"],
            flow["application"],
            flow["host"] or "-",
            flow["stage"],
            flow["action"],
            str(flow["wan"] or "-"),
            bytes_text(flow["up_bytes"]),
            bytes_text(flow["down_bytes"]),
            duration_text(flow["age_s"]),
        ),
    )


def usage(context: Context) -> int | None:
    args = context.args
    match = re.fullmatch(r"(\d+)([mhd])", args.since)
    if match is None:
        context.terminal.error("%(value)s is not a time; write 30m, 24h or 7d.", value=args.since)
        return EXIT_USAGE
    since_s = int(match[1]) * {"m": 60, "h": 3600, "d": 86_400}[match[2]]
    rows = context.call(
        "usage", by=args.by, since_s=since_s, limit=args.limit, host=args.host, application=args.application
    )
    show(
        context,
        rows,
        (args.by, "upload", "download", "packets", "connections"),
        lambda row: (
            row.get("name") or row["key"],
            bytes_text(row["up_bytes"]),
            bytes_text(row["down_bytes"]),
            str(row["packets"]),
            str(row["connections"]),
        ),
    )
    return None


def blocked(context: Context) -> None:
    show(
        context,
        context.call("blocked", limit=context.args.limit),
        ("time", "host", "application", "site", "policy"),
        lambda row: (time_text(row["time"]), row["host"], row["application"], row["server"], row["policy"]),
    )


def alarms(context: Context) -> None:
    show(
        context,
        context.call("alarms"),
        ("time", "level", "state", "message"),
        lambda row: (
            time_text(row["time"]),
            context.terminal.t(row["level"]),
            "-" if row["cleared"] is None else context.terminal.t("is over"),
            context.terminal.t(
                row["message"], **{name: context.terminal.t(value) for name, value in row.get("params", {}).items()}
            ),
        ),
    )


def why(context: Context) -> None:
    answer = context.call("why", ip=context.args.ip, host=context.args.host, language=context.terminal.language)
    if context.terminal.as_json:
        context.terminal.json(answer)
        return
    for number, step in enumerate(answer["steps"], 1):
        context.terminal.line(f"{number}. {step}")


def applications(context: Context) -> None:
    answer = context.call("applications")
    rows = answer["applications"] if isinstance(answer, dict) else answer
    if context.terminal.as_json:
        context.terminal.json(answer)
        return
    context.terminal.table(
        ("application", "name", "category"),
        [(row["id"], row[f"name_{context.terminal.language}"], row["category"]) for row in rows],
    )
