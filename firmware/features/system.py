"""The box's name, its time zone and what the kernel forwards at all."""

from __future__ import annotations

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firmware.features.part import Part
from firmware.features.problems import problem
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem
from firmware.model.values import parse_hostname

_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/accept_ra": "0",
    # The larger of "all" and the device's value counts: each device says for itself (lan strict, wan loose).
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/all/accept_redirects": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv6/conf/all/accept_redirects": "0",
    # Accounting reads bytes, packets and ages of flows from conntrack.
    "net/netfilter/nf_conntrack_acct": "1",
    # Every end is told, also of flows that began while rs-fastpath was being started: 2, the default, spares those.
    "net/netfilter/nf_conntrack_events": "1",
    "net/netfilter/nf_conntrack_timestamp": "1",
}


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems = []
    name, zone = config.system.hostname, config.system.timezone
    try:
        is_label = "." not in parse_hostname(name) and len(name) <= 63
    except ValueError:
        is_label = False
    if not is_label:
        problems.append(
            problem(
                "system",
                "hostname",
                value=name,
                message="This is no host name.",
                remedy="Use up to 63 letters, digits and -, without dots and spaces.",
            )
        )
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(
            problem(
                "system",
                "timezone",
                value=zone,
                message="This time zone is not known.",
                remedy="Use a name such as Asia/Shanghai or Europe/Berlin.",
            )
        )
    if config.system.headquarters is not None and not _is_https(config.system.headquarters):
        problems.append(
            problem(
                "system",
                "headquarters",
                value=config.system.headquarters,
                message="This is no address of headquarters.",
                remedy="Write https:// and a name, such as https://hq.example.cn, or leave it empty.",
            )
        )
    return problems


def render(config: Config, facts: Facts) -> Part:
    return Part(hostname=config.system.hostname, timezone=config.system.timezone, sysctls=_SYSCTLS)


def _is_https(text: str) -> bool:
    """Plain http would show the box's token to everybody on the way."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not parts.username and len(text) <= 200
