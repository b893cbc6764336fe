"""What giving packets their class costs: work per CPU second, against others' ways, on one router in turn.

Ours: the product's own rules (features/qos.py) with as many hosts in the map and in the HTB trees as said. Peers: no
shaping at all; HTB with a tc filter per host (the usual script); and four classes chosen by DSCP, as qosify does it
(its eBPF program writes DSCP, CAKE chooses by it; here a map and HTB, as the kernel may lack CAKE). Rates are so high
that nobody waits. Packets are those of a wire (no pieces of 64 kB), by one TCP stream.
``python -m tests.bench.shaping [--rounds N]``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

from firmware import features
from firmware.model.config import Config, Lan, Priority, Qos, Wan, Zone
from firmware.model.facts import Facts, LineState, PortFact
from tests.bench.figure import Figure
from tests.bench.forwarding import NAT_ALONE, Bench, connections_tool
from tests.kernel.fastpath_site import CLIENT, Site
from tests.lab import netns

DEVICES = ("lan0", "wan0")
BULK_BYTES = 200_000_000
RATE = "10gbit"
SLOT_HOST = 0x1001
FIRST_HOST = IPv4Address("10.0.0.1")
MARK = """
table inet rs_mark
delete table inet rs_mark
table inet rs_mark {
  chain to_line {
    type filter hook prerouting priority -150
    ct mark 0 ct mark set 0x1000
  }
}
"""
DSCP_CLASSES = """
table inet rs_shape
delete table inet rs_shape
table inet rs_shape {
  chain classify {
    type filter hook forward priority 10
    meta priority set ip dscp map { 0-7 : 1:1001, 8-23 : 1:1002, 24-45 : 1:1003, 46-63 : 1:1004 }
  }
}
"""


def own_rules() -> str:
    """The product's table, for the devices of this router."""
    config = Config(
        lans={"x": Lan(ports=("eth1",), address="192.0.2.1/24")},
        wans={"a": Wan(interface="eth0", number=1, up_bps=10**10, down_bps=10**10)},
        zones={"lan": Zone(forward_to=("wan",)), "wan": Zone(masquerade=True)},
        qos=Qos(enabled=True, priority=Priority(packet_bytes=None)),
    )
    facts = Facts(ports={"eth0": PortFact(), "eth1": PortFact()}, lines={"a": LineState(up=True)})
    text = features.render(config, facts).nft_shape.replace('"br-x"', '"lan0"').replace('"eth0"', '"wan0"')
    head = "table inet rs_shape\ndelete table inet rs_shape\ntable inet rs_shape {\n"
    return f"{head}{text}}}\n"


class Shaping(Bench):
    """The router, with one way of shaping or none."""

    def reset(self) -> None:
        self.nft(NAT_ALONE + MARK + "table inet rs_shape\ndelete table inet rs_shape\n")
        for device in DEVICES:
            self.site.run(self.site.router, ["tc", "qdisc", "replace", "dev", device, "root", "noqueue"])

    def nft(self, text: str) -> None:
        netns.command(netns.inside(self.site.router, ["nft", "-f", "-"]), text)

    def plant(self, slots: list[int], filters: str = "") -> None:
        lines = []
        for device in DEVICES:
            lines.append(f"qdisc replace dev {device} root handle 1: htb default 1000")
            lines.append(f"class add dev {device} parent 1: classid 1:1000 htb rate {RATE} ceil {RATE}")
            lines += [
                f"class add dev {device} parent 1:1000 classid 1:{slot:x} htb rate 8kbit ceil {RATE} quantum 60000"
                for slot in slots
            ]
        netns.command(netns.inside(self.site.router, ["tc", "-batch", "-"]), "\n".join(lines) + "\n" + filters)

    def ours(self, hosts: int) -> Callable[[], None]:
        def put() -> None:
            self.reset()
            addresses = [str(FIRST_HOST + n) for n in range(hosts - 1)] + [CLIENT]
            elements = ", ".join(f"{address} . 0x1000 : 1:{SLOT_HOST + n:x}" for n, address in enumerate(addresses))
            self.nft(own_rules() + f"add element inet rs_shape host4 {{ {elements} }}\n")
            self.plant([*range(SLOT_HOST, SLOT_HOST + hosts), 0x1FFE, 0x1FFF])

        return put

    def by_filters(self, hosts: int) -> Callable[[], None]:
        def put() -> None:
            self.reset()
            addresses = [str(FIRST_HOST + n) for n in range(hosts - 1)] + [CLIENT]
            filters = "".join(
                f"filter add dev {device} parent 1: protocol ip prio 1 u32 match ip {way} {address}/32 "
                f"flowid 1:{SLOT_HOST + n:x}\n"
                for device, way in (("lan0", "dst"), ("wan0", "src"))
                for n, address in enumerate(addresses)
            )
            self.plant([*range(SLOT_HOST, SLOT_HOST + hosts)], filters)

        return put

    def by_dscp(self) -> None:
        self.reset()
        self.nft(DSCP_CLASSES)
        self.plant([*range(SLOT_HOST, SLOT_HOST + 4)])

    def work(self) -> float:
        """Bytes per CPU second of one download."""
        with self._server(["iperf3", "-s"], 5201) as server:
            argv = ["iperf3", "-c", "198.51.100.10", "-R", "-n", str(BULK_BYTES), "-J"]
            return BULK_BYTES / self._cost(argv, server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        site.start()
        bench = Shaping(site, connections_tool(Path(folder)), Path(folder))
        for where in (site.client, site.server):
            site.run(where, ["ip", "link", "set", "eth0", "gso_max_segs", "1"])
        ways: dict[str, Callable[[], None]] = {
            "none": bench.reset,
            "ours 10": bench.ours(10),
            "ours 2000": bench.ours(2000),
            "filters 10": bench.by_filters(10),
            "filters 2000": bench.by_filters(2000),
            "dscp": bench.by_dscp,
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, put in ways.items():
                put()
                found[name].append(bench.work())
        middle = {name: statistics.median(values) for name, values in found.items()}
        for name, ours, peer, goal in (
            ("10 hosts against no shaping", "ours 10", "none", 0.85),
            ("2,000 hosts against no shaping", "ours 2000", "none", 0.79),
            ("10 hosts against a tc filter each", "ours 10", "filters 10", 1.0),
            ("2,000 hosts against a tc filter each", "ours 2000", "filters 2000", 1.0),
            ("2,000 hosts against four classes by DSCP", "ours 2000", "dscp", 0.9),
        ):
            is_met = middle[ours] / middle[peer] >= goal
            Figure(
                f"shaping: {name}", middle[ours], middle[peer], "B per CPU s", goal, is_met, rounds=rounds, digits=0
            ).tell()


if __name__ == "__main__":
    main()
