"""Dialled lines and VLANs on the full kernel, against a real PPPoE server; run in the virtual machine by
test_full_kernel.py.

The router's port wan0 carries three lines: one that is dialled, untagged, and two static ones by VLAN. Behind the
server a page says which address asks, so that it tells by which line a connection came.
"""

from __future__ import annotations

import contextlib
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.daemon.dialling import NO_SERVER, REFUSED
from firmware.model.config import Health, Wan
from tests.kernel.engine_box import Box, config
from tests.lab import netns

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
SERVER, FIRST, PAGE = "10.64.0.1", "10.64.1.", "192.0.2.80"
ACCOUNT, PASSWORD = "075512345678@163.gd", 'right "one" \\'
FAST = Health(interval_ms=200)
DIALLED = Wan(interface="wan0", number=1, protocol="pppoe", username=ACCOUNT, ipv6="off", health=FAST)
TAGGED = {
    number: Wan(
        interface="wan0", number=number, vlan=vlan, vlan_priority=priority, protocol="static", ipv6="off", health=FAST,
        address=f"203.0.{vlan}.2/24", gateway=f"203.0.{vlan}.1", dns=(f"203.0.{vlan}.1",),
    )
    for number, vlan, priority in ((2, 113, None), (3, 114, 5))
}  # fmt: skip
OPTIONS = "require-chap\nauth\nlcp-echo-interval 5\nlcp-echo-failure 2\nms-dns 10.64.0.53\nms-dns 10.64.0.54\n"
LATE_S = 40.0  # a first failure is followed by others that wait longer


