"""Servers known by their names: dnsmasq puts the addresses of its answers into sets, before the asker has them.

dnsmasq fills only the sets of the longest name that matches, so each name carries the sets of all that contain it.
What was learned is gone after ``LEARNED_S`` without a new connection (line_policies.py keeps what is used).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import NamedTuple

from firmware.model.config import Config, LinePolicy
from firmware.model.facts import Facts, Signs
from firmware.model.plan import NftSet
from firmware.model.values import parse_hostname, parse_network

LEARNED_S = 3600
LINE_MAX_BYTES = 1000  # of dnsmasq's configuration: it reads no more than 1,024
CACHE_S = 600  # dnsmasq tells nft only what it asks others for, not what it remembers


class Names(NamedTuple):
    """Names, and the sets that learn their servers' addresses; ``set6`` is "" where IPv6 does not matter."""

    set4: str
    set6: str
    domains: tuple[str, ...]


def signs(config: Config, facts: Facts, application: str) -> Signs:
    """What the servers of an application are known by, of the admin's own or of the database."""
    own = config.applications.get(application)
    if own is None:
        return facts.signs.get(application, Signs())
    return Signs(domains=own.domains, networks=own.networks)


def names_of(domains: Iterable[str], with6: bool) -> Names | None:
    """The names with their sets. Other names make other sets: they must not keep what those that are gone have left."""
    found = tuple(sorted({parse_hostname(domain) for domain in domains}))
    if not found:
        return None
    digest = hashlib.sha256("/".join(found).encode()).hexdigest()[:12]
    return Names(f"learned4_{digest}", f"learned6_{digest}" if with6 else "", found)


def of_applications(config: Config, facts: Facts, policy: LinePolicy, with6: bool) -> Names | None:
    """The names of the applications that a policy lists."""
    return names_of((name for app in policy.applications for name in signs(config, facts, app).domains), with6)


def networks(config: Config, facts: Facts, policy: LinePolicy, version: int) -> list[str]:
    """The fixed networks of the applications that a policy lists; none overlaps with another."""
    found = [parse_network(text) for app in policy.applications for text in signs(config, facts, app).networks]
    if version == 4:
        return list(map(str, collapse_addresses(one for one in found if isinstance(one, IPv4Network))))
    return list(map(str, collapse_addresses(one for one in found if isinstance(one, IPv6Network))))


def learned_sets(wanted: Iterable[Names]) -> Iterator[NftSet]:
    """The empty sets that dnsmasq fills."""
    for names in wanted:
        for set_, type_ in ((names.set4, "ipv4_addr"), (names.set6, "ipv6_addr")):
            if set_:
                yield NftSet(name=set_, kind="set", type=type_, flags=("dynamic", "timeout"), timeout_s=LEARNED_S)


def dnsmasq_lines(wanted: Iterable[Names]) -> list[str]:
    """The part of dnsmasq's configuration that fills the sets."""
    by_domain: dict[str, list[Names]] = {}
    for names in wanted:
        for domain in names.domains:
            by_domain.setdefault(domain, []).append(names)
    if not by_domain:
        return []
    lines = [f"max-cache-ttl={CACHE_S}"]
    for domain in sorted(by_domain):
        labels = domain.split(".")
        parents = (".".join(labels[start:]) for start in range(len(labels)))
        found = {names for parent in parents for names in by_domain.get(parent, ())}
        sets = sorted(f"4#inet#rs#{names.set4}" for names in found)
        sets += sorted(f"6#inet#rs#{names.set6}" for names in found if names.set6)
        lines.append(f"nftset=/{domain}/{','.join(sets)}")
    return lines
