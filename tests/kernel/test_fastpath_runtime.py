"""rs-fastpath under load and faults: killed, its tables swapped, its accounting true through both."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from fastpath.binding.policy import compile_policy
from fastpath.binding.records import Drain, Usage
from firmware.model.plan import FastpathTables, PolicyRow
from tests.kernel.fastpath_site import APPS, CLIENT, CLIENT_6, CLIENT_MAC, NUMBER, SERVER, Site, client_hello, exchange
from tests.lab import netns

pytestmark = pytest.mark.kernel
MEGABYTE = 1_000_000


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.start()
        site.set_policy()
        yield site


@pytest.fixture
def iperf(site: Site) -> Iterator[subprocess.Popen[str]]:
    """A bulk transfer of 6 s through the router; its JSON report comes on stdout."""
    server = subprocess.Popen(netns.inside(site.server, ["iperf3", "-s", "-1"]), stdout=subprocess.DEVNULL)
    netns.wait_until(lambda: ":5201" in site.run(site.server, ["ss", "-Hlnt"]), "iperf3 listens")
    client = subprocess.Popen(
        netns.inside(site.client, ["iperf3", "-c", SERVER, "-t", "6", "-J", "--connect-timeout", "3000"]),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    netns.wait_until(lambda: ":5201" in site.run(site.client, ["ss", "-Hnt", "state", "established"]), "iperf3 runs")
    yield client
    for process in (client, server):
        process.kill()
        process.wait()
    assert client.stdout is not None
    client.stdout.close()


def finish(iperf: subprocess.Popen[str]) -> dict[str, float]:
    text, _ = iperf.communicate(timeout=20)
    report = json.loads(text)
    assert "error" not in report, report
    sent: dict[str, float] = report["end"]["sum_sent"]
    return sent


def drained(site: Site) -> list[Usage]:
    drain = site.runtime.accounting_drain()
    site.runtime.accounting_done(drain)
    return drain.rows


def total(rows: list[Usage], application: int, host: str = CLIENT) -> tuple[int, int, int]:
    mine = [row for row in rows if row.application == application and row.host == ip_address(host)]
    return sum(r.up_bytes for r in mine), sum(r.down_bytes for r in mine), sum(r.connections for r in mine)


def test_usage_is_what_was_sent(site: Site) -> None:
    hello = client_hello("www.wechat.com")
    for source in (CLIENT, CLIENT_6):
        with site.connection(source=source) as end:
            exchange(end, hello)
            for _ in range(20):
                exchange(end, bytes(MEGABYTE // 10))
        payload = 2 * MEGABYTE + len(hello)
        up, down, connections = total(drained(site), NUMBER["wechat"], source)
        # Headers: at most 72 bytes with every 512 of payload, acknowledgements included.
        assert payload <= up <= payload * 1.15
        assert payload <= down <= payload * 1.15
        assert connections == 1
    assert total(drained(site), NUMBER["wechat"])[2] == 0
    (host,) = [h for h in site.runtime.hosts() if h.address == ip_address(CLIENT)]
    assert host.mac == CLIENT_MAC
    assert host.up_bytes >= 2 * MEGABYTE


def test_a_drain_comes_again_until_it_is_acknowledged(site: Site) -> None:
    with site.connection() as end:
        exchange(end, client_hello("www.wechat.com"))
        first = site.runtime.accounting_drain()
        exchange(end, bytes(10_000))
        again = site.runtime.accounting_drain()
        site.kill()
        site.start()
        thrice = site.runtime.accounting_drain()
        assert_same(first, again)
        assert_same(first, thrice)
        site.runtime.accounting_done(first)
        second = site.runtime.accounting_drain()
        assert second.serial != first.serial
        up, _, connections = total(second.rows, NUMBER["wechat"])
        assert 10_000 <= up < 12_000
        assert connections == 0


def assert_same(one: Drain, other: Drain) -> None:
    assert one.serial == other.serial
    assert [row[:9] for row in one.rows] == [row[:9] for row in other.rows]


def test_accounting_neither_loses_nor_doubles_when_killed(site: Site) -> None:
    hello = client_hello("www.wechat.com")
    rows: list[Usage] = []
    with site.connection() as end:
        exchange(end, hello)
        for _ in range(5):
            exchange(end, bytes(MEGABYTE))
            rows += drained(site)
            exchange(end, bytes(MEGABYTE))
            site.kill()
            exchange(end, bytes(MEGABYTE))  # nobody counts but the kernel, which the next fastpath asks
            site.start()
            rows += drained(site)
        counted = site.run(site.router, ["conntrack", "-L", "-p", "tcp", "--dport", "443"])
    rows += drained(site)
    up, down, connections = total(rows, NUMBER["wechat"])
    payload = 15 * MEGABYTE + len(hello)
    assert payload <= up <= payload * 1.15, counted
    assert payload <= down <= payload * 1.15
    assert connections == 1


def test_traffic_goes_on_when_killed_under_load(site: Site, iperf: subprocess.Popen[str]) -> None:
    for _ in range(3):
        site.kill()
        with site.connection() as end:  # bypassed: nobody reads the queue
            exchange(end, b"hello")
        site.start()
        with site.connection() as end:
            exchange(end, client_hello("www.wechat.com"))
            assert site.mark_of(end.getsockname()[1]) & 0xFFF == NUMBER["wechat"]
    sent = finish(iperf)
    assert sent["bytes"] > 0
    up, _, _ = total(drained(site), 0)
    assert sent["bytes"] <= up <= sent["bytes"] * 1.15


def test_a_thousand_swaps_under_load(site: Site, iperf: subprocess.Popen[str]) -> None:
    blocking = PolicyRow(name="r", action="block", applications=("youku",))
    blobs = [
        compile_policy(
            FastpathTables(rows=(blocking,) * (n % 3), local_networks=("192.0.2.0/24", "2001:db8:1::/64")), APPS, n % 64
        )
        for n in range(192)
    ]
    assert site.fastpath is not None
    with site.connection() as live:
        exchange(live, client_hello("www.wechat.com"))
        for n in range(1000):
            site.runtime.set_policy(blobs[n % 192])
            if n % 20 == 0:
                exchange(live, b"undisturbed")
    assert finish(iperf)["bytes"] > 0
    stats = site.runtime.stats()
    assert stats["loaded_policy"] == stats["wanted_policy"]
    assert stats["queue_dropped"] == 0
    assert site.fastpath.poll() is None


def test_tables_that_cannot_be_read_at_the_start_are_tried_again(site: Site) -> None:
    """A box that is short of memory at that moment must not go without policies until somebody changes them."""
    site.set_policy(PolicyRow(name="r", action="block", applications=("youku",)))
    policy = site.folder / "policy.bin"
    whole = policy.read_bytes()
    site.kill()
    policy.write_bytes(whole[:-8])
    site.start()
    with site.connection() as end:
        exchange(end, client_hello("www.youku.com"))  # unjudged
    policy.write_bytes(whole)
    drained(site)  # as each minute: whatever wakes it
    netns.wait_until(lambda: site.runtime.stats()["loaded_policy"] > 0, "the table is in force")
    with pytest.raises(OSError, match=r"reset|closed|Broken"), site.connection() as end:
        exchange(end, client_hello("www.youku.com"))


def test_live_flows_are_listed(site: Site) -> None:
    with site.connection() as end:
        exchange(end, client_hello("www.wechat.com"))
        flows = site.in_router(lambda: site.runtime.flows(CLIENT, [NUMBER["wechat"]]))
        assert site.in_router(lambda: site.runtime.flows(host="192.0.2.77")) == []
        port = end.getsockname()[1]
    (flow,) = flows
    assert flow["a"] == f"{CLIENT}:{port}"
    assert flow["b"] == f"{SERVER}:443"
    assert (flow["transport"], flow["action"], flow["wan"], flow["is_decided"]) == ("tcp", "allow", 1, True)
    assert (flow["host"], flow["stage"]) == ("www.wechat.com", "dissector")
    assert flow["up_bytes"] > 100


def test_terminated_it_ends_cleanly(site: Site) -> None:
    assert site.fastpath is not None
    site.fastpath.terminate()
    assert site.fastpath.wait(timeout=5) == 0
    assert site.runtime.stats()["alive"] == 0


def test_it_keeps_only_two_capabilities(site: Site) -> None:
    assert site.fastpath is not None
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{site.fastpath.pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 1 << 12 | 1 << 13
    assert int(status["CapBnd"], 16) == 1 << 12 | 1 << 13
    assert status["NoNewPrivs"].strip() == "1"