class Provider:
    """The other end of wan0: a PPPoE server, two VLANs and a page."""

    def __init__(self, box: Box, directory: Path) -> None:
        self._box, self._directory = box, directory
        self._children: list[subprocess.Popen[bytes]] = []
        self._dialling: subprocess.Popen[bytes] | None = None
        self.is_known = False  # whether the box has the password: telling it again dials anew
        (directory / "options").write_text(OPTIONS)
        # The machine's own file lies in its memory: nothing of it stays.
        quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
        Path("/etc/ppp/chap-secrets").write_text(f'"{ACCOUNT}" * "{quoted}" *\n')
        commands = [f"addr add {PAGE}/32 dev lo"]
        for vlan in (113, 114):
            commands += [f"link add link eth0 name eth0.{vlan} type vlan id {vlan}"]
            commands += [f"addr add 203.0.{vlan}.1/24 dev eth0.{vlan}", f"link set eth0.{vlan} up"]
        netns.batch(commands, box.server)
        self._start([sys.executable, "-m", "tests.kernel.answerer"])
        self.open()

    def _start(self, argv: list[str]) -> subprocess.Popen[bytes]:
        with (self._directory / f"{Path(argv[-1]).name}.log").open("ab") as log:
            child = subprocess.Popen(
                netns.inside(self._box.server, argv), cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        self._children.append(child)
        return child

    def open(self) -> None:
        """Take sessions."""
        argv = ["pppoe-server", "-F", "-I", "eth0", "-C", "BRAS-1", "-L", SERVER, "-R", f"{FIRST}1", "-N", "50"]
        self._dialling = self._start([*argv, "-O", str(self._directory / "options")])

    def hang_up(self) -> None:
        """End every session; others may come."""
        pids = [int(pid) for pid in netns.command(["ip", "netns", "pids", self._box.server]).split()]
        for pid in pids:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if Path(f"/proc/{pid}/comm").read_text().strip() == "pppd":
                    netns._signal(pid, signal.SIGTERM)

    def shut(self) -> None:
        """Take no sessions any more."""
        assert self._dialling is not None
        self._dialling.terminate()
        self._dialling.wait(20)
        self.hang_up()

    def close(self) -> None:
        for child in self._children:
            child.kill()
            child.wait()
            if child.stdin is not None:
                child.stdin.close()


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    subprocess.run(["busybox", "modprobe", "-a", "8021q", "pppoe", "ppp_async", "ppp_generic"], check=False)
    with Box("dial") as box:
        box.start()
        yield box


@pytest.fixture(scope="module")
def provider(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    provider = Provider(box, tmp_path_factory.mktemp("provider"))
    yield provider
    provider.close()


def put(box: Box, **wans: Wan) -> None:
    box.commit(config(wans=wans))


def line(box: Box, name: str = "telecom") -> dict[str, Any]:
    return next(row for row in box.call("lines") if row["name"] == name)


def wait_up(box: Box, *names: str) -> None:
    netns.wait_until(lambda: all(line(box, name)["up"] for name in names), f"{names} work", LATE_S)


def alarm(box: Box) -> str:
    found = [row["params"] for row in box.call("alarms") if row["cleared"] is None]
    return next((params["reason"] for params in found if params.get("line") == "telecom"), "")


def seen_from(box: Box) -> str:
    """The address that the page saw; "" when it did not come."""
    argv = netns.inside(box.client, ["curl", "-sS", "--max-time", "5", f"http://{PAGE}/address"])
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture
def dialled(box: Box, provider: Provider) -> str:
    """The address of a line that is dialled."""
    put(box, telecom=DIALLED)
    if not provider.is_known:
        box.call("line.password", line="telecom", password=PASSWORD)
        provider.is_known = True
    wait_up(box, "telecom")
    netns.wait_until(lambda: f"{seen_from(box)}/32" == line(box)["address"], "connections leave by the line", LATE_S)
    return str(line(box)["address"]).removesuffix("/32")


def test_a_line_is_dialled(box: Box, dialled: str) -> None:
    row = line(box)
    assert dialled.startswith(FIRST)
    assert (row["gateway"], row["device"]) == (SERVER, "ppp1")
    assert row["dns"] == ["10.64.0.53", "10.64.0.54"]
    assert seen_from(box) == dialled
    assert "mtu 1492" in box.inside("ip", "link", "show", "ppp1")


def test_the_password_is_nowhere_to_be_read(box: Box, dialled: str) -> None:
    shown = [box.call("config.export"), box.call("config.plan", which="running"), str(box.call("audit")), box.log()]
    shown += [str(box.call("lines")), str(box.call("status")), str(box.call("config.revisions"))]
    for path in box.run.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".log", ".options", ".conf"):
            shown.append(path.read_text(errors="replace"))
    for pid in netns.command(["ip", "netns", "pids", box.router]).split():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            shown.append(Path(f"/proc/{pid}/cmdline").read_text())
    assert not [text for text in shown if 'right "one"' in text or 'right \\"one' in text]
    for path in (box.run / "ppp" / "telecom.secret", box.state / "secrets.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_refused_account_is_told_and_mended(box: Box, dialled: str) -> None:
    box.call("line.password", line="telecom", password="wrong")
    netns.wait_until(lambda: alarm(box) == REFUSED, "the alarm says that the account was refused", LATE_S)
    assert not line(box)["up"]
    netns.wait_until(lambda: line(box)["reason"] == REFUSED, "the line says so too", LATE_S)
    box.call("line.password", line="telecom", password=PASSWORD)
    wait_up(box, "telecom")
    netns.wait_until(lambda: alarm(box) == "", "the alarm is over")


def test_another_session_has_another_address(box: Box, provider: Provider, dialled: str) -> None:
    provider.hang_up()
    netns.wait_until(lambda: line(box)["address"] not in (None, f"{dialled}/32"), "another address", LATE_S)
    wait_up(box, "telecom")
    new = str(line(box)["address"]).removesuffix("/32")
    netns.wait_until(lambda: seen_from(box) == new, "connections have the new address")
    assert dialled not in box.inside("ip", "rule") + box.inside("ip", "route", "show", "table", "all")


def test_a_killed_pppd_is_no_session(box: Box, dialled: str) -> None:
    pid = box.unit("pppoe-telecom")
    assert pid is not None
    netns._signal(pid, signal.SIGKILL)
    netns.wait_until(lambda: box.unit("pppoe-telecom") not in (None, pid), "pppd is there again", LATE_S)
    # It may be called up a moment longer than it is, so what comes of it is looked at until it is so.
    netns.wait_until(
        lambda: seen_from(box) == str(line(box)["address"]).removesuffix("/32") != "", "the new session works", LATE_S
    )


def test_a_restarted_rsd_keeps_the_session(box: Box, dialled: str) -> None:
    pid = box.unit("pppoe-telecom")
    box.kill_rsd()
    netns.wait_until(lambda: (box.run / "rsd.sock").exists(), "rsd is back", 30)
    box.wait_until_up()
    wait_up(box, "telecom")
    assert box.unit("pppoe-telecom") == pid
    assert line(box)["address"] == f"{dialled}/32"


def test_dialled_and_tagged_lines_of_one_port_share_the_work(box: Box, provider: Provider, dialled: str) -> None:
    put(box, telecom=DIALLED, unicom=TAGGED[2], iptv=TAGGED[3])
    wait_up(box, "telecom", "unicom", "iptv")
    assert "vlan protocol 802.1Q id 113" in box.inside("ip", "-d", "link", "show", "wan0.113")
    assert "egress-qos-map { 0:5" in box.inside("ip", "-d", "link", "show", "wan0.114")
    wanted = {"203.0.113.2", "203.0.114.2", str(line(box)["address"]).removesuffix("/32")}
    netns.wait_until(lambda: {seen_from(box) for _ in range(9)} == wanted, "all three lines share", LATE_S)
    provider.shut()
    netns.wait_until(lambda: not line(box)["up"], "the dialled line is dead", LATE_S)
    left = {"203.0.113.2", "203.0.114.2"}
    netns.wait_until(lambda: {seen_from(box) for _ in range(6)} == left, "the others share", LATE_S)
    assert [row for row in box.call("alarms") if "lacks" in row["message"] and row["cleared"] is None] == []
    netns.wait_until(lambda: alarm(box) == NO_SERVER, "the alarm says that no server answers", 2 * LATE_S)
    provider.open()
    wait_up(box, "telecom")


def test_a_priority_is_changed_and_a_vlan_goes_with_its_line(box: Box, provider: Provider) -> None:
    put(box, unicom=TAGGED[2], iptv=TAGGED[3])
    before = box.inside("ip", "-o", "link", "show", "wan0.114").split(":")[0]
    plain = Wan(**{name: getattr(TAGGED[3], name) for name in TAGGED[3].__struct_fields__ if name != "vlan_priority"})
    put(box, unicom=TAGGED[2], iptv=plain)
    assert "egress-qos-map" not in box.inside("ip", "-d", "link", "show", "wan0.114")
    assert box.inside("ip", "-o", "link", "show", "wan0.114").split(":")[0] == before, "it is the same device"
    put(box, unicom=TAGGED[2])
    assert "wan0.114" not in box.inside("ip", "link")
    wait_up(box, "unicom")
    box.commit(config())
    assert "wan0.113" not in box.inside("ip", "link")
    assert not (box.run / "ppp" / "telecom.secret").exists(), "the dialled line was removed, its password too"
