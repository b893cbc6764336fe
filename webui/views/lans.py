"""One level below the lines: LANs with DHCP, names, port forwards."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response

from firmware.model.config import Lan
from webui.access import requires
from webui.forms import Form, identifier
from webui.i18n import gettext
from webui.router import router

bp = Blueprint("lans", __name__, url_prefix="/lans")


@bp.route("/<name>", methods=["GET", "POST"])
@requires("change")
def edit(name: str) -> Any:
    """The LAN's address and its DHCP."""
    config = router().config()
    lan = config.lans.get(name)
    if lan is None:
        abort(404)
    form = Form(
        {"address": lan.address, "ipv6": lan.ipv6, "dhcp.enabled": lan.dhcp.enabled, "dhcp.start": lan.dhcp.start,
         "dhcp.end": lan.dhcp.end, "dhcp.lease_s": lan.dhcp.lease_s // 60}
    )  # fmt: skip
    if form.is_sent and _save_lan(form, name, lan):
        return redirect(url_for("lines.index"), 303)
    page = render_template("lines/lan.html", form=form, name=name, lan=lan)
    return page, 422 if form.is_wrong else 200


def _save_lan(form: Form, name: str, lan: Lan) -> bool:
    before = to_builtins(lan)
    dhcp = {
        **before.get("dhcp", {}),
        "enabled": form.checked("dhcp.enabled"),
        "start": form.optional("dhcp.start"),
        "end": form.optional("dhcp.end"),
        "lease_s": (form.number("dhcp.lease_s", 720) or 0) * 60,
    }
    value = {**before, "address": form.text("address"), "ipv6": form.checked("ipv6"), "dhcp": dhcp}
    return form.save(f"lans.{name}", value, before)


@bp.post("/<name>/reservations/<key>/delete")
@requires("change")
def release(name: str, key: str) -> Response:
    """A host no longer gets always the same address."""
    router().delete(f"lans.{name}.dhcp.reservations.{key}")
    return redirect(url_for("lans.edit", name=name), 303)


@bp.route("/names", methods=["GET", "POST"])
@requires("change")
def dns() -> Any:
    """The name service: whom it asks, what it answers by itself."""
    before = router().config().dns
    form = Form({"domain": before.domain, "upstreams": before.upstreams, "rebind_protection": before.rebind_protection,
                 "records": [f"{name} {address}" for name, address in before.records.items()]})  # fmt: skip
    if form.is_sent:
        value = {
            **to_builtins(before),
            "domain": form.text("domain"),
            "upstreams": form.lines("upstreams"),
            "records": _records(form),
            "rebind_protection": form.checked("rebind_protection"),
        }
        if form.save("dns", value, to_builtins(before)):
            return redirect(url_for("lines.index"), 303)
    return render_template("lines/dns.html", form=form), 422 if form.is_wrong else 200


def _records(form: Form) -> dict[str, str]:
    """Lines such as ``nas.lan 192.168.8.10``; one that is not, or a name that stands twice, is noted."""
    records: dict[str, str] = {}
    for line in form.text("records").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] not in records:
            records[words[0]] = words[1]
        elif words and not form.errors("records"):
            form.add_error("records", gettext("Write one name and its address on each line, each name once."))
    return records


@bp.route("/forwards/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/forwards/<name>", methods=["GET", "POST"])
@requires("change")
def forward(name: str | None) -> Any:
    """A port forward: what comes in on a line goes to a host."""
    asked = router()
    config = asked.config()
    before = config.port_forwards.get(name) if name else None
    if name and before is None:
        abort(404)
    form = Form(
        {**to_builtins(before), "enabled": before.enabled, "protocol": before.protocol}
        if before
        else {"enabled": True, "protocol": "tcp"}
    )
    if form.is_sent:
        path = f"port_forwards.{name or identifier(form.text('description'), config.port_forwards, 'forward')}"
        value = {
            "ports": form.text("ports"),
            "to_address": form.text("to_address"),
            "to_port": form.number("to_port"),
            "protocol": form.text("protocol"),
            "wan": form.optional("wan"),
            "enabled": form.checked("enabled"),
            "description": form.text("description"),
        }
        if form.save(path, value, to_builtins(before) if before else None):
            return redirect(url_for("lines.index"), 303)
    lines = [(key, key) for key in config.wans]
    page = render_template("lines/forward.html", form=form, name=name, hosts=asked.hosts(), line_options=lines)
    return page, 422 if form.is_wrong else 200


@bp.post("/forwards/<name>/delete")
@requires("change")
def delete_forward(name: str) -> Response:
    router().delete(f"port_forwards.{name}")
    return redirect(url_for("lines.index"), 303)
