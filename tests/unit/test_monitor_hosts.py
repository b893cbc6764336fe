"""Hosts put together from neighbours, leases and names; the log of what was blocked; listeners; unset data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmware.model.config import Application, Config, Group, Host
from firmware.monitor.applications import Applications
from firmware.monitor.blocked import SAME_S, BlockedLog
from firmware.monitor.broadcast import LISTENERS_MAX, QUEUE_MAX, Broadcaster, TooManyListenersError
from firmware.monitor.hosts import HOSTS_MAX, ROUTER, Hosts, Lease, read_leases
from firmware.monitor.neighbours import Neighbour
from firmware.monitor.system import System

MAC = "02:00:00:00:00:01"
REACHABLE, STALE = 2, 4
LEASES = f"""1800000000 {MAC} 192.0.2.10 reception 01:{MAC}
1800000000 02:00:00:00:00:02 192.0.2.11 * *
1800000000 nonsense
duid 00:01:00:01
1800000000 123456 2001:db8::10 reception 00:01
"""


def test_leases(tmp_path: Path) -> None:
    path = tmp_path / "dnsmasq.leases"
    assert read_leases(path) == []
    path.write_text(LEASES)
    assert read_leases(path) == [
        Lease(MAC, "192.0.2.10", "reception"),
        Lease("02:00:00:00:00:02", "192.0.2.11", ""),
    ]


def test_one_machine_with_addresses_of_both_families_name_and_groups() -> None:
    hosts = Hosts()
    hosts.configure(
        Config(
            hosts={"h1": Host(mac=MAC.upper(), name="前台")},
            groups={
                "by-mac": Group(members=(MAC,)),
                "by-range": Group(members=("192.0.2.8-192.0.2.12",)),
                "by-v6": Group(members=("2001:db8::/64",)),
                "other": Group(members=("198.51.100.0/24",)),
            },
        )
    )
    table = [
        Neighbour(7, "192.0.2.10", MAC, REACHABLE),
        Neighbour(7, "2001:db8::10", MAC, STALE),
        Neighbour(9, "198.51.100.1", "02:00:00:00:00:99", REACHABLE),  # outside
    ]
    hosts.update([7], table, [Lease(MAC, "192.0.2.10", "reception")])
    (host,) = hosts.all()
    assert (host.key, host.address, host.addresses) == (MAC, "192.0.2.10", ["192.0.2.10", "2001:db8::10"])
    assert hosts.name(host) == "前台"
    assert hosts.groups(host) == ["by-mac", "by-range", "by-v6"]
    assert hosts.key_of("2001:db8::10") == MAC
    for text in (MAC, "192.0.2.10", "2001:DB8::10", "前台"):
        assert hosts.find(text) is host
    assert hosts.find("nobody") is None
    hosts.configure(Config())
    assert hosts.name(host) == "reception"
    assert hosts.label(MAC) == "reception"
    assert hosts.label("203.0.113.5") == "203.0.113.5"


def test_the_box_itself_is_no_host() -> None:
    """Neither by its present addresses nor by one that it had before its LAN was moved."""
    hosts = Hosts()
    hosts.see("192.0.2.1", "", 5.0)
    hosts.see("fe80::1", "02:00:00:00:00:99", 5.0)
    hosts.tell_own(["192.0.2.1", "02:00:00:00:00:99"])
    assert hosts.all() == []
    hosts.tell_own(["198.51.100.1"])
    assert hosts.is_own("192.0.2.1")
    assert hosts.key_of("192.0.2.1") == hosts.key_of("fe80::1", "02:00:00:00:00:99") == ROUTER
    hosts.update([7], [Neighbour(7, "198.51.100.1", MAC, REACHABLE)], [])
    assert hosts.all() == []


def test_a_link_local_address_alone_makes_no_host() -> None:
    hosts = Hosts()
    hosts.update([7], [Neighbour(7, "fe80::10", MAC, REACHABLE)], [])
    assert hosts.all() == []
    hosts.update([7], [Neighbour(7, "192.0.2.10", MAC, REACHABLE), Neighbour(7, "fe80::10", MAC, REACHABLE)], [])
    assert [host.addresses for host in hosts.all()] == [["192.0.2.10", "fe80::10"]]


def test_address_that_moves_to_another_machine() -> None:
    hosts = Hosts()
    hosts.see("192.0.2.10", MAC, 100)
    hosts.see("192.0.2.10", "02:00:00:00:00:02", 200)
    assert [host.key for host in hosts.all()] == ["02:00:00:00:00:02"]


def test_host_known_by_address_until_its_mac_is() -> None:
    hosts = Hosts()
    hosts.see("192.0.2.10", "", 100)
    assert [host.key for host in hosts.all()] == ["192.0.2.10"]
    hosts.see("192.0.2.10", MAC, 100)
    assert [host.key for host in hosts.all()] == [MAC]


def test_hosts_are_bounded_and_the_oldest_leaves() -> None:
    hosts = Hosts()
    for number in range(HOSTS_MAX + 10):
        hosts.see(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "", number + 1)
    known = {host.key for host in hosts.all()}
    assert len(known) == HOSTS_MAX
    assert "10.0.0.0" not in known


def test_blocked_log_counts_all_and_shows_repeats_once(monkeypatch: pytest.MonkeyPatch) -> None:
    log = BlockedLog()
    clock = [1000.0]
    monkeypatch.setattr("firmware.monitor.blocked.time.time", lambda: clock[0])
    assert log.add(MAC, "192.0.2.10", "qq", "im.qq.com", "no-chat") is not None
    assert log.add(MAC, "192.0.2.10", "qq", "im.qq.com", "no-chat") is None
    clock[0] += SAME_S
    assert log.add(MAC, "192.0.2.10", "qq", "im.qq.com", "no-chat") is not None
    assert [(event["count"], event["time"]) for event in log.last(10)] == [(1, 1010.0), (2, 1000.0)]
    counts = log.counts()
    assert [count.connections for count in counts] == [3]
    log.add(MAC, "192.0.2.10", "qq", "im.qq.com", "no-chat")
    log.stored(counts)
    assert log.pending == 1


def test_slow_listener_loses_the_oldest_and_holds_nobody_up() -> None:
    broadcaster = Broadcaster()
    assert not broadcaster.has_listeners
    with broadcaster.listen() as slow, broadcaster.listen() as quick:
        for number in range(QUEUE_MAX + 5):
            broadcaster.publish("status", number)
            event = quick.get(0)
            assert event is not None
            assert event.data == number
        first = slow.get(0)
        assert first is not None
        assert first.data == 5
        assert quick.get(0.01) is None
        broadcaster.close()
        assert quick.get() is None
    assert not broadcaster.has_listeners
    listeners = [broadcaster.listen() for _ in range(LISTENERS_MAX)]
    assert listeners[0].get() is None  # closed already
    with pytest.raises(TooManyListenersError):
        broadcaster.listen()


def test_applications_of_the_database_and_of_the_admin(tmp_path: Path) -> None:
    path = tmp_path / "apps.json"
    path.write_text(json.dumps([{"id": "wechat", "name_zh": "微信", "name_en": "WeChat", "category": "im"}]))
    applications = Applications(path)
    applications.configure(Config(applications={"erp": Application(name_zh="账", name_en="ERP", category="office")}))
    assert [row["id"] for row in applications.all()] == ["erp", "wechat"]
    assert applications.category("erp") == "office"
    assert applications.category("never-heard-of") == "other"
    assert applications.of_category("im") == ["wechat"]


def test_system_reads_the_box() -> None:
    system = System()
    system.sample()
    state = system.state()
    assert 0 <= state["cpu_percent"] <= 100
    assert 0 < state["memory"]["available"] <= state["memory"]["total"]
    assert state["uptime_s"] > 0


def test_addresses_that_a_phone_had_last_week_are_forgotten() -> None:
    """Privacy extensions make new ones every day; for years on end they would fill the memory."""
    hosts = Hosts()
    for day in range(100):
        hosts.see(f"2001:db8::{day:x}", MAC, 1.0)
    assert len(hosts._by_address) == len(hosts.all()[0].addresses)
    assert hosts.key_of("2001:db8::63") == MAC
