"""What the features render, on real packets (features_site.py)."""

from __future__ import annotations

import json
import re
import socket
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from firmware.features.web import CONNECTIONS_PER_CLIENT
from firmware.kernel import files
from firmware.model import codec
from firmware.model.facts import LineState
from tests.kernel.features_site import (
    CLIENT,
    CONFIG,
    FACTS,
    GUEST,
    INTERNET,
    LAN_SERVER,
    LINE1,
    LINE2,
    ROUTER,
    SERVER,
    SITE,
    SITE6,
    UP,
    Site,
    address,
    inside,
    is_silent,
    marks,
    pings,
    seen,
)
from tests.lab import netns

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def built() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def site(built: Site) -> Iterator[Site]:
    """The site in its first state; whoever changes it leaves that to this fixture to undo."""
    subprocess.run(netns.inside(ROUTER, ["conntrack", "-F"]), capture_output=True, check=True)
    yield built
    built.apply()


def test_lines_share_new_flows_by_their_weights(site: Site) -> None:
    found = Counter(address(CLIENT, SITE) for _ in range(40))
    assert found == {LINE1: 30, LINE2: 10}
    assert marks() == {1: 30, 2: 10}


def test_dead_line_gets_no_new_flow(site: Site) -> None:
    down = {**FACTS.lines, "line1": msgspec.structs.replace(UP, up=False)}
    site.apply(facts=msgspec.structs.replace(FACTS, lines=down))
    assert {address(CLIENT, SITE) for _ in range(8)} == {LINE2}


def test_line_without_a_lease_is_not_used(site: Site) -> None:
    none = {"line1": LineState(), "line2": LineState(up=True)}
    site.apply(facts=msgspec.structs.replace(FACTS, lines=none))
    assert {address(CLIENT, SITE) for _ in range(4)} == {LINE2}


def test_the_box_speaks_by_the_line_whose_address_it_takes(site: Site) -> None:
    assert address(ROUTER, SITE, source=LINE2) == LINE2
    assert address(ROUTER, SITE, source=LINE1) == LINE1
    assert address(ROUTER, SITE) == LINE1


@pytest.mark.parametrize(("line", "port"), [(LINE1, 8080), (LINE2, 8080), (LINE1, 7000), (LINE2, 7000)])
def test_port_forward_answers_by_the_line_it_came_in_by(site: Site, line: str, port: int) -> None:
    assert address(INTERNET, line, port, source=SITE) == SITE


def test_hairpin_reaches_the_server_from_its_own_lan(site: Site) -> None:
    assert address(CLIENT, LINE1, 8080) == "192.168.8.1"
    assert address(GUEST, LINE2, 8080) == "192.168.9.20"


def test_lines_with_one_address_have_a_forward_each(site: Site) -> None:
    """Two modems as delivered: the same lease for both. Of forwards of the same port the first line's counts."""
    forward = {"ports": "8080", "to_address": LAN_SERVER, "to_port": 7000, "wan": "line1"}
    ranges = {"ports": "7000-7005", "to_address": LAN_SERVER, "wan": "line1"}
    others = {"to_address": "192.168.8.99", "wan": "line2"}
    forwards = {
        "a-later": {**forward, **others},
        "b-range": {**ranges, **others, "ports": "7005-7010"},
        "c-alone": {**forward, **others, "ports": "9090", "to_address": LAN_SERVER},
        "web": forward,
        "range": ranges,
    }
    config = codec.set_path(CONFIG, "port_forwards", forwards)
    config = codec.set_path(config, "wans.line2", {"interface": "eth5", "number": 2, "ipv6": "off"})
    site.apply(config, msgspec.structs.replace(FACTS, lines={"line1": UP, "line2": UP}))
    for port in (8080, 7000, 9090):
        assert address(INTERNET, LINE1, port, source=SITE) == SITE


def test_ipv6_host_is_opened_by_its_line_and_ranges_may_overlap(site: Site) -> None:
    server = "2001:db8:f00:8::10"
    config = codec.set_path(CONFIG, "port_forwards.more", {"ports": "6990-7010", "to_address": server})
    site.apply(config)
    assert address(INTERNET, server, 7000, source=SITE6) == SITE6
    config = codec.set_path(CONFIG, "port_forwards.six.wan", "line2")
    site.apply(config)
    assert is_silent(INTERNET, server, 7000)


