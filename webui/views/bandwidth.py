"""Bandwidth: how full the lines are, who uses them, and the four ways to share them out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response

from firmware.model.config import Config, Limit, PriorityRule
from firmware.model.values import parse_moment
from firmware.model.zone import site_zone
from webui import order, people, places, words
from webui.access import requires
from webui.figures import megabits
from webui.forms import Form, identifier
from webui.i18n import gettext
from webui.router import router
from webui.security import local_path

bp = Blueprint("bandwidth", __name__, url_prefix="/bandwidth")

RATES = tuple(
    f"{prefix}{way}_{end}_bps" for prefix in ("", "shared_") for way in ("down", "up") for end in ("min", "max")
)
OWN_RATES = RATES[:4]
HOUR_CHOICES_BPS = (500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000)
HOUR_S = 3600
HOUR = "hour-"  # how its limits' names begin
SORTS = ("down", "up", "name")
SHOWN = 50


@bp.get("/")
@requires("read")
def index() -> Any:
    asked = router()
    config = asked.config()
    state = asked.read("bandwidth")
    sort = request.args.get("sort", "down")
    page = "bandwidth/live.html" if request.args.get("part") == "live" else "bandwidth/index.html"
    return render_template(
        page,
        config=config,
        state=state,
        users=users(state, sort),
        sort=sort,
        sorts={"down": gettext("Down"), "up": gettext("Up"), "name": gettext("Host")},
        hour_choices=HOUR_CHOICES_BPS,
        limits=order.ordered(config.qos.limits),
        rules=order.ordered(config.qos.priority.rules),
        now=_utc(0),
    )


def users(state: dict[str, Any], sort: str) -> list[dict[str, Any]]:
    """Who uses the lines now: the shares with what to call their hosts, in the order asked for."""
    rows = [{**share, "name": share["host_name"] or share["address"]} for share in state["shares"]]
    if sort == "name":
        rows.sort(key=lambda row: str(row["name"]).casefold())
    else:
        rows.sort(key=lambda row: -row["up" if sort == "up" else "down"]["used_bps"])
    return rows[:SHOWN]


@bp.post("/switch")
@requires("change")
def switch() -> Response:
    """All of it on or off, without losing it."""
    router().set("qos.enabled", not router().config().qos.enabled)
    return redirect(url_for("bandwidth.index"), 303)


@bp.post("/hour")
@requires("change")
def hour() -> Response:
    """Limit one host for an hour, whatever else holds for it, and also on an idle line."""
    asked = router()
    config = asked.config()
    host = people.find(asked, request.form.get("host", ""))
    rate_bps = request.form.get("rate_bps", 0, int)
    if rate_bps not in HOUR_CHOICES_BPS:
        abort(400)
    for key, limit in config.qos.limits.items():
        if key.startswith(HOUR) and limit.until and limit.until <= _utc(0):
            asked.delete(f"qos.limits.{key}")
    config = asked.config()
    name = next((key for key, limit in config.qos.limits.items() if _is_hour_of(key, limit, host["key"])), None)
    name = name or identifier(f"{HOUR}{host['name']}", config.qos.limits, "hour")
    others = {key: limit for key, limit in config.qos.limits.items() if key != name}
    moved = order.positions([name, *(key for key, _ in order.ordered(others))], others, name)
    limit = {
        "position": moved.pop(name),
        "hosts": [host["key"]],
        "down_max_bps": rate_bps,
        "up_max_bps": rate_bps,
        "always": True,
        "until": _utc(HOUR_S),
    }
    places.put("qos.limits", moved)
    asked.set(f"qos.limits.{name}", limit)
    return redirect(local_path(request.form.get("back"), url_for("bandwidth.index")), 303)


def _is_hour_of(name: str, limit: Limit, host: str) -> bool:
    """Whether a limit is one that this page has made for the host, and not the admin's own."""
    return name.startswith(HOUR) and limit.hosts == (host,) and not limit.groups and limit.always and bool(limit.until)


