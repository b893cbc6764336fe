"""A site for what the features render: an office and a guest LAN, two lines, an internet behind both.

The Plan is put into the kernel by the product's own kernel modules; no daemon and no fastpath run here.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from firmware.features import render, verify
from firmware.kernel import links, nft, routes, rules, sysctl
from firmware.kernel.netlink import Netlink
from firmware.model import codec
from firmware.model.config import Config
from firmware.model.facts import Facts, LineState, PortFact
from firmware.model.plan import Plan
from tests.lab import netns

ROUTER, CLIENT, SERVER, GUEST, INTERNET = NAMES = ("gldr", "gldc", "glds", "gldg", "gldi")
SITE, SITE6 = "192.0.2.80", "2001:db8:80::80"  # a server in the internet
LINE1, LINE2 = "198.51.100.2", "203.0.113.2"
LAN_SERVER = "192.168.8.10"
T = TypeVar("T")

CONFIG = codec.decode(
    """{
    "lans": {
      "office": {"ports": ["eth1", "eth3"], "address": "192.168.8.1/24", "subnet_id": 8},
      "guest": {"ports": ["eth2"], "address": "192.168.9.1/24", "zone": "guest", "subnet_id": 9}},
    "wans": {
      "line1": {"interface": "eth0", "number": 1, "weight": 3},
      "line2": {"interface": "eth5", "number": 2, "protocol": "static", "ipv6": "off",
                "address": "203.0.113.2/29", "gateway": "203.0.113.1", "dns": ["203.0.113.1"]}},
    "zones": {
      "lan": {"services": ["dhcp", "dns", "ping", "web"], "forward_to": ["lan", "wan"]},
      "guest": {"services": ["dhcp", "dns", "ping"], "forward_to": ["wan"]},
      "wan": {"services": ["ping"], "masquerade": true}},
    "port_forwards": {
      "web": {"ports": "8080", "to_address": "192.168.8.10", "to_port": 7000},
      "range": {"ports": "7000-7001", "to_address": "192.168.8.10"},
      "six": {"ports": "7000", "to_address": "2001:db8:f00:8::10"}},
    "users": {"admin": {"role": "owner"}}}"""
)
UP = LineState(
    up=True,
    address="198.51.100.2/24",
    gateway="198.51.100.1",
    ipv6_address="2001:db8:1::2/64",
    ipv6_gateway="2001:db8:1::1",
    ipv6_prefix="2001:db8:f00::/56",
)
FACTS = Facts(
    ports={name: PortFact() for name in ("eth0", "eth1", "eth2", "eth3", "eth5")},
    lines={"line1": UP, "line2": LineState(up=True)},
    nft_queue=False,
    can_set_clock=False,
)


def inside(namespace: str, act: Callable[[], T]) -> T:
    """What ``act`` gives in a namespace: a thread of its own enters it."""
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            netns.enter(namespace)
            result.append(act())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


class Site:
    """The namespaces, their servers, and the router's present Plan."""

    def __init__(self) -> None:
        # Not pytest's own: dnsmasq reads its files as its own user, who must get there.
        self.run_dir = Path(tempfile.mkdtemp(prefix="gld-run-"))
        self.run_dir.chmod(0o755)
        self.plan: Plan | None = None
        self.servers: list[socket.socket] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def build(self) -> None:
        netns.delete([name for name in NAMES if name in netns.existing("gld")])
        netns.add(NAMES)
        for port, (namespace, device) in {
            "eth0": (INTERNET, "e1"),
            "eth5": (INTERNET, "e2"),
            "eth1": (CLIENT, "e"),
            "eth3": (SERVER, "e"),
            "eth2": (GUEST, "e"),
        }.items():
            netns.batch([f"link add {port} type veth peer name {device} netns {namespace}"], ROUTER)
        netns.batch(
            [
                "addr add 198.51.100.1/24 dev e1",
                "addr add 203.0.113.1/29 dev e2",
                "addr add 2001:db8:1::1/64 dev e1 nodad",
                f"addr add {SITE}/32 dev lo",
                f"addr add {SITE6}/128 dev lo",
                "link set e1 up",
                "link set e2 up",
                "route add 2001:db8:f00::/56 via 2001:db8:1::2",
            ],
            INTERNET,
        )
        for namespace, address, router in (
            (CLIENT, "192.168.8.20/24", "192.168.8.1"),
            (SERVER, f"{LAN_SERVER}/24", "192.168.8.1"),
            (GUEST, "192.168.9.20/24", "192.168.9.1"),
        ):
            netns.batch([f"addr add {address} dev e", "link set e up", f"route add default via {router}"], namespace)
        for namespace, address in ((CLIENT, "2001:db8:f00:8::20"), (SERVER, "2001:db8:f00:8::10")):
            netns.batch([f"addr add {address}/64 dev e nodad", "route add default via 2001:db8:f00:8::1"], namespace)
        for namespace in (SERVER, INTERNET):
            self.serve(namespace)

    def apply(self, config: Config = CONFIG, facts: Facts = FACTS) -> None:
        """Put a configuration into the router's kernel, by difference to what is there."""
        assert [p for p in verify(config, facts) if p.severity == "error"] == []
        plan = render(config, facts)

        def act() -> None:
            nft.apply(plan, self.plan, self.run_dir)
            with Netlink() as door:
                links.apply(door, plan.links, self.run_dir)
            sysctl.apply(plan.sysctls, self.run_dir)
            with Netlink() as door:
                routes.apply(door, plan.routes, {name: device.index for name, device in links.read(door).items()})
                rules.apply(door, plan.rules)

        inside(ROUTER, act)
        self.plan = plan

    def serve(self, namespace: str) -> None:
        """TCP servers on 7000 that tell each client how it is seen: its address and the segment size it asked for."""
        for family in (socket.AF_INET, socket.AF_INET6):
            server = inside(namespace, lambda family=family: _listen(family))
            self.servers.append(server)
            threading.Thread(target=_answer, args=(server,), daemon=True).start()

    def run(self, *argv: str, namespace: str = ROUTER) -> None:
        self.processes.append(subprocess.Popen(netns.inside(namespace, argv), stdin=subprocess.DEVNULL))

    def __enter__(self) -> Site:
        try:
            self.build()
            self.apply()
            netns.wait_until(
                lambda: pings(CLIENT, SITE) and pings(GUEST, SITE) and pings(SERVER, SITE), "the site answers"
            )
            netns.wait_until(lambda: pings(CLIENT, SITE6), "the site answers over IPv6")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
            process.wait()
        for server in self.servers:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        netns.delete(NAMES)
        shutil.rmtree(self.run_dir)


