"""Live rates: rings, sampling of sums that begin anew with every drain, and lines' counters."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.monitor.links import Counters
from firmware.monitor.live import Live
from firmware.monitor.rates import KEYS_MAX, STEP_S, STEPS, Point, Rates, Ring
from firmware.monitor.store import UsageRow


@given(st.integers(0, 30_000_000_000_000))
def test_ring_keeps_rates_within_a_tenth_of_a_percent(rate: int) -> None:
    ring = Ring(1000)
    ring.put(1000, 1000, Point(rate, rate))
    assert ring.get(1000).up_bps == pytest.approx(rate, rel=0.001, abs=8)


def test_ring_forgets_what_left_the_window_and_fills_gaps_with_silence() -> None:
    ring = Ring(10)
    ring.put(10, 12, Point(8000, 16000))
    ring.put(20, 20, Point(80, 80))
    assert [ring.get(step).up_bps for step in (9, 10, 12, 13, 19, 20, 21)] == [0, 8000, 8000, 0, 0, 80, 0]
    ring.put(10 + STEPS, 10 + STEPS, Point(8, 8))
    assert [ring.get(step).up_bps for step in (10, 11, 10 + STEPS)] == [0, 8000, 8]
    ring.put(10_000, 10_000, Point(8, 8))
    assert ring.get(10_000 - STEPS + 1) == Point(0, 0)


def test_two_thousand_busy_hosts_take_three_megabytes() -> None:
    rates = Rates()
    for step in range(3):
        rates.put(step, step, {f"02:00:00:00:{n // 256:02x}:{n % 256:02x}": Point(n, n) for n in range(KEYS_MAX + 500)})
    assert len(rates) == KEYS_MAX
    size = sum(sys.getsizeof(ring) + sys.getsizeof(ring._codes) for ring in rates._rings.values())
    assert size < 3_000_000


def test_silent_keys_make_room_and_leave() -> None:
    rates = Rates()
    rates.put(0, 0, {f"old{n}": Point(8, 8) for n in range(KEYS_MAX)})
    rates.put(100, 100, {"new": Point(8, 8)})
    assert rates.now("new") == Point(8, 8)
    assert len(rates) == 1
    rates.put(100 + STEPS, 100 + STEPS, {})
    rates.tidy()
    assert len(rates) == 0


def row(up: int, down: int, host: str = "h1", application: str = "wechat", wan: str = "wan1") -> UsageRow:
    return UsageRow(host, application, wan, up, down, 1, 1, 1)


def test_sums_that_began_anew_are_counted_from_nothing() -> None:
    live = Live()
    live.sample_usage(1000.0, "one", [row(5000, 9000)])
    live.sample_usage(1002.0, "one", [row(1000, 2000)])
    assert live.hosts.now("h1") == Point(4000, 8000)
    live.end_epoch("one", [row(500, 500)])
    live.sample_usage(1004.0, "two", [])
    assert live.hosts.now("h1") == Point(2000, 2000)


def test_rates_are_differences_across_drains() -> None:
    live = Live()
    live.sample_usage(100, "1:1", [row(5000, 0)])
    assert live.hosts.now("h1") == Point(0, 0)  # gathered over an unknown time
    live.sample_usage(110, "1:1", [row(5000 + 10_000, 20_000), row(0, 5000, application="qq")])
    assert live.hosts.now("h1") == Point(8000, 20_000)
    assert live.applications.now("wechat") == Point(8000, 16_000)
    assert live.applications.series("wechat", 6)[1][0] == Point(0, 0)
    assert live.applications.series("wechat", 5)[1] == [Point(8000, 16_000)] * 5
    assert [use.application for use in live.uses("h1", 110)] == ["wechat", "qq"]
    assert [r.up_bytes for r in live.undrained()] == [15_000, 0]
    # 2,000 bytes came between the sample and the drain, 3,000 after it.
    live.end_epoch("1:1", [row(17_000, 20_000), row(0, 5000, application="qq")])
    assert live.undrained() == []
    live.sample_usage(120, "1:2", [row(3000, 0)])
    assert live.hosts.now("h1") == Point(4000, 0)
    live.sample_usage(130, "1:2", [row(3000, 0)])
    assert live.hosts.now("h1") == Point(0, 0)
    live.tidy(200)
    assert live.uses("h1", 200) == []


def test_one_host_over_two_lines_is_one_rate() -> None:
    live = Live()
    live.sample_usage(0.5, "1:1", [])
    live.sample_usage(10.5, "1:1", [row(10_000, 0), row(10_000, 0, wan="wan2")])
    assert live.hosts.now("h1") == Point(16_000, 0)


def test_lines_rates_survive_a_device_made_anew() -> None:
    live = Live()
    devices = {"wan1": "eth1"}
    live.sample_lines(2, devices, {"eth1": Counters(1000, 1000)})
    live.sample_lines(4, devices, {"eth1": Counters(3500, 1250)})
    assert live.lines.now("wan1") == Point(1000, 10_000)
    live.sample_lines(6, devices, {"eth1": Counters(10, 10)})
    assert live.lines.now("wan1") == Point(0, 0)
    live.sample_lines(8, devices, {})
    live.sample_lines(10, devices, {"eth1": Counters(5_000_000, 5_000_000)})
    assert live.lines.now("wan1") == Point(0, 0)
    assert STEP_S == 2


def test_a_clock_that_is_set_back_begins_anew() -> None:
    live = Live()
    devices = {"wan1": "eth1"}
    for now_s in (10_000.0, 10_010.0):
        live.sample_usage(now_s, "1:1", [row(int(now_s), 0)])
        live.sample_lines(now_s, devices, {"eth1": Counters(int(now_s), 0)})
    assert live.hosts.now("h1") == Point(8, 0)
    live.sample_usage(5000, "1:1", [row(20_000, 0)])
    live.sample_lines(5000, devices, {"eth1": Counters(20_000, 0)})
    assert live.hosts.now("h1") == Point(0, 0)
    live.sample_usage(5010, "1:1", [row(30_000, 0)])
    live.sample_lines(5010, devices, {"eth1": Counters(20_000, 10_000)})
    assert live.hosts.now("h1") == Point(8000, 0)
    assert live.lines.now("wan1") == Point(8000, 0)
    live.sample_usage(5010, "1:1", [row(40_000, 0)])  # twice at one moment
