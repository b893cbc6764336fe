"""Lines: the ways to the internet, their state and their settings; port forwards and LANs one level below."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response

from firmware.client import Invalid
from firmware.model.config import Config, Health, LineGroup, LinePolicy, Wan
from firmware.model.text import translate
from webui import order, places, words
from webui.access import requires
from webui.charts import sparkline
from webui.figures import gigabytes, megabits
from webui.forms import Form, identifier, put_back
from webui.i18n import gettext, language
from webui.picture import Picture, drawn
from webui.router import router

bp = Blueprint("lines", __name__, url_prefix="/lines")

CHART_S = 600
LINES_MAX = 7
ADDRESSES = ("new", "balance", "measuring", "picture")  # of the page itself: a line so called could not be opened
BALANCE = ("by", "sticky")
DIALLED = ("service_name", "ac_name")
SERVERS = ("download_url", "upload_url")
HEALTH = ("interval_ms", "fall", "rise", "max_loss_percent", "max_delay_ms")


@bp.get("/")
@requires("read")
def index() -> Any:
    return _index(_balance_form(router().config()))


@bp.get("/picture")
@requires("read")
def picture() -> Any:
    """The part of the page that changes by itself."""
    return render_template("lines/picture.html", picture=_picture())


def _picture() -> Picture:
    asked = router()
    return drawn(asked.status(), asked.config("running").wans)


def _balance_form(config: Config) -> Form:
    return Form({key: getattr(config.balance, key) for key in BALANCE})


def _index(form: Form) -> Any:
    asked = router()
    config = asked.config()
    status = asked.status()
    curves = {
        line["name"]: sparkline(asked.read("series", kind="line", key=line["name"], window_s=CHART_S))
        for line in status["lines"]
    }
    page = render_template(
        "lines/index.html",
        form=form,
        config=config,
        status=status,
        picture=_picture(),
        curves=curves,
        policies=order.ordered(config.line_policies),
        contents={row["name"]: row for row in asked.read("prefixes.list")},
    )
    return page, 422 if form.is_wrong else 200


def wan_values(wan: Wan) -> dict[str, Any]:
    """A line as its form shows it."""
    shown = (
        "protocol",
        "enabled",
        "weight",
        "dns",
        "ipv6",
        "health_targets",
        "role",
        "draining",
        "offload",
        "billing_day",
    )
    rates = {key: megabits(getattr(wan, key)) for key in ("up_bps", "down_bps")}
    rates["monthly_bytes"] = gigabytes(wan.monthly_bytes)
    health = {f"health.{key}": getattr(wan.health, key) for key in (*HEALTH, "require")}
    return {**to_builtins(wan), **{key: getattr(wan, key) for key in shown}, **rates, **health}


def save_line(form: Form, name: str, wan: Wan | None, number: int = 1) -> bool:
    """Put the line's form into the candidate; settings that the form does not show stay as they are."""
    value: dict[str, Any] = to_builtins(wan) if wan else {"number": number, "zone": "wan"}
    value["interface"] = form.text("interface") or value.get("interface", "")
    value["protocol"] = protocol = form.text("protocol")
    is_static, is_dialled = protocol == "static", protocol == "pppoe"
    value |= {
        "address": form.optional("address") if is_static else None,
        "gateway": form.optional("gateway") if is_static else None,
        "username": form.optional("username") if is_dialled else None,
    }
    if "dns" in request.form:
        value["dns"] = form.lines("dns")
    if "vlan" in request.form:
        value |= {key: form.number(key) for key in ("vlan", "vlan_priority", "mtu")}
        value |= {key: form.optional(key) for key in DIALLED}
    if not is_dialled:  # what only a dialled line has
        value |= dict.fromkeys(DIALLED)
        value["mtu"] = value.get("mtu") if value.get("vlan") else None
    if "weight" in request.form:
        value |= {
            "enabled": form.checked("enabled"),
            "weight": form.number("weight", 1),
            "ipv6": form.text("ipv6"),
            "ipv6_address": form.optional("ipv6_address"),
            "ipv6_gateway": form.optional("ipv6_gateway"),
            "ipv6_prefix": form.optional("ipv6_prefix"),
            "health_targets": form.lines("health_targets"),
            "health": {
                "require": form.text("health.require") or "any",
                **{key: form.number(f"health.{key}", getattr(Health(), key)) for key in HEALTH},
            },
            "up_bps": form.rate("up_bps"),
            "down_bps": form.rate("down_bps"),
            "monthly_bytes": form.gigabytes("monthly_bytes"),
            "billing_day": form.number("billing_day", 1),
            "isp": form.text("isp"),
            "role": form.text("role") or "active",
            "draining": form.checked("draining"),
            "offload": form.checked("offload"),
        }
    path, before = f"wans.{name}", to_builtins(wan) if wan else None
    if not form.save(path, value, before):
        return False
    if is_dialled and not _save_password(form, name):
        put_back(path, before)
        return False
    return True