def _listen(family: int) -> socket.socket:
    server = socket.socket(family)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind(("", 7000))
    server.listen(64)
    return server


def _answer(server: socket.socket) -> None:
    while True:
        try:
            client, peer = server.accept()
        except OSError:
            return
        with client:
            segment = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
            client.sendall(f"{peer[0]} {segment}".encode())


def seen(namespace: str, to: str, port: int = 7000, source: str = "", timeout_s: float = 5.0) -> str:
    """How a server sees a connection from a namespace. Raises OSError where there is none."""

    def connect() -> str:
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        with socket.socket(family) as client:
            client.settimeout(timeout_s)
            if source:
                client.bind((source, 0))
            client.connect((to, port))
            return client.recv(100).decode()

    return inside(namespace, connect)


def address(namespace: str, to: str, port: int = 7000, source: str = "") -> str:
    return seen(namespace, to, port, source).split()[0]


def is_silent(namespace: str, to: str, port: int) -> bool:
    """No answer at all; a refusal raises ConnectionRefusedError or OSError."""
    try:
        seen(namespace, to, port, timeout_s=0.7)
    except TimeoutError:
        return True
    return False


def pings(namespace: str, to: str) -> bool:
    argv = netns.inside(namespace, ["ping", "-n", "-q", "-c", "1", "-W", "2", to])
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def marks() -> Counter[int]:
    """The WAN numbers in the marks of the router's flows to the site."""
    argv = netns.inside(ROUTER, ["conntrack", "-L", "-p", "tcp", "--dport", "7000"])
    output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return Counter(int(found) >> 12 & 15 for found in re.findall(r"mark=(\d+)", output))
