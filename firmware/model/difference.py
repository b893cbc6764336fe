"""What differs between two configurations, as paths and in words."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
from msgspec import Struct

from firmware.model import shape
from firmware.model.config import Config
from firmware.model.text import translate


class Change(Struct, frozen=True, kw_only=True):
    """One place that differs; ``before`` and ``after`` are JSON-able, None where there is nothing."""

    path: str
    kind: Literal["add", "remove", "change"]
    before: Any = None
    after: Any = None


def diff(old: Config, new: Config) -> list[Change]:
    """Every leaf that differs, in order of paths; a named object that came or went is one change."""
    return sorted(_diff(old, new, ""), key=lambda change: change.path)


def _diff(old: Any, new: Any, path: str) -> list[Change]:
    if old == new:
        return []
    if isinstance(old, Struct) and isinstance(new, Struct):
        names = old.__struct_fields__
        return [c for n in names for c in _diff(getattr(old, n), getattr(new, n), shape.join_onto(path, n))]
    if isinstance(old, dict) and isinstance(new, dict):
        changes = []
        for key in old.keys() | new.keys():
            here = shape.join_onto(path, key)
            if key not in new:
                changes.append(Change(path=here, kind="remove", before=msgspec.to_builtins(old[key])))
            elif key not in old:
                changes.append(Change(path=here, kind="add", after=msgspec.to_builtins(new[key])))
            else:
                changes += _diff(old[key], new[key], here)
        return changes
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    return [Change(path=path, kind="change", before=before, after=after)]


# What a person calls the collections and settings; a message identifier each.
NOUNS = {
    "system": "System",
    "interfaces": "Port",
    "lans": "LAN",
    "wans": "Line",
    "zones": "Zone",
    "port_forwards": "Port forward",
    "dns": "Names",
    "hosts": "Device",
    "groups": "Group",
    "schedules": "Schedule",
    "applications": "Own application",
    "policies": "Policy",
    "recognition": "Recognition",
    "update": "Update",
    "balance": "Line sharing",
    "prefix_lists": "Prefix list",
    "line_groups": "Group of lines",
    "line_policies": "Line rule",
    "qos": "Bandwidth",
    "speed_test": "Speed test",
    "backup": "Automatic backup",
    "business": "Business",
    "users": "User",
}
SETTINGS = {
    "ac_name": "PPPoE server",
    "action": "action",
    "address": "address",
    "always": "also on an idle line",
    "application_connections": "most connections by application",
    "applications": "applications",
    "billing_day": "day on which the month begins",
    "by": "shared by",
    "canary": "canary domains",
    "categories": "categories",
    "category": "category",
    "connection_bytes": "first bytes of each connection",
    "connections": "most connections",
    "daily": "daily fetching",
    "database": "database",
    "day": "day",
    "days": "days",
    "description": "description",
    "dhcp": "DHCP",
    "dns": "name servers",
    "domain": "domain",
    "domains": "domains",
    "down_bps": "rate down",
    "down_max_bps": "maximum down",
    "down_min_bps": "minimum down",
    "download_url": "address to download from",
    "draining": "draining",
    "dscp": "DSCP",
    "elastic": "for everybody",
    "enabled": "switched on",
    "end": "end",
    "every": "how often",
    "except_applications": "except applications",
    "except_groups": "except groups",
    "fall": "rounds until down",
    "format": "format",
    "forward_to": "may reach",
    "full_name": "full name",
    "full_percent": "full from percent",
    "headquarters": "headquarters",
    "gateway": "gateway",
    "groups": "groups",
    "health": "health check",
    "health_targets": "health targets",
    "hex": "bytes",
    "hide_ech_keys": "leave out keys for encrypted names",
    "hostname": "host name",
    "hour": "hour",
    "hq_url": "address of HQ",
    "interface": "port",
    "interval_ms": "interval in milliseconds",
    "ipv6": "IPv6",
    "ipv6_address": "IPv6 address",
    "ipv6_gateway": "IPv6 gateway",
    "ipv6_prefix": "IPv6 prefix",
    "isp": "provider",
    "offload": "offload",
    "keep": "how many are kept",
    "lane": "lane",
    "language": "language",
    "lease_s": "lease time in seconds",
    "length": "length",
    "limits": "limit",
    "lines": "lines",
    "mac": "MAC address",
    "masquerade": "masquerade",
    "max_delay_ms": "most delay in milliseconds",
    "max_loss_percent": "most loss in percent",
    "members": "members",
    "monthly_bytes": "bytes a month",
    "mtu": "MTU",
    "name": "name",
    "name_en": "English name",
    "name_zh": "Chinese name",
    "networks": "networks",
    "ntp_servers": "time servers",
    "number": "number",
    "offset": "offset",
    "packet_bytes": "small packets up to bytes",
    "parts": "parts",
    "patterns": "patterns",
    "ports": "ports",
    "position": "position",
    "priority": "priority",
    "prefix_lists": "prefix lists",
    "protocol": "protocol",
    "publishers": "publishers",
    "rebind_protection": "rebind protection",
    "records": "record",
    "redirect": "answer all questions here",
    "reservations": "reservation",
    "require": "what must be answered",
    "rise": "rounds until up",
    "role": "role",
    "router": "for the router's own connections",
    "rules": "rule",
    "schedule": "schedule",
    "service_name": "PPPoE service",
    "services": "services",
    "share_percent": "share of the line in percent",
    "share_url": "address of the share",
    "share_user": "user of the share",
    "shared_down_max_bps": "shared maximum down",
    "shared_down_min_bps": "shared minimum down",
    "shared_up_max_bps": "shared maximum up",
    "shared_up_min_bps": "shared minimum up",
    "smart": "limits only when the line is busy",
    "start": "start",
    "sha256": "SHA-256 of the file",
    "sticky": "what stays together",
    "strict": "only by these lines",
    "subnet_id": "subnet number",
    "timezone": "time zone",
    "to_address": "to address",
    "to_port": "to port",
    "transport": "transport",
    "until": "until",
    "up_bps": "rate up",
    "up_max_bps": "maximum up",
    "up_min_bps": "minimum up",
    "restart_from": "restart for updates from",
    "restart_until": "restart for updates until",
    "update_daily": "daily updates",
    "update_url": "address of updates",
    "upload_url": "address to upload to",
    "upstreams": "upstream servers",
    "usb": "to a USB stick",
    "username": "account",
    "vlan": "VLAN",
    "vlan_priority": "VLAN priority",
    "url": "address of the file",
    "wan": "line",
    "weight": "weight",
    "windows": "times",
    "zone": "zone",
}
# objects that are not collections
_SINGLE = ("system", "dns", "balance", "recognition", "update", "qos", "speed_test", "backup", "business")


def describe(changes: list[Change], language: str) -> list[str]:
    """A sentence for every change, in the reader's language."""
    return [_describe(change, language) for change in changes]