def _save_password(form: Form, name: str) -> bool:
    """A dialled line's password goes where nobody can read it again; an empty field leaves it as it is."""
    password = request.form.get("password", "")
    if not password:
        return True
    try:
        router().call("line.password", line=name, password=password)
    except Invalid as error:
        form.add_error("password", translate(language(), error.message, error.params))
        return False
    return True


@bp.route("/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/<name>", methods=["GET", "POST"])
@requires("change")
def edit(name: str | None) -> Any:
    asked = router()
    config = asked.config()
    wan = config.wans.get(name) if name else None
    if name and wan is None:
        abort(404)
    numbers = set(range(1, LINES_MAX + 1)) - {item.number for item in config.wans.values()}
    if wan is None and not numbers:
        abort(409)
    form = Form(wan_values(wan or Wan(interface="", number=1)))
    if form.is_sent:
        title = name or identifier(form.text("title"), (*config.wans, *ADDRESSES), "line")
        if save_line(form, title, wan, min(numbers, default=1)):
            return redirect(url_for("lines.index"), 303)
    status = next((line for line in asked.status()["lines"] if line["name"] == name), None)
    page = render_template(
        "lines/line.html", form=form, name=name, wan=wan, config=config, line=status, ports=port_choices(config, wan),
        speed=_speed(name) if name else None,
    )  # fmt: skip
    return page, 422 if form.is_wrong else 200


def _speed(name: str) -> dict[str, Any] | None:
    """The line's last speed tests; ``None`` while it is not in force."""
    return next((row for row in router().read("speedtest.state") if row["line"] == name), None)


@bp.route("/measuring", methods=["GET", "POST"])
@requires("change")
def measuring() -> Any:
    """The servers that speed tests use."""
    known = router().config().speed_test
    form = Form({key: getattr(known, key) for key in SERVERS})
    if form.is_sent:
        wanted = {key: text for key in SERVERS if (text := form.text(key))}  # empty: as the factory has it
        if form.save("speed_test", wanted, to_builtins(known)):
            return redirect(url_for("lines.index"), 303)
    return render_template("lines/measuring.html", form=form), 422 if form.is_wrong else 200


@bp.get("/<name>/speed")
@requires("read")
def speed(name: str) -> Any:
    """The part of a line's page that changes by itself while it is measured."""
    return render_template("lines/speed.html", name=name, speed=_speed(name) or abort(404))


@bp.post("/<name>/speed")
@requires("change")
def measure(name: str) -> Response:
    """Begin to measure the line, or its upload through the shaper."""
    router().call("speedtest.start", line=name, shaped="shaped" in request.form)
    return redirect(url_for("lines.edit", name=name, _anchor="speed"), 303)


@bp.post("/<name>/rates")
@requires("change")
def use_rates(name: str) -> Response:
    """Put the rates that were measured into the candidate."""
    found = _speed(name)
    if found is None or found["result"] is None:
        abort(409)
    for key, rate_bps in found["result"]["suggested"].items():
        if rate_bps is not None:
            router().set(f"wans.{name}.{key}", rate_bps)
    return redirect(url_for("lines.edit", name=name), 303)


def port_choices(config: Config, wan: Wan | None = None) -> list[tuple[str, str]]:
    """The ports a line may use: all but those of local networks, with whether a cable is in and who uses it."""
    users: dict[str, list[str]] = {}
    for name, item in config.wans.items():
        if item is not wan:
            users.setdefault(item.interface, []).append(name)
    taken = {port for lan in config.lans.values() for port in lan.ports} - ({wan.interface} if wan else set())
    detected = {port["name"]: port for port in router().status().get("ports", ())}
    if wan:
        detected.setdefault(wan.interface, {"carrier": None})
    cable = {True: gettext("cable is in"), False: gettext("no cable")}
    choices = []
    # Free ports first: one that another line uses needs a VLAN.
    for name, port in sorted(detected.items(), key=lambda item: (item[0] in users, item[0])):
        notes = [cable[port["carrier"]]] if port.get("carrier") in cable else []
        if name in users:
            notes.append(gettext("used by %(lines)s") % {"lines": words.listed(users[name])})
        if name not in taken:
            choices.append((name, f"{name} – {gettext(', ').join(notes)}" if notes else name))
    return choices


@bp.post("/balance")
@requires("change")
def balance() -> Any:
    """How new connections are shared between the lines."""
    config = router().config()
    form = _balance_form(config)
    # Who sends one of the two leaves the other as it is.
    value = {key: form.text(key) or getattr(config.balance, key) for key in BALANCE}
    if not form.save("balance", value, to_builtins(config.balance)):
        return _index(form)
    return redirect(url_for("lines.index"), 303)


