"""Hosts as people know them: names they gave, groups they are in, what they use."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from flask import abort

from firmware.model.config import Config
from firmware.model.values import Mac, Range, parse_member
from webui import words
from webui.i18n import gettext
from webui.router import Router

ROUTER = "router"  # whom rsd's accounting calls so: the box's own traffic


def key_of(host: dict[str, Any]) -> str:
    """What a host is known by in addresses of pages and in groups: its MAC, else its address."""
    return str(host.get("mac") or host["address"])


def host_id(mac: str) -> str:
    """The identifier under which the configuration keeps the name of a MAC."""
    return "h" + mac.lower().replace(":", "")


def known(asked: Router) -> list[dict[str, Any]]:
    """All hosts, with names from the candidate, the groups they are in and the names of what they use."""
    config = asked.config()
    names = {host.mac.lower(): host.name for host in config.hosts.values()}
    members = {name: _members(group.members) for name, group in config.groups.items()}
    hosts = []
    for host in asked.hosts():
        own = names.get(str(host.get("mac") or "").lower())
        hosts.append(
            {
                **host,
                "key": key_of(host),
                "addresses": host.get("addresses") or [host["address"]],
                "name": own or host.get("name") or host["address"],
                "groups": [name for name, (macs, ranges) in members.items() if _is_member(host, macs, ranges)],
                "application_names": [words.application(item) for item in application_ids(host) if item != "unknown"],
            }
        )
    return hosts


def application_ids(host: dict[str, Any]) -> list[str]:
    """The applications a host uses now, busiest first."""
    return [item["id"] if isinstance(item, dict) else str(item) for item in host.get("applications") or ()]


def find(asked: Router, key: str) -> dict[str, Any]:
    """The host with this MAC or address; :raise 404: when there is none."""
    wanted = key.lower()
    found = [host for host in known(asked) if wanted in {host["key"].lower(), host["address"], *host["addresses"]}]
    return found[0] if found else abort(404)


def names_by_key(hosts: list[dict[str, Any]]) -> dict[str, str]:
    """Names by MAC and by every address, for rows that name a host either way."""
    found = {ROUTER: gettext("The router")}
    for host in hosts:
        for key in (host.get("mac"), host["address"], *(host.get("addresses") or ())):
            if key:
                found[key] = host["name"]
    return found


def _members(members: tuple[str, ...]) -> tuple[set[str], list[Range]]:
    macs: set[str] = set()
    ranges: list[Range] = []
    for text in members:
        try:
            member = parse_member(text)
        except ValueError:
            continue  # verify has told the person already
        if isinstance(member, Mac):
            macs.add(member.text)
        else:
            ranges.append(member)
    return macs, ranges


def _is_member(host: dict[str, Any], macs: set[str], ranges: list[Range]) -> bool:
    if str(host.get("mac") or "").lower() in macs:
        return True
    for text in host.get("addresses") or [host["address"]]:
        address = ip_address(text)
        if any(r.version == address.version and r.first <= int(address) <= r.last for r in ranges):
            return True
    return False


def is_among(host: dict[str, Any], members: list[str]) -> bool:
    """Whether a host is one of a group's members."""
    return _is_member(host, *_members(tuple(members)))


def without(config: Config, group: str, host: dict[str, Any]) -> tuple[str, ...]:
    """The group's members less those that name just this host."""
    own = {str(host.get("mac") or "").lower(), host["address"], *(host.get("addresses") or ())}
    return tuple(member for member in config.groups[group].members if member.lower() not in own)
