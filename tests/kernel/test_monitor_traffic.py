"""The monitor on real traffic: what a client does through rs-fastpath is seen, summed, stored and explained."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fastpath.binding.apps import Apps
from firmware.model.config import Config, Group, Policy, Wan
from firmware.model.facts import LineState
from firmware.model.plan import PolicyRow
from firmware.monitor import Monitor
from firmware.monitor.sampler import DAMAGED, NOT_STORED, WELL
from tests.kernel.fastpath_site import (
    APPS,
    APPS_BIN,
    CLIENT,
    CLIENT_6,
    CLIENT_MAC,
    SERVER,
    Site,
    client_hello,
    exchange,
)
from tests.lab import netns

pytestmark = pytest.mark.kernel
MEGABYTE = 1_000_000
CONFIG = Config(
    wans={"wan1": Wan(interface="wan0", number=1, protocol="static")},
    groups={"office": Group(members=("192.0.2.0/24",))},
    policies={
        "off": Policy(position=1, action="allow", groups=("office",), enabled=False),
        "no-chat": Policy(position=2, action="block", groups=("office",), applications=("wechat",)),
    },
)
LINES = {"wan1": LineState(up=True, address="198.51.100.1/24", gateway=SERVER)}

Alarms = list[tuple[str, str]]


@pytest.fixture
def alarms() -> Alarms:
    """What the monitors have told."""
    return []


@pytest.fixture
def site() -> Iterator[Site]:
    with Site("mon") as site:
        site.start()
        site.set_policy()
        yield site


@pytest.fixture
def start(site: Site, alarms: Alarms, tmp_path: Path) -> Iterator[Callable[[], Monitor]]:
    """Starts a monitor in the router's namespace on the same state; all are closed at the end."""
    database = Apps(APPS_BIN.read_bytes())
    monitors: list[Monitor] = []

    def begin() -> Monitor:
        monitor = Monitor(
            tmp_path,
            site.runtime,
            APPS_BIN.with_suffix(".json"),
            shape_state=tmp_path / "shape.json",
            on_line_change=lambda *_: None,
            on_alarm=lambda level, message, params: alarms.append((level, message)),
            match_host=database.match_host,
        )
        monitors.append(monitor)
        monitor.configure(CONFIG, LINES)
        monitor.renumber(list(APPS), [])
        monitor.start()
        return monitor

    yield lambda: site.in_router(begin)
    for monitor in monitors:
        monitor.close()
    database.close()


def wait(condition: Callable[[], bool], what: str) -> None:
    netns.wait_until(condition, what, 30)


def usage(monitor: Monitor, by: Any = "application", **filters: Any) -> dict[str, int]:
    return {row["key"]: row["up_bytes"] + row["down_bytes"] for row in monitor.usage(by, 3600, **filters)}


def test_traffic_is_seen_by_host_application_and_line(site: Site, start: Callable[[], Monitor]) -> None:
    monitor = start()
    monitor.hosts()  # somebody looks: the fastpath accounts every two seconds
    with site.connection() as end, site.connection(source=CLIENT_6) as end6:
        for connection in (end, end6):
            exchange(connection, client_hello("www.wechat.com"))

        def is_seen() -> bool:
            exchange(end, bytes(MEGABYTE))
            exchange(end6, bytes(MEGABYTE))
            return any(
                use["id"] == "wechat" and use["up_bps"] for host in monitor.hosts() for use in host["applications"]
            )

        wait(is_seen, "the host has a rate and an application")

        def host_seen() -> dict[str, Any]:
            (host,) = [host for host in monitor.hosts() if host["key"] == CLIENT_MAC]
            return host

        wait(lambda: {CLIENT, CLIENT_6} <= set(host_seen()["addresses"]), "both addresses belong to one host")
        host = host_seen()
        assert host["address"] == CLIENT
        assert host["groups"] == ["office"]
        assert "wechat" in [use["id"] for use in host["applications"]]
        assert max(monitor.series("host", CLIENT, 60)["up_bps"]) > 0
        assert max(monitor.series("application", "wechat", 60)["down_bps"]) > 0
        assert max(monitor.series("line", "wan1", 60)["up_bps"]) > 0
        wait(lambda: monitor.lines()[0]["up"], "the line's gateway answers")

        # Live flows are asked of the kernel by the calling thread, so that must be in the router.
        flows = site.in_router(lambda: monitor.flows(host=CLIENT_MAC, application="wechat"))
        assert {flow["b"] for flow in flows} == {f"{SERVER}:443", "[2001:db8:2::10]:443"}
        assert {(flow["category"], flow["wan"], flow["action"]) for flow in flows} == {
            (APPS["wechat"], "wan1", "allow")
        }
        assert monitor.flows(application="never-heard-of") == []

        wait(lambda: usage(monitor).get("wechat", 0) > 4 * MEGABYTE, "all is accounted")
        found = usage(monitor)
        assert usage(monitor, "category")[APPS["wechat"]] == usage(monitor)["wechat"]
        assert usage(monitor, "wan")["wan1"] >= found["wechat"]
        assert usage(monitor, "host", host=CLIENT)[CLIENT_MAC] >= found["wechat"]
        assert usage(monitor, "host", host=SERVER) == {}
        status = site.in_router(monitor.status)
        assert status["fastpath"]["alive"]
        assert status["hosts_active"] >= 1
        assert status["connections"] >= 2


