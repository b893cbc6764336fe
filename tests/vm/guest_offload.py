"""Offload on the full kernel: real streams through the product's flowtable; run in the virtual machine by
test_full_kernel.py."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from firmware.model.config import Config, Group, Policy, Qos
from tests.kernel.engine_box import CLIENT, SERVER, Box, config
from tests.lab import netns

pytestmark = pytest.mark.kernel

STREAM_BPS = 4_000_000


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box("fast") as box:
        box.start()
        yield box


@pytest.fixture(autouse=True)
def _plain(box: Box) -> None:
    """The plain configuration, and nothing left of the test before."""
    box.commit(config())
    subprocess.run(netns.inside(box.router, ["conntrack", "-F"]), capture_output=True, check=True)


def offload(box: Box) -> Any:
    return box.call("lines")[0]["offload"]


@contextmanager
def stream(box: Box, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A steady stream from the client that lasts as long as the block; read it when it has ended by itself."""
    serve = ["iperf3", "-s", "-1", "--forceflush"]
    play = ["iperf3", "-c", SERVER, "-b", str(STREAM_BPS), "-J", *(options or ("-t", "600"))]
    with subprocess.Popen(netns.inside(box.server, serve), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        while "listening" not in server.stdout.readline():  # one that was blocked would be busy for ever
            pass
        with subprocess.Popen(netns.inside(box.client, play), stdout=subprocess.PIPE, text=True) as client:
            yield client
            client.kill()
        server.kill()


def entries(box: Box) -> list[str]:
    """Connections to the server's stream port that the kernel has, and which of them are in the flowtable."""
    return [
        line for line in box.inside("conntrack", "-L", "-p", "tcp", "--dport", "5201").splitlines() if "tcp" in line
    ]


def carried(box: Box) -> int:
    """Streams in the flowtable: iperf3 has a connection for words, too, which is too short to enter."""
    return sum("[OFFLOAD]" in line for line in entries(box))


def test_what_is_offloaded_is_counted(box: Box) -> None:
    """The first of all: nothing else was counted yet."""
    with stream(box, "-n", "6M") as client:
        netns.wait_until(lambda: carried(box) > 0, "the stream is in the flowtable", 10)
        sent = json.loads(client.communicate(timeout=300)[0])["end"]["sum_sent"]["bytes"]

    def counted() -> int:
        return sum(row["up_bytes"] for row in box.call("usage", by="host"))

    netns.wait_until(lambda: counted() >= sent, "all of it is counted", 90)
    assert counted() <= sent * 1.08  # headers of packets of 1,448 bytes are 3.6 %, of those without GSO too


def test_a_long_connection_goes_past_the_rules(box: Box) -> None:
    with stream(box):
        netns.wait_until(lambda: carried(box) > 0, "the stream is in the flowtable", 10)
        netns.wait_until(lambda: (offload(box)["share_percent"] or 0) >= 80, "most of the traffic is offloaded", 60)
        told = offload(box)
        assert told["obstacle"] is None
        assert 1 <= told["offloaded"] <= told["connections"]


def test_a_connection_that_is_forbidden_ends_though_it_was_offloaded(box: Box) -> None:
    groups = {"office": Group(members=(CLIENT,))}
    with stream(box) as client:
        netns.wait_until(lambda: carried(box) > 0, "the stream is in the flowtable", 10)
        box.commit(config(groups=groups, policies={"no": Policy(position=1, action="block", groups=("office",))}))
        netns.wait_until(lambda: client.poll() is not None, "the stream has ended", 30)
        assert "error" in json.loads(client.stdout.read())
        assert carried(box) == 0


def test_other_connections_come_back_after_a_change_of_policy(box: Box) -> None:
    groups = {"others": Group(members=("192.168.8.77",))}
    with stream(box) as client:
        netns.wait_until(lambda: carried(box) > 0, "the stream is in the flowtable", 10)
        mark = next(line for line in entries(box) if "[OFFLOAD]" in line).rpartition("mark=")[2].split()[0]
        box.commit(config(groups=groups, policies={"no": Policy(position=1, action="block", groups=("others",))}))
        netns.wait_until(lambda: carried(box) > 0, "it is in the flowtable again", 30)
        again = next(line for line in entries(box) if "[OFFLOAD]" in line).rpartition("mark=")[2].split()[0]
        assert again != mark  # judged by the new generation
        assert client.poll() is None


def changed(**line: Any) -> Config:
    plain = config().wans["line1"]
    values = {field: getattr(plain, field) for field in plain.__struct_fields__} | line
    return config(wans={"line1": type(plain)(**values)})


def test_switched_off_it_leaves_the_flowtable_and_lives_on(box: Box) -> None:
    with stream(box) as client:
        netns.wait_until(lambda: carried(box) > 0, "the stream is in the flowtable", 10)
        box.commit(changed(offload=False))
        netns.wait_until(lambda: carried(box) == 0, "nothing is offloaded", 10)
        assert offload(box)["obstacle"] == "Switched off for this line."
        assert "rs_offload" not in box.inside("nft", "list", "tables")
        assert client.poll() is None


def test_a_line_that_is_shaped_is_not_offloaded(box: Box) -> None:
    shaped = changed(up_bps=50_000_000, down_bps=50_000_000)
    box.commit(config(wans=shaped.wans, qos=Qos(enabled=True)))
    with stream(box, "-n", "1M") as client:
        client.communicate(timeout=120)
        assert carried(box) == 0
    assert "must be given its class" in offload(box)["obstacle"]


def test_the_self_check_tells_only_foreign_flowtables(box: Box) -> None:
    assert [finding["key"] for finding in box.call("selfcheck") if finding["key"] == "offload"] == []
