"""A real BitTorrent program that hides: recognised by what the host does, and touched only by who names it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware.model.plan import PolicyRow
from tests.kernel.fastpath_site import CLIENT, NUMBER, SERVER, Site
from tests.lab import netns
from tests.lab.tracker import bencode, torrent

pytestmark = pytest.mark.kernel

PEERS = [f"203.0.{number}.10" for number in range(16)]
SEED_PORT, TRACKER_PORT = 51413, 6969
CONTENT_BYTES = 1 << 20
ENCRYPTED = (
    *("--no-conf", "--bt-require-crypto=true", "--bt-min-crypto-level=arc4", "--enable-dht=false"),
    *("--enable-dht6=false", "--enable-peer-exchange=false", "--bt-enable-lpd=false", "--file-allocation=none"),
)


@contextmanager
def _running(site: Site, place: str, argv: list[str]) -> Iterator[None]:
    with (site.folder / "aria2.log").open("ab") as log:
        process = subprocess.Popen(netns.inside(place, argv), cwd=site.folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@contextmanager
def _swarm(site: Site) -> Iterator[Path]:
    """One seed that is reached by sixteen networks' addresses, and the tracker that names them; the torrent file."""
    netns.batch([f"address add {peer}/24 dev eth0" for peer in PEERS], site.server)
    netns.batch(["route add 203.0.0.0/16 dev wan0"], site.router)
    folder = site.folder / "seed"
    folder.mkdir()
    (folder / "content.bin").write_bytes(bytes(range(256)) * (CONTENT_BYTES // 256))
    file = site.folder / "content.torrent"
    file.write_bytes(torrent(folder / "content.bin", f"http://{SERVER}:{TRACKER_PORT}/announce"))
    peers = b"".join(bytes(map(int, peer.split("."))) + SEED_PORT.to_bytes(2, "big") for peer in PEERS)
    (site.folder / "announce").write_bytes(bencode({b"interval": 60, b"peers": peers}))
    tracker = [sys.executable, "-m", "http.server", str(TRACKER_PORT), "--directory", str(site.folder)]
    seed = ["aria2c", *ENCRYPTED, f"--listen-port={SEED_PORT}", "--seed-ratio=0.0", "--check-integrity=true"]
    seed += ["--max-overall-upload-limit=20K", f"--dir={folder}", str(file)]
    with _running(site, site.server, tracker), _running(site, site.server, seed):
        netns.wait_until(lambda: f":{SEED_PORT} " in site.run(site.server, ["ss", "-tln"]), "the seed listens")
        netns.wait_until(lambda: f":{TRACKER_PORT} " in site.run(site.server, ["ss", "-tln"]), "the tracker listens")
        yield file


@contextmanager
def _leech(site: Site, file: Path) -> Iterator[None]:
    target = site.folder / "leech"
    argv = ["aria2c", *ENCRYPTED, "--listen-port=6881", "--seed-time=0", f"--dir={target}", str(file)]
    with _running(site, site.client, argv):
        yield


def _flows(site: Site) -> list[dict[str, Any]]:
    flows = site.in_router(lambda: site.runtime.flows(CLIENT, limit=500))
    return [flow for flow in flows if flow["b"].endswith(f":{SEED_PORT}")]


def _suspected(site: Site) -> list[dict[str, Any]]:
    return [flow for flow in _flows(site) if flow["application"] == NUMBER["encrypted_p2p"]]


def test_an_encrypted_swarm_is_suspected_and_only_blocked_by_name() -> None:
    with Site("fpb") as site:
        site.start()
        site.set_policy()
        with _swarm(site) as file, _leech(site, file):
            netns.wait_until(lambda: _suspected(site), "a flow is suspected", 40)
            flow = _suspected(site)[0]
            assert flow["stage"] == "behaviour"
            assert 50 <= flow["confidence"] <= 95
            assert len(flow["opening"][0]) == 80  # the key that the program sends first, as far as it is kept
            unknown = [flow for flow in _flows(site) if flow["application"] == 0]
            assert unknown  # those before there were enough
            assert not any(flow["confidence"] for flow in unknown)
            site.set_policy(PolicyRow(name="p2p", action="block", categories=("p2p",)))
            assert all(flow["action"] == "allow" for flow in _suspected(site))
            site.set_policy(PolicyRow(name="p2p", action="block", applications=("encrypted_p2p",)))
            netns.wait_until(
                lambda: any(flow["action"] != "allow" for flow in _suspected(site)), "named, it is blocked", 40
            )
