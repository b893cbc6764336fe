"""The DHCP client of a line against a real ISP: it tells what the line was given, and touches nothing itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.features import render
from firmware.kernel import files
from firmware.model.config import Config, Wan, Zone
from firmware.model.facts import Facts, PortFact
from tests.lab import netns

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
ROUTER, ISP = NAMES = ("gldhr", "gldhi")
CONFIG = Config(wans={"line1": Wan(interface="wan0", number=1)}, zones={"wan": Zone()})
FACTS = Facts(ports={"wan0": PortFact()}, can_set_clock=False)
DHCP4 = "subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100.50 198.51.100.50; option routers 198.51.100.1; \
option domain-name-servers 198.51.100.53; }\n"
DHCP6 = "subnet6 2001:db8:1::/64 { range6 2001:db8:1::50 2001:db8:1::50; prefix6 2001:db8:f00:: 2001:db8:f00:: /56; \
option dhcp6.name-servers 2001:db8:1::53, fe80::1; }\n"
ADVERTISEMENT = "interface isp0 { AdvSendAdvert on; AdvManagedFlag on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; };\n"


@pytest.fixture
def isp(tmp_path: Path) -> Iterator[Path]:
    """A wire with an ISP at its end; gives the directory of the run."""
    netns.delete([name for name in NAMES if name in netns.existing("gldh")])
    netns.add(NAMES)
    processes = []
    try:
        netns.batch([f"link add wan0 address 02:00:00:00:00:07 type veth peer name isp0 netns {ISP}"], ROUTER)
        netns.batch(
            ["addr add 198.51.100.1/24 dev isp0", "addr add 2001:db8:1::1/64 dev isp0 nodad", "link set isp0 up"], ISP
        )
        netns.batch(["link set wan0 up"], ROUTER)
        netns.sysctl(ISP, net__ipv6__conf__all__forwarding="1")
        netns.sysctl(ROUTER, net__ipv6__conf__wan0__accept_ra="0")
        for namespace, device in ((ISP, "isp0"), (ROUTER, "wan0")):
            netns.wait_until(lambda n=namespace, d=device: is_settled(n, d), f"link-local address of {device}")
        for name, text in {
            "dhcp4": DHCP4,
            "dhcp6": DHCP6,
            "radvd": ADVERTISEMENT,
            "leases4": "",
            "leases6": "",
        }.items():
            (tmp_path / name).write_text(text)
        for argv in (
            ["dhcpd", "-4", "-f", "-d", "-cf", "dhcp4", "-lf", "leases4", "-pf", "pid4", "isp0"],
            ["dhcpd", "-6", "-f", "-d", "-cf", "dhcp6", "-lf", "leases6", "-pf", "pid6", "isp0"],
            ["radvd", "-n", "-u", "root", "-C", "radvd", "-p", "pidr"],
        ):
            with (tmp_path / f"{argv[0]}{argv[1]}.log").open("wb") as log:
                processes.append(subprocess.Popen(netns.inside(ISP, argv), cwd=tmp_path, stdout=log, stderr=log))
        yield tmp_path
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        netns.delete(NAMES)


def addresses(namespace: str, device: str) -> str:
    return netns.command(["ip", "-n", namespace, "-o", "addr", "show", "dev", device])


def is_settled(namespace: str, device: str) -> bool:
    found = addresses(namespace, device)
    return "fe80::" in found and "tentative" not in found


def has_ended(client: subprocess.Popen[bytes]) -> bool:
    """dhcpcd 9.4 loses a signal that comes while it waits for its script (rsd kills it then): so it is told again."""
    client.terminate()
    return client.poll() is not None


def line(run: Path) -> dict[str, Any]:
    path = run / "lines" / "line1.json"
    return json.loads(path.read_text()) if path.exists() else {}


def routes() -> str:
    return "".join(
        netns.command(["ip", "-n", ROUTER, family, "route", "show", "table", "all"]) for family in ("-4", "-6")
    )


def test_line_is_asked_for_and_nothing_is_configured(isp: Path) -> None:
    run = isp / "run"
    run.mkdir()
    places = {"run": str(run), "lib": str(ROOT / "firmware/daemon/lib")}
    plan = render(CONFIG, FACTS)
    files.apply(run, plan.files, places)
    (unit,) = (unit for unit in plan.units if unit.name == "dhcpcd-line1")
    argv = [word.replace("{run}", places["run"]).replace("{lib}", places["lib"]) for word in unit.argv]
    private = [sys.executable, "-m", "tests.lab.private", "/run/dhcpcd", "/var/lib/dhcpcd", "--", *argv]
    before = addresses(ROUTER, "wan0"), routes()
    client = subprocess.Popen(netns.inside(ROUTER, private), cwd=ROOT)
    try:
        netns.wait_until(
            lambda: line(run).get("address") and line(run).get("ipv6_prefix") and line(run).get("ipv6_gateway"),
            "the line has everything",
            30,
        )
    finally:
        netns.wait_until(lambda: has_ended(client), "dhcpcd ends")
    given = line(run)
    assert given["device"] == "wan0"
    assert given["address"] == "198.51.100.50/24"
    assert given["gateway"] == "198.51.100.1"
    assert given["ipv6_address"] == "2001:db8:1::50/128"
    assert given["ipv6_prefix"] == "2001:db8:f00::/56"
    assert given["ipv6_gateway"].startswith("fe80::")
    assert given["dns6"] == ["2001:db8:1::53", "fe80::1%wan0"]  # as rsd must be able to read it (facts.py)
    assert (addresses(ROUTER, "wan0"), routes()) == before