@bp.route("/policies/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/policies/<name>", methods=["GET", "POST"])
@requires("change")
def policy(name: str | None) -> Any:
    """Which connections leave by which line."""
    asked = router()
    config = asked.config()
    known = config.line_policies.get(name) if name else None
    if name and known is None:
        abort(404)
    form = Form({**to_builtins(known), "enabled": known.enabled, "first": known.lines[0]} if known else _asked_for())
    if form.is_sent and _save_policy(form, name, known, config):
        return redirect(url_for("lines.index"), 303)
    # While somebody searches, what is ticked so far comes along in the address.
    chosen = request.args.getlist("applications") if request.headers.get("HX-Request") else form.values("applications")
    page = render_template(
        "lines/policy.html",
        form=form,
        name=name,
        config=config,
        groups=[(key, words.group(key, config)) for key in config.groups],
        lists=[(key, words.prefix_list(key, config)) for key in config.prefix_lists],
        lines=[
            *((key, key) for key in config.wans),
            *((key, words.line_group(key, config)) for key in config.line_groups),
        ],
        q=request.args.get("q", ""),
        found=asked.names().find(request.args.get("q", ""), language()) if request.args.get("q") else [],
        chosen=chosen,
    )
    return page, 422 if form.is_wrong else 200


def _asked_for() -> dict[str, Any]:
    """What the address asked for: ``?prefix_lists=telecom``."""
    return {"enabled": True, "prefix_lists": request.args.getlist("prefix_lists")}


def _save_policy(form: Form, name: str | None, known: LinePolicy | None, config: Config) -> bool:
    last = max((item.position for item in config.line_policies.values()), default=0)
    first, others = form.text("first"), [line for line in form.values("lines") if line != form.text("first")]
    value = {
        "position": known.position if known else last + 10,
        "groups": form.values("groups"),
        "prefix_lists": form.values("prefix_lists"),
        "applications": form.values("applications"),
        "domains": form.lines("domains"),
        "ports": form.lines("ports"),
        "dscp": form.lines("dscp"),
        "lines": [first, *others] if first else others,
        "router": form.checked("router"),
        "strict": form.checked("strict"),
        "enabled": form.checked("enabled"),
        "description": form.text("description"),
    }
    kinds = [value[kind] for kind in ("groups", "prefix_lists", "applications", "domains", "ports", "dscp")]
    if not any(kinds):
        place = "groups" if config.groups else ""
        form.add_error(place, gettext("Choose at least one of: for whom, where to, what for."))
    if not value["lines"]:
        form.add_error("lines", gettext("Choose at least one."))
    path = f"line_policies.{name or _new_name(kinds, config)}"
    return form.save(path, value, to_builtins(known) if known else None)


def _new_name(kinds: list[Any], config: Config) -> str:
    chosen = next((kind for kind in kinds if kind), [])
    return identifier("-".join(chosen), config.line_policies, "policy")


@bp.post("/policies/<name>/move")
@requires("change")
def move_policy(name: str) -> Response:
    """One place up (``by=-1``) or down (``by=1``)."""
    places.move("line_policies", router().config().line_policies, name)
    return redirect(url_for("lines.index"), 303)


@bp.post("/policies/<name>/delete")
@requires("change")
def delete_policy(name: str) -> Response:
    router().delete(f"line_policies.{name}")
    return redirect(url_for("lines.index"), 303)


@bp.route("/groups/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/groups/<name>", methods=["GET", "POST"])
@requires("change")
def group(name: str | None) -> Any:
    """Lines bound into one."""
    config = router().config()
    known = config.line_groups.get(name) if name else None
    if name and known is None:
        abort(404)
    form = Form(to_builtins(known) if known else {})
    if form.is_sent and _save_group(form, name, known, config):
        return redirect(url_for("lines.index"), 303)
    lines = [(key, key) for key in config.wans]
    return render_template("lines/group.html", form=form, name=name, lines=lines), 422 if form.is_wrong else 200


def _save_group(form: Form, name: str | None, known: LineGroup | None, config: Config) -> bool:
    title = form.text("description")
    value = {"lines": form.values("lines"), "description": title}
    if not value["lines"]:
        form.add_error("lines", gettext("Choose at least one."))
    taken = config.line_groups.keys() | config.wans.keys()
    path = f"line_groups.{name or identifier(title or '-'.join(value['lines']), taken, 'lines')}"
    return form.save(path, value, to_builtins(known) if known else None)


@bp.post("/groups/<name>/delete")
@requires("change")
def delete_group(name: str) -> Response:
    router().delete(f"line_groups.{name}")
    return redirect(url_for("lines.index"), 303)


@bp.post("/<name>/delete")
@requires("change")
def delete(name: str) -> Response:
    router().delete(f"wans.{name}")
    return redirect(url_for("lines.index"), 303)