def _describe(change: Change, language: str) -> str:
    head, *rest = shape.split(change.path)
    noun = translate(language, NOUNS.get(head, head))
    thing = noun
    if rest and head not in _SINGLE:
        thing = translate(language, "%(noun)s %(name)s", {"noun": noun, "name": rest[0]})
        rest = rest[1:]
    switched = rest[-1:] == ["enabled"]
    if switched and len(rest) > 1:
        inner = " ".join(translate(language, SETTINGS.get(part, part)) for part in rest[:-1])
        thing = translate(language, "%(noun)s: %(name)s", {"noun": thing, "name": inner})
    params = {
        "thing": thing,
        "setting": " ".join(translate(language, SETTINGS.get(part, part)) for part in rest),
        "before": _say(_measured(change.before, rest), language),
        "after": _say(_measured(change.after, rest), language),
    }
    if change.kind == "add":
        message = "%(thing)s: %(setting)s %(after)s is added" if rest else "%(thing)s is added"
    elif change.kind == "remove":
        message = "%(thing)s: %(setting)s %(before)s is removed" if rest else "%(thing)s is removed"
    elif switched:
        message = "%(thing)s is switched on" if change.after else "%(thing)s is switched off"
    else:
        message = "%(thing)s: %(setting)s changes from %(before)s to %(after)s"
    return translate(language, message, params)


def _measured(value: Any, path: list[str]) -> Any:
    """A rate or an amount of bytes in the unit that people write it in."""
    for ending, size, unit in (("_bps", 1e6, "Mbit/s"), ("monthly_bytes", 1e9, "GB")):
        if isinstance(value, int) and path and path[-1].endswith(ending):
            return f"{value / size:.9f}".rstrip("0").rstrip(".") + f" {unit}"
    return value


def _say(value: Any, language: str) -> str:
    if value is None or value in ((), []):
        return translate(language, "nothing")
    if isinstance(value, bool):
        return translate(language, "yes") if value else translate(language, "no")
    if isinstance(value, list | tuple):
        shown = ", ".join(_say(item, language) for item in value[:8])
        more = {"shown": shown, "count": str(len(value))}
        return shown if len(value) <= 8 else translate(language, "%(shown)s and more (%(count)s in all)", more)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)
