"""The overview: are the lines well, who uses what now, what was blocked, what changed last."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from firmware.model.config import Config
from webui import people, words
from webui.access import requires
from webui.charts import sparkline
from webui.router import Router, router

bp = Blueprint("dashboard", __name__)

NOW_S = 600  # "now" for applications, which the accounting knows by the minute
ROWS = 8
CHART_S = 600


@bp.get("/")
@requires("read")
def overview() -> Any:
    """The whole page, or with ``?part=live`` only what changes by itself."""
    asked = router()
    status = asked.status()
    hosts = people.known(asked)
    names = people.names_by_key(hosts)
    blocked = asked.read("blocked", limit=ROWS)
    open_alarms = [alarm for alarm in asked.read("alarms") if alarm.get("cleared") is None]
    page = {
        "status": status,
        "answer": answer(status),
        "hosts": busiest(hosts),
        "applications": top_applications(asked),
        "blocked": [{**row, "host_name": names.get(row["host"], row["host"])} for row in blocked],
        "blocked_ids": blocked_for_everyone(asked.config()),
        "alarms": [{**alarm, "text": words.alarm(alarm)} for alarm in open_alarms[:3]],
    }
    if request.args.get("part") == "live":
        return render_template("dashboard/part.html", **page)
    curves = {
        line["name"]: sparkline(asked.read("series", kind="line", key=line["name"], window_s=CHART_S))
        for line in status["lines"]
    }
    return render_template("dashboard/overview.html", curves=curves, **page)


def answer(status: dict[str, Any]) -> str:
    """The state of the site in one word: ``well``, ``partly``, ``down``, ``none``."""
    lines = [line for line in status["lines"] if line["enabled"]]
    if not lines:
        return "none"
    up = sum(bool(line["up"]) for line in lines)
    return "well" if up == len(lines) else "partly" if up else "down"


def busiest(hosts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    moving = [host for host in hosts if host["up_bps"] + host["down_bps"] > 0]
    return sorted(moving, key=lambda host: host["up_bps"] + host["down_bps"], reverse=True)[:ROWS]


def blocked_for_everyone(config: Config) -> set[str]:
    """Applications that a policy blocks for all hosts at all times."""
    return {
        application
        for policy in config.policies.values()
        if policy.enabled
        and policy.action == "block"
        and not (policy.groups or policy.except_groups or policy.schedule)
        for application in policy.applications
    }


def top_applications(asked: Router, since_s: int = NOW_S, **filters: Any) -> list[dict[str, Any]]:
    """The applications of the last seconds with their share of the bytes (percent)."""
    rows = asked.read("usage", by="application", since_s=since_s, limit=ROWS, **filters)
    total = sum(row["up_bytes"] + row["down_bytes"] for row in rows) or 1
    names = asked.names()
    return [
        {
            **row,
            "category": names.category_of(row["key"]),
            "share": round(100 * (row["up_bytes"] + row["down_bytes"]) / total),
        }
        for row in rows
    ]
