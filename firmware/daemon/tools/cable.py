"""How the ports are: cable, speed, errors, and who is behind each."""

from __future__ import annotations

from collections.abc import Iterator

from firmware.daemon.tools.task import Task, ToolError
from firmware.kernel import cable
from firmware.kernel.errors import KernelError
from firmware.model.tools import CableResult, Neighbour, PortState, Said
from firmware.monitor import neighbours

NEIGHBOURS_MAX = 32  # of a port
CHANGES_MANY = 6  # each plugging in and out is two
ERRORS_MANY = 100


def run(task: Task) -> CableResult:
    """:raise ToolError: the kernel does not tell."""
    try:
        devices, stations, known = cable.ports(), cable.stations(), neighbours.neighbours()
    except KernelError as error:
        raise ToolError("The kernel does not tell: %(reason)s.", reason=str(error)) from error
    addresses: dict[str, list[str]] = {}
    for item in known:
        if item.mac and item.is_alive:
            addresses.setdefault(item.mac, []).append(item.address)
    states = []
    for name in task.ports:
        if (port := devices.get(name)) is None:
            continue
        behind = {station.mac for station in stations if station.device == port.number}
        behind |= {item.mac for item in known if item.device == port.number and item.mac and item.is_alive}
        states.append(state(name, port, cable.settings(name), {mac: addresses.get(mac, []) for mac in sorted(behind)}))
    return CableResult(ports=tuple(states), said=tuple(said for port in states for said in judged(port)))


def state(name: str, port: cable.Port, link: cable.LinkSettings | None, behind: dict[str, list[str]]) -> PortState:
    """A port as it is shown."""
    link = link or cable.LinkSettings(None, None, None, None, None)
    listed = [Neighbour(mac, tuple(sorted(set(found)))) for mac, found in behind.items()]
    return PortState(
        name=name,
        has_carrier=port.has_carrier,
        speed_mbps=link.speed_mbps if port.has_carrier else None,
        duplex=("half" if link.duplex == "half" else "full") if link.duplex and port.has_carrier else None,
        negotiates=link.negotiates,
        can_mbps=link.can_mbps,
        partner_mbps=link.partner_mbps if port.has_carrier else None,
        receive_errors=port.counters.receive_errors,
        send_errors=port.counters.send_errors,
        receive_drops=port.counters.receive_drops,
        send_drops=port.counters.send_drops,
        carrier_changes=port.carrier_changes,
        neighbours=tuple(listed[:NEIGHBOURS_MAX]),
        neighbours_left=max(0, len(listed) - NEIGHBOURS_MAX),
    )


def judged(port: PortState) -> Iterator[Said]:
    """What is remarkable about a port, or that nothing is."""
    name = {"port": port.name}
    if not port.has_carrier:
        yield Said("info", "%(port)s: no cable, or the other end is switched off.", name)
        return
    found = [*_speed(port), *_wear(port)]
    if not found:
        speed = {**name, "mbps": str(port.speed_mbps)}
        yield Said("ok", "%(port)s: well, at %(mbps)s Mbit/s." if port.speed_mbps else "%(port)s: well.", speed)
    yield from found


def _speed(port: PortState) -> Iterator[Said]:
    if port.speed_mbps is None:
        return
    params = {"port": port.name, "mbps": str(port.speed_mbps), "can": str(port.can_mbps)}
    if port.duplex == "half":
        words = "%(port)s: half duplex only: one end has a fixed setting; let both ends negotiate."
        yield Said("bad", words, params)
    if port.can_mbps is None or port.speed_mbps >= port.can_mbps or port.speed_mbps >= 1000:
        return
    if port.negotiates is False:
        words = "%(port)s: %(mbps)s Mbit/s only: it does not negotiate the speed, though it can do %(can)s Mbit/s."
        yield Said("warning", words, params)
    elif port.partner_mbps is not None and port.partner_mbps > port.speed_mbps:
        words = "%(port)s: %(mbps)s Mbit/s only, though both ends can do more: a wire of the cable may be broken."
        yield Said("bad", words, params)
    elif port.partner_mbps is not None:
        yield Said("info", "%(port)s: %(mbps)s Mbit/s: the other end offers no more.", params)
    else:
        words = "%(port)s: %(mbps)s Mbit/s only: the other end can do no more, or a wire of the cable may be broken."
        yield Said("warning", words, params)


def _wear(port: PortState) -> Iterator[Said]:
    if port.receive_errors >= ERRORS_MANY:
        words = "%(port)s: %(count)s packets came in damaged: change the cable, then the port."
        yield Said("bad", words, {"port": port.name, "count": str(port.receive_errors)})
    if port.carrier_changes >= CHANGES_MANY:
        words = (
            "%(port)s: the link came or went %(count)s times since the start: a loose plug, or a device that restarts."
        )
        yield Said("warning", words, {"port": port.name, "count": str(port.carrier_changes)})
