"""The processes of a site apart from the product: which program runs where, with which configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab import addresses, isp, names, netns, topology
from tests.lab.addresses import Host, Line
from tests.lab.authority import Authority
from tests.lab.tracker import torrent

_SHARED_FILE_BYTES = 16 << 20
_UDHCPC_SCRIPT = Path(__file__).with_name("udhcpc.sh")
_DNSMASQ = ["dnsmasq", "--user=root", "--pid-file="]


@dataclass(frozen=True)
class Service:
    """A process to start in a namespace."""

    where: str
    name: str
    argv: Sequence[str]
    ready: Path | None = None  # the process makes this file when others may rely on it


def internet(prefix: str, directory: Path) -> list[Service]:
    """Prepares certificate authority, zone and shared file; returns what runs in the internet."""
    Authority(directory / "ca").create()
    zone = directory / "internet-dnsmasq.conf"
    zone.write_text(names.dnsmasq())
    netns.resolv_conf(prefix + topology.INTERNET).write_text(f"nameserver {addresses.NAME_SERVER}\n")
    where = topology.INTERNET
    ready = directory / "servers-ready"
    return [
        Service(where, "names", [*_DNSMASQ, "-C", str(zone)]),
        Service(
            where, "servers", [sys.executable, "-m", "tests.lab.internet", str(directory / "ca"), str(ready)], ready
        ),
        Service(where, "iperf3", ["iperf3", "-s", "-B", addresses.IPERF_SERVER]),
        *_seeds(directory),
    ]


def torrent_file(directory: Path) -> Path:
    """Where the torrent of the shared file is."""
    return directory / "lab.torrent"


def _seeds(directory: Path) -> list[Service]:
    content = directory / "seed" / "lab-release.bin"
    content.parent.mkdir(exist_ok=True)
    content.write_bytes(os.urandom(_SHARED_FILE_BYTES))
    torrent_file(directory).write_bytes(torrent(content, f"http://{addresses.TRACKER}:6969/announce"))
    options = ["--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--disable-ipv6"]
    options += ["--seed-ratio=0", "--check-integrity", "--file-allocation=none", "--listen-port=6881", "-q"]
    options += [f"--dir={content.parent}", str(torrent_file(directory))]
    return [
        Service(topology.INTERNET, f"seed-{address}", ["aria2c", *options, f"--interface={address}"])
        for address in addresses.SEEDS
    ]


def line(item: Line, directory: Path, prefix: str) -> list[Service]:
    """What the ISP of a line runs: its ingress filter and, on a DHCP line, the services that give addresses."""
    where = topology.isp(item)
    netns.command(netns.inside(prefix + where, ["nft", "-f", "-"]), isp.filter_rules(item))
    if item.protocol == "static":
        return []
    base = directory / where
    base.mkdir(exist_ok=True)
    leases = base / "dhcpd6.leases"
    leases.touch()
    for name, text in (("dnsmasq", isp.dnsmasq(item, base)), ("radvd", isp.radvd(item)), ("dhcpd6", isp.dhcpd6(item))):
        (base / f"{name}.conf").write_text(text)
    radvd = ["radvd", "-n", "-C", str(base / "radvd.conf"), "-p", str(base / "radvd.pid"), "-m", "stderr"]
    files = ["-cf", str(base / "dhcpd6.conf"), "-lf", str(leases), "-pf", str(base / "dhcpd6.pid")]
    dhcpd = ["dhcpd", "-6", "-d", *files, "line"]
    return [
        Service(where, f"{where}-dnsmasq", [*_DNSMASQ, "-C", str(base / "dnsmasq.conf")]),
        Service(where, f"{where}-radvd", radvd),
        Service(where, f"{where}-dhcpd6", dhcpd),
    ]


def host(item: Host) -> list[Service]:
    """The DHCP client of a host; the kernel does its IPv6."""
    patience = ["-t", "5", "-T", "1", "-A", "1"]
    client = ["busybox", "udhcpc", "-f", "-i", "eth0", "-s", str(_UDHCPC_SCRIPT), *patience]
    return [Service(item.name, f"{item.name}-udhcpc", [*client, "-x", f"hostname:{item.name}"])]
