"""Generators of captures, a module per family; each function of its ``CASES`` makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.captures.generate.case import Case


def all_cases() -> dict[str, Callable[[], Case]]:
    """By the name of the capture; scapy is imported here and not before."""
    from tests.captures.generate import dns, games, links, mail, p2p, quic, remote, servers, tls, voice, vpn, web

    modules = (tls, dns, web, quic, p2p, mail, remote, vpn, voice, games, servers, links)
    makers = [make for module in modules for make in module.CASES]
    return {make().name: make for make in makers}
