"""Our ip rules (protocol 201), by difference: new ones first, then the old ones go."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

from firmware.kernel import netlink
from firmware.kernel.netlink import Netlink, attribute
from firmware.model.plan import Rule

_HEADER = struct.Struct("=BBBBBBBBI")
_SRC, _PRIORITY, _MARK, _SUPPRESS_PREFIX, _TABLE, _MASK, _PROTOCOL = 2, 6, 10, 14, 15, 16, 21
_TO_TABLE = 1
_NONE = 0xFFFFFFFF
_FAMILIES = {4: 2, 6: 10}


def apply(door: Netlink, wanted: Iterable[Rule]) -> None:
    """Bring our rules to what is wanted. Raises NetlinkError."""
    present = read(door)
    target = {_normal(rule) for rule in wanted}
    for rule in sorted(target - present, key=_order):
        door.request(f"rule {rule.priority}", netlink.NEWRULE, netlink.CREATE | netlink.EXCL, _body(rule))
    for rule in sorted(present - target, key=_order):
        door.request(f"remove rule {rule.priority}", netlink.DELRULE, 0, _body(rule))


def read(door: Netlink) -> set[Rule]:
    """Our rules as the kernel has them."""
    found = set()
    for version, family in _FAMILIES.items():
        for body in door.dump(netlink.GETRULE, _HEADER.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
            rule = _rule(body, version)
            if rule is not None:
                found.add(rule)
    return found


def _order(rule: Rule) -> tuple[int, int, str]:
    return rule.family, rule.priority, str(rule)


def _normal(rule: Rule) -> Rule:
    return Rule(
        priority=rule.priority,
        family=rule.family,
        table=rule.table,
        mark=rule.mark,
        mask=None if rule.mark is None else (rule.mask or _NONE),
        source=str(ipaddress.ip_network(rule.source)) if rule.source else None,
        suppress_prefixlength=rule.suppress_prefixlength,
    )


def _body(rule: Rule) -> bytes:
    source = ipaddress.ip_network(rule.source) if rule.source else None
    length = source.prefixlen if source else 0
    table = rule.table if rule.table < 256 else 0
    body = _HEADER.pack(_FAMILIES[rule.family], 0, length, 0, table, 0, 0, _TO_TABLE, 0)
    body += attribute(_PRIORITY, rule.priority) + attribute(_TABLE, rule.table)
    body += attribute(_PROTOCOL, bytes([netlink.OWN_PROTOCOL]))
    if source is not None:
        body += attribute(_SRC, source.network_address.packed)
    if rule.mark is not None:
        body += attribute(_MARK, rule.mark) + attribute(_MASK, rule.mask or _NONE)
    if rule.suppress_prefixlength is not None:
        body += attribute(_SUPPRESS_PREFIX, rule.suppress_prefixlength)
    return body


def _rule(body: bytes, version: int) -> Rule | None:
    _, _, length, _, table, _, _, action, _ = _HEADER.unpack_from(body)
    found = netlink.attributes(body, _HEADER.size)
    if found.get(_PROTOCOL) != bytes([netlink.OWN_PROTOCOL]) or action != _TO_TABLE:
        return None
    source = found.get(_SRC)
    mark = netlink.number(found.get(_MARK))
    suppress = netlink.number(found.get(_SUPPRESS_PREFIX))
    return Rule(
        priority=netlink.number(found.get(_PRIORITY)) or 0,
        family=4 if version == 4 else 6,
        table=netlink.number(found.get(_TABLE)) or table,
        mark=mark,
        mask=None if mark is None else netlink.number(found.get(_MASK)),
        source=str(ipaddress.ip_network((source, length))) if source else None,
        suppress_prefixlength=None if suppress in (None, _NONE) else suppress,
    )