def test_outside_reaches_nothing_else(site: Site) -> None:
    netns.batch(["route add 192.168.8.0/24 via 198.51.100.2"], INTERNET)
    try:
        assert is_silent(INTERNET, LINE1, 22)
        assert is_silent(INTERNET, LINE1, 443)
        assert is_silent(INTERNET, LINE1, 53)
        assert is_silent(INTERNET, LAN_SERVER, 7000)
        assert is_silent(INTERNET, "2001:db8:f00:8::20", 7000)
        assert pings(INTERNET, LINE1)
        assert not pings(INTERNET, LAN_SERVER)
    finally:
        netns.batch(["route del 192.168.8.0/24"], INTERNET)


def test_guests_reach_the_internet_only(site: Site) -> None:
    assert address(GUEST, SITE) in (LINE1, LINE2)
    with pytest.raises(OSError):
        seen(GUEST, LAN_SERVER)
    with pytest.raises(ConnectionRefusedError):
        seen(GUEST, "192.168.9.1", 443)
    with pytest.raises(ConnectionRefusedError):
        seen(GUEST, "192.168.8.1", 80)
    assert pings(GUEST, "192.168.9.1")


def test_office_reaches_guests_when_allowed(site: Site) -> None:
    assert not pings(CLIENT, "192.168.9.20")
    config = codec.set_path(CONFIG, "zones.lan.forward_to", "lan,wan,guest")
    site.apply(config)
    assert pings(CLIENT, "192.168.9.20")


def test_ipv6_is_routed_and_not_translated(site: Site) -> None:
    assert address(CLIENT, SITE6) == "2001:db8:f00:8::20"
    assert address(INTERNET, "2001:db8:f00:8::10") == "2001:db8:1::1"


def test_rest_of_the_prefix_is_unreachable(site: Site) -> None:
    with pytest.raises(OSError) as caught:
        seen(CLIENT, "2001:db8:f00:77::1")
    assert not isinstance(caught.value, TimeoutError)


def test_nobody_outside_has_our_addresses(site: Site) -> None:
    """A datagram from outside with a LAN's address is dropped before anything else looks at it."""
    listener = inside(SERVER, lambda: _datagrams(5555))
    netns.batch(["addr add 192.168.8.99/32 dev lo", "route add 192.168.8.10 via 198.51.100.2"], INTERNET)
    try:
        config = codec.set_path(CONFIG, "zones.wan.forward_to", "lan")
        site.apply(config)
        inside(INTERNET, lambda: _send("192.168.8.99", LAN_SERVER, 5555, b"spoofed"))
        inside(INTERNET, lambda: _send("198.51.100.1", LAN_SERVER, 5555, b"honest"))
        assert listener.recv(100) == b"honest"
    finally:
        netns.batch(["addr del 192.168.8.99/32 dev lo", "route del 192.168.8.10"], INTERNET)
        listener.close()


