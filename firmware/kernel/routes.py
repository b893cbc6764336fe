"""Our routes (protocol 201), by difference: new ones first, then the old ones go, so that no packet finds none."""

from __future__ import annotations

import errno
import ipaddress
import struct
from collections.abc import Iterable

from firmware.kernel import netlink
from firmware.kernel.errors import NetlinkError
from firmware.kernel.netlink import Netlink, attribute
from firmware.model.plan import Route

_RTMSG = struct.Struct("=BBBBBBBBI")
_DST, _OIF, _GATEWAY, _PRIORITY, _TABLE = 1, 4, 5, 6, 15
_KINDS = {"unicast": 1, "blackhole": 6, "unreachable": 7}
_ONLINK = 4
_SCOPE_LINK = 253
_METRIC_V6 = 1024  # what the kernel makes of 0


def apply(door: Netlink, wanted: Iterable[Route], indexes: dict[str, int]) -> None:
    """Bring our routes to what is wanted; ``indexes`` are the devices' numbers.

    A route over a device that is not there or is switched off waits for the next time. Raises NetlinkError for the
    first that the kernel refused, after trying all.
    """
    refused: NetlinkError | None = None
    present = read(door, {index: name for name, index in indexes.items()})
    target = {_normal(route) for route in wanted}
    places = {_place(route) for route in target}
    for route in sorted(target - present):
        if route.device and route.device not in indexes:
            continue
        try:
            what = f"route {route.to} in table {route.table}"
            door.request(what, netlink.NEWROUTE, netlink.CREATE | netlink.REPLACE, _body(route, indexes))
        except NetlinkError as error:
            if error.number != errno.ENETDOWN:
                refused = refused or error
    for route in sorted(present - target):
        # An IPv4 route in the place of a wanted one was replaced above; IPv6 keeps it as a second path.
        if _place(route) in places and _family(route) == 2:
            continue
        try:
            what = f"remove route {route.to} from table {route.table}"
            door.request(what, netlink.DELROUTE, 0, _body(route, indexes))
        except NetlinkError as error:
            if error.number != errno.ESRCH:  # it went with its device
                refused = refused or error
    if refused is not None:
        raise refused


def read(door: Netlink, names: dict[int, str]) -> set[Route]:
    """Our routes as the kernel has them; ``names`` are the devices' names by number."""
    found = set()
    for family in (2, 10):
        for body in door.dump(netlink.GETROUTE, _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
            route = _route(body, names)
            if route is not None:
                found.add(route)
    return found


def _normal(route: Route) -> Route:
    network = ipaddress.ip_network(route.to)
    metric = route.metric or (_METRIC_V6 if network.version == 6 else 0)
    via = str(ipaddress.ip_address(route.via)) if route.via else None
    device = route.device if route.kind == "unicast" else ""
    return Route(to=str(network), table=route.table, device=device, via=via, metric=metric, kind=route.kind)


def _place(route: Route) -> tuple[str, int, int]:
    return route.to, route.table, route.metric


def _family(route: Route) -> int:
    return 10 if ":" in route.to else 2


def _body(route: Route, indexes: dict[str, int]) -> bytes:
    network = ipaddress.ip_network(route.to)
    family = _family(route)
    is_direct = family == 2 and route.via is None and route.kind == "unicast"
    scope = _SCOPE_LINK if is_direct else 0
    flags = _ONLINK if route.via and route.device else 0
    table = route.table if route.table < 256 else 0
    kind = _KINDS[route.kind]
    body = _RTMSG.pack(family, network.prefixlen, 0, 0, table, netlink.OWN_PROTOCOL, scope, kind, flags)
    body += attribute(_TABLE, route.table)
    if network.prefixlen:
        body += attribute(_DST, network.network_address.packed)
    if route.metric:
        body += attribute(_PRIORITY, route.metric)
    if route.via:
        body += attribute(_GATEWAY, ipaddress.ip_address(route.via).packed)
    if route.device in indexes:
        body += attribute(_OIF, indexes[route.device])
    return body


def _route(body: bytes, names: dict[int, str]) -> Route | None:
    family, length, _, _, table, protocol, _, kind, flags = _RTMSG.unpack_from(body)
    kinds = {number: name for name, number in _KINDS.items()}
    if protocol != netlink.OWN_PROTOCOL or kind not in kinds or flags & 0x200:  # RTM_F_CLONED
        return None
    found = netlink.attributes(body, _RTMSG.size)
    destination = found.get(_DST, bytes(4 if family == 2 else 16))
    gateway = found.get(_GATEWAY)
    index = netlink.number(found.get(_OIF)) or 0
    return Route(
        to=str(ipaddress.ip_network((destination, length))),
        table=netlink.number(found.get(_TABLE)) or table,
        device=names.get(index, "") if kinds[kind] == "unicast" else "",
        via=str(ipaddress.ip_address(gateway)) if gateway else None,
        metric=netlink.number(found.get(_PRIORITY)) or 0,
        kind=kinds[kind],  # type: ignore[arg-type]
    )