def _utc(after_s: float) -> str:
    return datetime.fromtimestamp(time.time() + after_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- regular: limits ----


@bp.route("/limits/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/limits/<name>", methods=["GET", "POST"])
@requires("change")
def limit(name: str | None) -> Any:
    """What hosts may use, and what it would mean for those who are here now."""
    config = router().config()
    known = config.qos.limits.get(name) if name else None
    if name and known is None:
        abort(404)
    form = Form(_limit_values(known, config))
    if form.is_sent and _save_limit(form, name, known, config):
        return redirect(url_for("bandwidth.index"), 303)
    return render_template(
        "bandwidth/limit.html",
        form=form,
        name=name,
        limit=known,
        groups=[(key, words.group(key, config)) for key in config.groups],
        schedules=[
            ("", gettext("Always")),
            *((key, words.schedule_name(key, config)) for key in config.schedules),
        ],
        meaning=_meaning(known, config) if known else [],
    ), 422 if form.is_wrong else 200


def _limit_values(known: Limit | None, config: Config) -> dict[str, Any]:
    if known is None:
        return {"enabled": True, "priority": "normal", "hosts": request.args.getlist("host")}
    values = to_builtins(known) | {"enabled": known.enabled, "priority": known.priority}
    rates = {key: megabits(getattr(known, key)) for key in RATES}
    return {**values, **rates, "until": _on_the_wall(known.until, config)}


def _on_the_wall(until: str | None, config: Config) -> str | None:
    """A moment as the site's clock shows it and a field for a date and a time of day has it: ``2026-11-26T22:30``."""
    try:
        return until and f"{parse_moment(until).astimezone(site_zone(config.system.timezone)):%Y-%m-%dT%H:%M}"
    except ValueError:  # from elsewhere; verify has told of it
        return until


def _until(form: Form, known: Limit | None, config: Config) -> str | None:
    """When the limit ends, in UTC; to the second as it was where nobody changed it."""
    text = form.text("until")
    if known and text == _on_the_wall(known.until, config):
        return known.until
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        form.add_error("until", gettext("Write a day and a time, such as 2026-11-26 22:30."))
        return None
    if moment and moment.tzinfo is None:
        moment = moment.replace(tzinfo=site_zone(config.system.timezone))
    return moment and f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _save_limit(form: Form, name: str | None, known: Limit | None, config: Config) -> bool:
    last = max((item.position for item in config.qos.limits.values()), default=0)
    value: dict[str, Any] = {
        "position": known.position if known else last + order.STEP,
        "groups": form.values("groups"),
        "hosts": form.lines("hosts"),
        **{key: form.rate(key) for key in RATES},
        "priority": form.text("priority") or "normal",
        "always": form.checked("always"),
        "schedule": form.optional("schedule"),
        "until": _until(form, known, config),
        "enabled": form.checked("enabled"),
        "description": form.text("description"),
    }
    if not any(value[key] for key in RATES) and value["priority"] == "normal" and not form.is_wrong:
        form.add_error("", gettext("Write at least one rate, or choose a priority."))
    path = f"qos.limits.{name or identifier('-'.join(value['groups']) or 'limit', config.qos.limits, 'limit')}"
    return form.save(path, value, to_builtins(known) if known else None)


def _meaning(limit: Limit, config: Config) -> list[dict[str, Any]]:
    """What the limit would do to each host it is for, by what they use now: what is used, and what would be left."""
    asked = router()
    groups = [config.groups[group] for group in limit.groups if group in config.groups]
    members = [*(member for group in groups for member in group.members), *limit.hosts]
    rows = []
    for host in people.known(asked):
        if members and not people.is_among(host, members):
            continue
        down, up = int(host["down_bps"]), int(host["up_bps"])
        then_down, then_up = min(down, limit.down_max_bps or down), min(up, limit.up_max_bps or up)
        if down or up:
            rows.append({"host": host, "down": down, "up": up, "then_down": then_down, "then_up": then_up})
    rows.sort(key=lambda row: row["then_down"] + row["then_up"] - row["down"] - row["up"])
    return rows[:SHOWN]


@bp.post("/limits/<name>/move")
@requires("change")
def move_limit(name: str) -> Response:
    """One place up (``by=-1``) or down (``by=1``): the first that fits counts."""
    places.move("qos.limits", router().config().qos.limits, name)
    return redirect(url_for("bandwidth.index"), 303)


@bp.post("/limits/<name>/delete")
@requires("change")
def delete_limit(name: str) -> Response:
    router().delete(f"qos.limits.{name}")
    return redirect(url_for("bandwidth.index"), 303)


# ---- smart, elastic ----


@bp.route("/smart", methods=["GET", "POST"])
@requires("change")
def smart() -> Any:
    now = router().config().qos.smart
    form = Form({**to_builtins(now), "enabled": now.enabled, "full_percent": now.full_percent})
    if form.is_sent:
        value = {
            "enabled": form.checked("enabled"),
            "full_percent": form.number("full_percent", 92),
            "max_delay_ms": form.number("max_delay_ms"),
        }
        if form.save("qos.smart", value, to_builtins(now)):
            return redirect(url_for("bandwidth.index"), 303)
    return render_template("bandwidth/smart.html", form=form), 422 if form.is_wrong else 200


@bp.route("/elastic", methods=["GET", "POST"])
@requires("change")
def elastic() -> Any:
    now = router().config().qos.elastic
    counted = [f"{name} {most}" for name, most in sorted(now.application_connections.items())]
    shown = {**to_builtins(now), **{key: megabits(getattr(now, key)) for key in OWN_RATES}}
    form = Form({**shown, "application_connections": counted})
    if form.is_sent:
        value = {
            "enabled": form.checked("enabled"),
            **{key: form.rate(key) for key in OWN_RATES},
            "connections": form.number("connections"),
            "application_connections": _counted(form),
        }
        if form.save("qos.elastic", value, to_builtins(now)):
            return redirect(url_for("bandwidth.index"), 303)
    return render_template("bandwidth/elastic.html", form=form), 422 if form.is_wrong else 200


def _counted(form: Form) -> dict[str, int]:
    """Lines such as ``bittorrent 50``; the last of two about the same counts."""
    found: dict[str, int] = {}
    for line in form.text("application_connections").splitlines():
        name, _, most = line.strip().rpartition(" ")
        if name and most.isdecimal() and len(most) < 8:
            found[name.strip()] = int(most)
        elif line.strip():
            form.add_error(
                "application_connections", gettext("Write an application and a number, such as bittorrent 50.")
            )
    return found


# ---- priority ----


@bp.route("/priority", methods=["GET", "POST"])
@requires("change")
def priority() -> Any:
    now = router().config().qos.priority
    shown = {key: getattr(now, key) for key in ("enabled", "share_percent", "packet_bytes", "connection_bytes")}
    form = Form({**shown, "dscp": ", ".join(map(str, now.dscp))})
    if form.is_sent:
        codes = form.lines("dscp")
        if not all(code.isdecimal() for code in codes):
            form.add_error("dscp", gettext("Write numbers from 0 to 63."))
        value = {
            **to_builtins(now),
            "enabled": form.checked("enabled"),
            "share_percent": form.number("share_percent", 50),
            "packet_bytes": form.number("packet_bytes"),
            "connection_bytes": form.number("connection_bytes"),
            "dscp": [int(code) for code in codes if code.isdecimal()],
        }
        if form.save("qos.priority", value, to_builtins(now)):
            return redirect(url_for("bandwidth.index"), 303)
    return render_template("bandwidth/priority.html", form=form), 422 if form.is_wrong else 200


@bp.route("/rules/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/rules/<name>", methods=["GET", "POST"])
@requires("change")
def rule(name: str | None) -> Any:
    """Which applications of whom go first, or make an exception."""
    asked = router()
    config = asked.config()
    known = config.qos.priority.rules.get(name) if name else None
    if name and known is None:
        abort(404)
    form = Form({**to_builtins(known), "enabled": known.enabled, "lane": known.lane} if known else {"enabled": True})
    if form.is_sent and _save_rule(form, name, known, config):
        return redirect(url_for("bandwidth.index"), 303)
    names = asked.names()
    return render_template(
        "bandwidth/rule.html",
        form=form,
        name=name,
        groups=[(key, words.group(key, config)) for key in config.groups],
        categories=[(key, words.category(key)) for key in sorted({item.category for item in names.by_id.values()})],
    ), 422 if form.is_wrong else 200


def _save_rule(form: Form, name: str | None, known: PriorityRule | None, config: Config) -> bool:
    rules = config.qos.priority.rules
    last = max((item.position for item in rules.values()), default=0)
    value: dict[str, Any] = {
        "position": known.position if known else last + order.STEP,
        "lane": form.text("lane") or "first",
        "groups": form.values("groups"),
        "except_groups": form.values("except_groups"),
        "applications": form.lines("applications"),
        "categories": form.values("categories"),
        "except_applications": form.lines("except_applications"),
        "enabled": form.checked("enabled"),
        "description": form.text("description"),
    }
    first = (*value["applications"], *value["categories"], *value["groups"], "all")[0]
    path = f"qos.priority.rules.{name or identifier(first, rules, 'rule')}"
    return form.save(path, value, to_builtins(known) if known else None)


@bp.post("/rules/<name>/move")
@requires("change")
def move_rule(name: str) -> Response:
    places.move("qos.priority.rules", router().config().qos.priority.rules, name)
    return redirect(url_for("bandwidth.index"), 303)


@bp.post("/rules/<name>/delete")
@requires("change")
def delete_rule(name: str) -> Response:
    router().delete(f"qos.priority.rules.{name}")
    return redirect(url_for("bandwidth.index"), 303)