def _datagrams(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.settimeout(5)
    listener.bind(("", port))
    return listener


def _send(source: str, to: str, port: int, payload: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.sendto(payload, (to, port))


def test_segments_are_clamped_to_the_line(site: Site) -> None:
    config = codec.set_path(CONFIG, "interfaces.eth0.mtu", 1400)
    config = codec.set_path(config, "wans.line2.enabled", False)
    site.apply(config)
    line, segment = seen(CLIENT, SITE).split()
    assert (line, int(segment) <= 1360) == (LINE1, True)


def test_what_a_port_was_before_comes_back(site: Site) -> None:
    """A change that is taken back leaves no MTU and no MAC behind."""
    before = ports()
    config = codec.set_path(CONFIG, "interfaces.eth5", {"mtu": 1400, "mac": "02:00:5e:00:00:01"})
    config = codec.set_path(config, "interfaces.eth1.mtu", 1300)
    site.apply(config)
    assert ports() == {**before, "eth5": (1400, "02:00:5e:00:00:01"), "eth1": (1300, before["eth1"][1])}
    site.apply(codec.set_path(config, "interfaces.eth5.mtu", 1450))
    site.apply()
    assert ports() == before


def ports() -> dict[str, tuple[int, str]]:
    """MTU and MAC of the router's ports."""
    links = json.loads(netns.command(["ip", "-j", "-n", ROUTER, "link"]))
    return {link["ifname"]: (link["mtu"], link["address"]) for link in links if link["ifname"].startswith("eth")}


def test_dnsmasq_serves_addresses_and_names(site: Site) -> None:
    config = codec.set_path(CONFIG, "dns.records[erp.lan]", "192.168.8.77")
    config = codec.set_path(config, "lans.office.dhcp.start", "192.168.8.60")
    mac = Path("/sys/class/net") / "e" / "address"
    reservation = {"mac": inside_text(CLIENT, str(mac)), "address": "192.168.8.55"}
    config = codec.set_path(config, "lans.office.dhcp.reservations.desk", reservation)
    config = codec.set_path(config, "lans.guest.dhcp.enabled", False)
    site.apply(config)
    assert site.plan is not None
    places = {"run": str(site.run_dir), "state": str(site.run_dir)}
    files.apply(site.run_dir, site.plan.files, places)
    unit = next(unit for unit in site.plan.units if unit.name == "dnsmasq")
    site.run(*(word.replace("{run}", str(site.run_dir)).replace("{state}", str(site.run_dir)) for word in unit.argv))
    netns.wait_until(lambda: resolve("erp.lan") == "192.168.8.77", "dnsmasq answers")
    assert resolve("rs-router.lan") == "192.168.8.1"
    assert lease(CLIENT) == "192.168.8.55"
    assert lease(SERVER).startswith("192.168.8.")
    assert resolve("desk.lan") == "192.168.8.55"
    assert ra_prefix(CLIENT) == "2001:db8:f00:8::"
    assert ra_prefix(GUEST) == "2001:db8:f00:9::", "IPv6 is given out where DHCP is not"
    assert not has_lease(GUEST)


def inside_text(namespace: str, path: str) -> str:
    return netns.command(netns.inside(namespace, ["cat", path])).strip()


def resolve(name: str) -> str:
    argv = netns.inside(CLIENT, ["dig", "+short", "+tries=1", "+time=1", "@192.168.8.1", name])
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


def lease(namespace: str) -> str:
    """The address that the router offers, taken and given back by busybox's client."""
    argv = netns.inside(namespace, ["busybox", "udhcpc", "-i", "e", "-n", "-q", "-f", "-s", "/bin/true"])
    output = subprocess.run(argv, capture_output=True, text=True, check=True)
    found = re.search(r"lease of ([0-9.]+) obtained", output.stdout + output.stderr)
    assert found, output.stderr
    return found[1]


def has_lease(namespace: str) -> bool:
    argv = ["busybox", "udhcpc", "-i", "e", "-n", "-q", "-f", "-t", "2", "-T", "1", "-s", "/bin/true"]
    return subprocess.run(netns.inside(namespace, argv), capture_output=True, check=False).returncode == 0


def ra_prefix(namespace: str) -> str:
    """The prefix of the router advertisement that answers a solicitation (RFC 4861 4.2, 4.6.2)."""

    def ask() -> str:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
            raw.settimeout(10)
            index = socket.if_nametoindex("e")
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            raw.sendto(struct.pack("!BBHI", 133, 0, 0, 0), ("ff02::2", 0, 0, index))
            while True:
                data = raw.recv(2000)
                if data[0] == 134:
                    return _prefix(data)

    return inside(namespace, ask)


def _prefix(data: bytes) -> str:
    offset = 16
    while offset < len(data) and data[offset] != 3:
        offset += data[offset + 1] * 8
    return socket.inet_ntop(socket.AF_INET6, data[offset + 16 : offset + 32])


def test_one_client_cannot_take_all_of_the_pages_connections(site: Site) -> None:
    site.apply(facts=msgspec.structs.replace(FACTS, web_argv=("lighttpd",)))
    page = inside(ROUTER, lambda: socket.create_server(("0.0.0.0", 443), backlog=256))
    clients: list[socket.socket] = []

    def connect(namespace: str, router: str) -> None:
        clients.append(inside(namespace, lambda: socket.create_connection((router, 443), timeout=5)))

    try:
        for _ in range(CONNECTIONS_PER_CLIENT):
            connect(CLIENT, "192.168.8.1")
        with pytest.raises(ConnectionRefusedError):
            connect(CLIENT, "192.168.8.1")
        connect(SERVER, "192.168.8.1")
    finally:
        for client in clients:
            client.close()
        page.close()
