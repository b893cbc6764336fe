"""Hosts: who is here, what they use, what they are called."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response

from firmware.model.config import Dhcp, Host, Reservation
from webui import people
from webui.access import requires
from webui.charts import sparkline
from webui.forms import Form, identifier
from webui.router import router
from webui.security import local_path
from webui.views.dashboard import top_applications

bp = Blueprint("hosts", __name__, url_prefix="/hosts")

CHART_S = 3600
FLOWS = 50
USE_SPANS_S = (600, 86_400, 7 * 86_400, 31 * 86_400, 365 * 86_400)


@bp.get("/")
@requires("read")
def index() -> Any:
    asked = router()
    hosts = people.known(asked)
    config = asked.config()
    sizes = {name: sum(name in host["groups"] for host in hosts) for name in config.groups}
    wanted = request.args.get("q", "").strip().casefold()
    if wanted:
        hosts = [host for host in hosts if wanted in f"{host['name']} {host['key']} {host['addresses']}".casefold()]
    hosts.sort(key=lambda host: (-(host["up_bps"] + host["down_bps"]), str(host["name"]).casefold()))
    page = "hosts/live.html" if request.args.get("part") == "live" else "hosts/index.html"
    return render_template(page, hosts=hosts, config=config, sizes=sizes, q=request.args.get("q", ""))


@bp.get("/<key>")
@requires("read")
def show(key: str) -> Any:
    return _page(people.find(router(), key), Form(), 200)


def _page(host: dict[str, Any], form: Form, code: int) -> Any:
    asked = router()
    since_s = request.args.get("since_s", USE_SPANS_S[0], int)
    since_s = since_s if since_s in USE_SPANS_S else USE_SPANS_S[0]
    return render_template(
        "hosts/show.html",
        host=host,
        form=form,
        config=asked.config(),
        applications=top_applications(asked, since_s=since_s, host=host["key"]),
        since_s=since_s,
        spans=USE_SPANS_S,
        chart_s=max(since_s, CHART_S),
        flows=asked.read("flows", host=host["address"], limit=FLOWS),
        curve=sparkline(asked.read("series", kind="host", key=host["key"], window_s=max(since_s, CHART_S))),
        reserved=_reservation(host),
    ), code


@bp.post("/<key>/name")
@requires("change")
def rename(key: str) -> Any:
    host = people.find(router(), key)
    form = Form()
    if not host.get("mac"):
        abort(404)
    known = router().config().hosts
    # It may have its name from elsewhere, under another identifier.
    named = next((key for key, item in known.items() if item.mac.lower() == host["mac"].lower()), None)
    path = f"hosts.{named or people.host_id(host['mac'])}"
    before = known[named] if named else None
    if not form.text("name"):
        if before is not None:
            router().delete(path)
    elif not form.save(path, {"mac": host["mac"], "name": form.text("name")}, _plain(before)):
        return _page(host, form, 422)
    return redirect(url_for("hosts.show", key=key), 303)


@bp.post("/<key>/groups")
@requires("change")
def put(key: str) -> Response:
    """Into a group (``group``), or out of one (``out``)."""
    asked = router()
    host = people.find(asked, key)
    config = asked.config()
    name, leaving = request.form.get("group", ""), request.form.get("out", "")
    if name in config.groups and name not in host["groups"]:
        asked.set(f"groups.{name}.members", [*config.groups[name].members, host["key"]])
    if leaving in config.groups:
        asked.set(f"groups.{leaving}.members", list(people.without(config, leaving, host)))
    return redirect(local_path(request.form.get("back"), url_for("hosts.show", key=key)), 303)


@bp.post("/<key>/address")
@requires("change")
def reserve(key: str) -> Any:
    """Give a host always the same address, or, with an empty field, no longer."""
    asked = router()
    host = people.find(asked, key)
    form = Form()
    lan, existing = _reservation(host)
    address = form.text("reserved")
    if not host.get("mac") or lan is None:
        abort(404)
    reservations = asked.config().lans[lan].dhcp.reservations
    if not address:
        if existing:
            asked.delete(f"lans.{lan}.dhcp.reservations.{existing}")
        return redirect(url_for("hosts.show", key=key), 303)
    name = existing or identifier(host["name"], reservations, "host")
    value = to_builtins(Reservation(mac=host["mac"], address=address))
    fields = {"address": "reserved", "mac": "reserved", "": "reserved"}
    path = f"lans.{lan}.dhcp.reservations.{name}"
    if not form.save(path, value, _plain(reservations.get(name)), fields=fields):
        return _page(host, form, 422)
    return redirect(url_for("hosts.show", key=key), 303)


def _reservation(host: dict[str, Any]) -> tuple[str | None, str | None]:
    """The LAN a host is in and the name of its reservation there."""
    from ipaddress import ip_address, ip_interface

    for lan_name, lan in router().config().lans.items():
        try:
            inside = ip_address(host["address"]) in ip_interface(lan.address).network
        except ValueError:
            continue
        if inside:
            dhcp: Dhcp = lan.dhcp
            own = [name for name, item in dhcp.reservations.items() if item.mac.lower() == str(host.get("mac")).lower()]
            return lan_name, own[0] if own else None
    return None, None


def _plain(value: Host | Reservation | None) -> Any:
    return None if value is None else to_builtins(value)
