"""Whether a change would cut off the very person who makes it."""

from __future__ import annotations

from ipaddress import ip_address

from firmware.features.problems import problem
from firmware.features.topology import lan_address
from firmware.model.config import Config, Lan
from firmware.model.problem import Problem
from firmware.model.values import Address


def cuts_off(old: Config, new: Config, source_address: str) -> Problem | None:
    """A warning where a person at this address reaches the page now and would not afterwards.

    Both configurations are verified ones. IPv6 sources and those behind other routers are not judged: their networks
    are not in the configuration.
    """
    try:
        source = ip_address(source_address)
    except ValueError:
        return None
    before = _lan_of(old, source)
    if before is None or not _offers_page(old, old.lans[before]):
        return None
    after = _lan_of(new, source)
    path = ("lans", before, "address")
    remedy = "Apply with a deadline, then open the page at the new address and confirm there; else all comes back."
    if after is None:
        message = "Your own address %(source)s is in this LAN; afterwards the router is no longer in your network."
        address = lan_address(new.lans[before]).ip if before in new.lans else "-"
    elif not _offers_page(new, new.lans[after]):
        message = "Your own address %(source)s is in this LAN; afterwards its zone no longer offers the page."
        path, address = ("lans", after, "zone"), new.lans[after].zone
        remedy = "Add web to the services of the zone."
    elif lan_address(old.lans[before]).ip != lan_address(new.lans[after]).ip:
        message = "The router you speak with moves to %(value)s."
        path, address = ("lans", after, "address"), lan_address(new.lans[after]).ip
    elif set(old.lans[before].ports) - set(new.lans[after].ports):
        message = "Ports leave the LAN that you are in; if yours is one of them, you lose the router."
        path, address = ("lans", after, "ports"), ", ".join(new.lans[after].ports)
    else:
        return None
    return problem(*path, value=address, message=message, remedy=remedy, severity="warning", source=source)


def _lan_of(config: Config, source: Address) -> str | None:
    return next((name for name, lan in sorted(config.lans.items()) if source in lan_address(lan).network), None)


def _offers_page(config: Config, lan: Lan) -> bool:
    return lan.zone in config.zones and "web" in config.zones[lan.zone].services