def test_sums_are_true_when_killed_between_store_and_acknowledgement(
    site: Site, start: Callable[[], Monitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.connection() as end:
        exchange(end, client_hello("www.wechat.com"))
        exchange(end, bytes(MEGABYTE))
    first = start()
    first.close()  # drains for the last time
    with site.connection() as end:
        exchange(end, client_hello("www.wechat.com"))
        exchange(end, bytes(MEGABYTE))
    second = start()
    sampler = second._sampler
    # What a kill leaves behind that comes after the commit and before the acknowledgement.
    monkeypatch.setattr(site.runtime, "accounting_done", lambda drain: None)
    sampler.drain()
    stored = usage(second)
    assert stored["wechat"] >= 4 * MEGABYTE
    monkeypatch.undo()
    second.close()
    third = start()
    third._sampler.drain()
    (connections,) = [row["connections"] for row in third.usage("application", 3600) if row["key"] == "wechat"]
    assert usage(third)["wechat"] == stored["wechat"]
    assert connections == 2


def test_blocked_is_told_counted_and_explained(site: Site, start: Callable[[], Monitor]) -> None:
    monitor = start()
    site.set_policy(PolicyRow(name="no-chat", action="block", applications=("wechat",)))
    monitor.renumber(list(APPS), ["no-chat"])
    with monitor.listen() as listener:
        with site.connection() as end, pytest.raises(ConnectionError):
            exchange(end, client_hello("www.wechat.com"))
        event = listener.get(30)
        while event is not None and event.name != "blocked":
            event = listener.get(30)
    assert event is not None
    expected = {"host": CLIENT, "application": "wechat", "server": "www.wechat.com", "policy": "no-chat"}
    assert expected.items() <= event.data.items()
    assert expected.items() <= monitor.blocked(1)[0].items()
    count = monitor._history.blocked_today()
    assert count >= 1
    monitor._sampler.drain()
    assert monitor._sampler.blocked.pending == 0
    assert monitor._history.blocked_today() == count

    answer = site.in_router(lambda: monitor.why(CLIENT, "www.wechat.com"))
    assert (answer["groups"], answer["application"], answer["policy"], answer["action"]) == (
        ["office"],
        "wechat",
        "no-chat",
        "block",
    )
    steps = "\n".join(answer["steps"])
    assert "www.wechat.com belongs to the application WeChat" in steps
    assert "The policy off would match, but it is switched off." in steps
    assert "The policy no-chat blocks it." in steps
    netns.wait_until(lambda: all(monitor.lines_up().values()), "the lines are found to work")
    other = site.in_router(lambda: monitor.why(CLIENT, "www.example.org"))
    assert (other["application"], other["policy"], other["action"]) == ("unknown", None, "allow")
    assert "New connections are shared among the lines that work" in "\n".join(other["steps"])
    assert (answer["lines"], other["line_rule"], other["lines"]) == ([], None, list(monitor.lines_up()))
    with pytest.raises(ValueError):
        monitor.why("nobody", "www.example.org")


def test_fastpath_that_is_away_costs_nothing_but_its_figures(site: Site, start: Callable[[], Monitor]) -> None:
    monitor = start()
    site.kill()
    assert not monitor.status()["fastpath"]["alive"]
    assert isinstance(monitor.hosts(), list)
    assert isinstance(monitor.usage("application", 60), list)


def test_full_disk_is_told_once_and_loses_nothing(site: Site, start: Callable[[], Monitor], alarms: Alarms) -> None:
    with site.connection() as end:
        exchange(end, client_hello("www.wechat.com"))
        exchange(end, bytes(MEGABYTE))
    monitor = start()
    sampler = monitor._sampler
    wait(lambda: usage(monitor).get("wechat", 0) > 2 * MEGABYTE, "the first drain is stored")
    with site.connection() as end:
        exchange(end, client_hello("www.wechat.com"))
        exchange(end, bytes(MEGABYTE))
    database = sampler.store._database
    # No page more than there are, and none of them free: what a full disk is to SQLite.
    database.execute("CREATE TABLE filler(x)")
    database.execute(f"PRAGMA max_page_count = {database.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        database.executemany("INSERT INTO filler VALUES(zeroblob(?))", ((16,) for _ in range(100_000)))
    for _ in range(40):
        sampler.blocked.add("h" * 64, CLIENT, f"application-{len(sampler.blocked.counts())}", "x", "p" * 32)
    sampler.drain()
    sampler.drain()
    assert alarms == [("warning", NOT_STORED)]
    database.execute("PRAGMA max_page_count = 1000000")
    sampler.drain()
    sampler.drain()  # the first moved the drain that was refused
    assert alarms == [("warning", NOT_STORED), (WELL, NOT_STORED)]
    (row,) = [row for row in monitor.usage("application", 3600) if row["key"] == "wechat"]
    assert row["up_bytes"] + row["down_bytes"] >= 4 * MEGABYTE
    assert row["connections"] == 2


def test_damaged_file_is_replaced_while_running(
    site: Site, start: Callable[[], Monitor], alarms: Alarms, tmp_path: Path
) -> None:
    monitor = start()
    sampler = monitor._sampler
    sampler.drain()
    path = tmp_path / "usage.db"
    with sampler.store._lock:  # the sampler's own thread may find the damage at any moment, and close the connection
        sampler.store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(path.read_bytes()[:1024] + b"\xff" * (path.stat().st_size - 1024))
        sampler.store._database.execute("PRAGMA shrink_memory")
    with site.connection() as end:
        exchange(end, client_hello("www.wechat.com"))
        exchange(end, bytes(MEGABYTE))
    sampler.drain()
    assert alarms == [("warning", DAMAGED)]
    assert (tmp_path / "usage.db.damaged").exists()
    sampler.drain()
    assert usage(monitor)["wechat"] >= 2 * MEGABYTE
