"""What a box meets besides wrong input: a kernel that refuses, a program that is gone, a full or a broken disk."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from firmware.client import Refused
from firmware.model import codec
from firmware.model.config import Wan
from tests.kernel.engine_box import CLIENT, SERVER, Box, config, lost
from tests.lab import netns

pytestmark = pytest.mark.kernel

FORWARD = {"ports": "2222", "to_address": CLIENT, "to_port": 22}
# The real nft, but for rulesets that name the port.
NFT = """#!/bin/sh
input=$(cat)
case "$input" in *2222*) echo "Error: Could not process rule: No space left on device" >&2; exit 1 ;; esac
printf '%s\\n' "$input" | {nft} "$@"
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with Box("fault", tmp_path / "state") as box:
        yield box


def alarms(box: Box) -> str:
    """What is wrong now."""
    return " ".join(alarm["message"] % alarm["params"] for alarm in box.call("alarms") if alarm["cleared"] is None)


def fill(path: Path) -> None:
    """Not a byte more goes onto the disk."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_nft_refuses_a_ruleset(box: Box, tmp_path: Path) -> None:
    shim = tmp_path / "bin" / "nft"
    shim.parent.mkdir()
    shim.write_text(NFT.format(nft=shutil.which("nft")))
    shim.chmod(0o755)
    box.path = f"{shim.parent}:{box.path}"
    box.start()
    box.commit(config())
    netns.wait_until(box.ping, "the client reaches the server")
    before, revision = box.settled(), box.call("status")["last_change"]["revision"]
    with box.stream() as stream:
        box.call("config.set", path="port_forwards.ssh", value=FORWARD)
        with pytest.raises(Refused, match="No space left on device"):
            box.call("config.commit", message="a port forward")
    assert lost(stream) == 0
    box.becomes(before)
    assert box.call("status")["last_change"]["revision"] == revision
    box.call("config.set", path="port_forwards.ssh.ports", value="2223")
    box.call("config.commit", message="another port")  # nothing of the change was lost, and the box is not stuck
    assert box.running().port_forwards["ssh"].ports == "2223"


def test_what_waits_in_the_queue_survives_other_rules(box: Box) -> None:
    """With any hook that goes away the kernel drops what waits: no chain with a hook is made anew."""
    box.start()
    box.commit(config())
    netns.wait_until(box.ping, "the client reaches the server")
    fastpath = box.unit("rs-fastpath")
    assert fastpath is not None
    before = box.inside("nft", "-a", "list", "chain", "inet", "rs", "nat_in")
    os.kill(fastpath, signal.SIGSTOP)
    try:
        argv = netns.inside(box.client, ["ping", "-c1", "-W20", "-n", SERVER])
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as ping:
            netns.wait_until(lambda: waiting(box) > 0, "the packet waits")
            box.call("config.set", path="dns.redirect", value=True)
            box.call("config.commit", message="other rules")
            assert waiting(box) == 1
            os.kill(fastpath, signal.SIGCONT)
            assert ping.wait(30) == 0
    finally:
        with suppress(ProcessLookupError):
            os.kill(fastpath, signal.SIGCONT)
    assert box.inside("nft", "-a", "list", "chain", "inet", "rs", "nat_in") != before


def waiting(box: Box) -> int:
    """Packets that the kernel keeps for the fastpath."""
    lines = box.inside("cat", "/proc/net/netfilter/nfnetlink_queue").splitlines()
    return sum(int(line.split()[2]) for line in lines)


def test_dnsmasq_is_missing(box: Box) -> None:
    box.hidden = shutil.which("dnsmasq") or ""
    box.start()
    box.commit(config())
    netns.wait_until(box.ping, "traffic goes on without it")
    netns.wait_until(lambda: "dnsmasq cannot be started" in alarms(box), "an alarm names it", 30)
    netns.command(["nsenter", "-t", str(box.rsd()), "-m", "umount", box.hidden])
    netns.wait_until(lambda: box.unit("dnsmasq"), "it is started when it is there again", 60)
    netns.wait_until(lambda: "dnsmasq" not in alarms(box), "the alarm is gone", 30)


def test_alarms_are_over_with_their_causes(box: Box) -> None:
    """A line that is taken out, and a service that works since the box was started again."""
    box.hidden = shutil.which("dnsmasq") or ""
    box.start()
    unplugged = codec.to_plain(config().wans["line1"]) | {"interface": "lan2", "number": 2, "address": "203.0.113.2/24"}
    unplugged |= {"gateway": "203.0.113.1"}
    box.commit(config(wans={**config().wans, "line2": msgspec.convert(unplugged, Wan)}))
    netns.wait_until(lambda: "dnsmasq" in alarms(box) and "line2" in alarms(box), "two alarms", 30)
    box.commit(config())
    netns.wait_until(lambda: "line2" not in alarms(box), "nobody looks at the line any more")
    box.hidden = ""
    box.boot()
    box.start()
    netns.wait_until(lambda: box.unit("dnsmasq") is not None, "the service runs")
    netns.wait_until(lambda: alarms(box) == "", "nothing is wrong any more")


def test_a_lease_of_a_lans_network_is_told(box: Box) -> None:
    """Many a modem gives out 192.168.8.x, as the box does."""
    box.start()
    box.commit(config(wans={**config().wans, "line2": Wan(interface="lan2", number=2)}))
    given = {"device": "lan2", "protocol": "dhcp", "address": "192.168.8.100/24", "gateway": "192.168.8.1"}
    for lease, is_told in ((given, True), ({**given, "address": "10.0.0.2/24", "gateway": "10.0.0.1"}, False)):
        (box.run / "lines" / "line2.json").write_text(json.dumps(lease))
        box.call("line.changed")
        netns.wait_until(lambda wanted=is_told: ("192.168.8.0/24" in alarms(box)) == wanted, "what is wrong is told")


def test_the_disk_is_full(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "full", str(state)], check=True)
    try:
        with Box("full", state) as box:
            box.start()
            box.commit(config())
            netns.wait_until(box.ping, "the client reaches the server")
            before = box.settled()
            fill(state / "filler")
            with pytest.raises(Refused, match="No space left on device"):
                box.call("config.set", path="port_forwards.ssh", value=FORWARD)
            box.becomes(before)
            assert box.ping()
            (state / "filler").unlink()
            box.call("config.set", path="port_forwards.ssh", value=FORWARD)
            fill(state / "filler")
            with pytest.raises(Refused, match="disk is full"):
                box.call("config.commit", message="a port forward")
            box.becomes(before)
            (state / "filler").unlink()
            box.call("config.commit", message="a port forward")
            assert "ssh" in box.running().port_forwards
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)


@pytest.mark.parametrize("name", ["config.db", "config.json"])
def test_a_configuration_file_is_cut_off(box: Box, name: str) -> None:
    box.start()
    box.commit(config())
    netns.wait_until(box.ping, "the client reaches the server")
    box.cut_power()
    path = box.state / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for rest in ("-wal", "-shm") if name == "config.db" else ():
        (box.state / f"{name}{rest}").unlink(missing_ok=True)
    box.boot()
    box.start()
    assert box.running() == config()
    netns.wait_until(box.ping, "the client reaches the server with what was in force")
    assert ("were broken" in alarms(box)) == (name == "config.db")
    box.stop()
    box.start()
    assert "were broken" not in alarms(box)
