"""A feature's share of the Plan, and how the shares become one."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from firmware.features import nft
from firmware.model.plan import FastpathTables, File, Link, NftSet, Plan, Route, Rule, Unit


class Part(Struct, frozen=True, kw_only=True):
    """``rules`` are lines by chain; in each chain the features' lines follow in the order of ``FEATURES``."""

    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sets: tuple[NftSet, ...] = ()
    links: tuple[Link, ...] = ()
    routes: tuple[Route, ...] = ()
    ip_rules: tuple[Rule, ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    units: tuple[Unit, ...] = ()
    fastpath: FastpathTables | None = None
    nft_shape: str = ""
    nft_offload: str = ""
    hostname: str = ""
    timezone: str = ""
    queue_by_iptables: bool = False


def assemble(parts: Iterable[Part]) -> Plan:
    """One Plan of all parts: everything sorted but the rules, whose order is the features'."""
    parts = list(parts)
    return Plan(
        nft_rules=nft.chains([part.rules for part in parts]),
        nft_sets=tuple(sorted(item for part in parts for item in part.sets)),
        nft_shape=next((part.nft_shape for part in parts if part.nft_shape), ""),
        nft_offload=next((part.nft_offload for part in parts if part.nft_offload), ""),
        queue_by_iptables=any(part.queue_by_iptables for part in parts),
        links=tuple(sorted((item for part in parts for item in part.links), key=lambda link: (link.kind, link.name))),
        routes=tuple(sorted((item for part in parts for item in part.routes), key=_route_key)),
        rules=tuple(sorted((item for part in parts for item in part.ip_rules), key=_rule_key)),
        sysctls={name: value for part in parts for name, value in sorted(part.sysctls.items())},
        files=tuple(sorted(item for part in parts for item in part.files)),
        units=tuple(sorted(item for part in parts for item in part.units)),
        fastpath=next((part.fastpath for part in parts if part.fastpath is not None), FastpathTables()),
        hostname=next((part.hostname for part in parts if part.hostname), ""),
        timezone=next((part.timezone for part in parts if part.timezone), ""),
    )


def _route_key(route: Route) -> tuple[int, bool, str, int]:
    return route.table, ":" in route.to, route.to, route.metric


def _rule_key(rule: Rule) -> tuple[int, int, str]:
    return rule.family, rule.priority, rule.source or ""
