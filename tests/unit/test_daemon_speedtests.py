"""Speed tests as rsd keeps them: grades, one at a time, what is refused, and results that outlive rsd."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware.daemon.errors import BusyError, InvalidError, NotFoundError
from firmware.daemon.speedtests import SpeedTests, grade, graded, two_digits
from firmware.kernel.errors import CommandError
from firmware.model.config import Config, Lan, Qos, Wan
from firmware.model.facts import Facts, LineState

FOUND = {"down_bps": 98_765_432, "up_bps": 19_876_543, "idle_ms": 5.0, "down_ms": 9.0, "up_ms": 300.0, "errors": {}}
CONFIG = Config(
    wans={
        "one": Wan(interface="eth0", number=1, up_bps=20_000_000, down_bps=100_000_000),
        "two": Wan(interface="eth1", number=2),
        "off": Wan(interface="eth2", number=3, enabled=False),
    },
    lans={"office": Lan(ports=("eth3",), address="192.168.8.1/24")},
)
FACTS = Facts(lines={"one": LineState(up=True, address="198.51.100.2/24"), "two": LineState(up=False)})


class Bench:
    """Speed tests whose process is a function: it waits until it is let go."""

    def __init__(self, state_dir: Path, config: Config = CONFIG) -> None:
        self.may_end = threading.Event()
        self.asked: list[Sequence[str]] = []
        self.output = json.dumps(FOUND)
        self.tests = SpeedTests(state_dir, lambda: config, lambda _config: FACTS, self._run)

    def _run(self, arguments: Sequence[str]) -> str:
        self.asked.append(arguments)
        self.may_end.wait(5)
        if not self.output:
            raise CommandError(["python"], "it was killed")
        return self.output

    def measure(self, *, is_shaped: bool = False) -> dict[str, Any]:
        self.may_end.set()
        self.tests.start("one", is_shaped=is_shaped)
        until_s = time.monotonic() + 5
        while self.row()["running"] and time.monotonic() < until_s:
            time.sleep(0.005)
        return self.row()

    def row(self) -> dict[str, Any]:
        return self.tests.state()[0]


@pytest.mark.parametrize(
    ("added_ms", "name"),
    [
        (-1, "A+"), (4.9, "A+"), (5, "A"), (29.9, "A"), (30, "B"), (59.9, "B"), (60, "C"), (199.9, "C"), (200, "D"),
        (399.9, "D"), (400, "F"), (3000, "F"),
    ],
)  # fmt: skip
def test_grades(added_ms: float, name: str) -> None:
    assert grade(added_ms) == name


def test_suggested_rates_are_rounded_down_to_two_digits() -> None:
    assert [two_digits(rate) for rate in (987_654_321, 98_765, 100, 99, 7)] == [980_000_000, 98_000, 100, 99, 7]
    assert graded({**FOUND, "down_bps": None})["suggested"] == {"down_bps": None, "up_bps": 19_000_000}


def test_the_worse_way_is_the_grade() -> None:
    found = graded(FOUND)
    assert (found["down_grade"], found["up_grade"], found["grade"]) == ("A+", "D", "D")
    nothing = graded({**FOUND, "down_ms": None, "up_ms": None})
    assert (nothing["down_grade"], nothing["up_grade"], nothing["grade"]) == (None, None, None)


def test_a_result_is_kept_for_the_next_rsd(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    row = bench.measure()
    assert (row["line"], row["running"], row["shaped"]) == ("one", False, None)
    assert row["result"]["up_bps"] == FOUND["up_bps"]
    assert abs(row["result"]["time"] - time.time()) < 10
    assert list(bench.asked[0][2:]) == ["198.51.100.2", "eth0", "4096", "6"]
    assert Bench(tmp_path).row() == row
    assert [row["line"] for row in bench.tests.state()] == ["one", "two", "off"]


def test_what_went_wrong_is_a_result_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.output = ""
    row = bench.measure()
    assert row["result"]["errors"] == {"down": "it was killed", "up": "it was killed"}
    assert row["result"]["grade"] is None
    bench.output = "rubbish"
    assert set(bench.measure()["result"]["errors"]) == {"down", "up"}


def test_one_at_a_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.tests.start("one", is_shaped=False)
    assert bench.row()["running"]
    with pytest.raises(BusyError) as error:
        bench.tests.start("one", is_shaped=False)
    assert error.value.retry_s
    bench.may_end.set()


@pytest.mark.parametrize(("name", "kind"), [("nine", NotFoundError), ("two", InvalidError), ("off", InvalidError)])
def test_a_line_that_does_not_work_is_refused(name: str, kind: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(kind):
        Bench(tmp_path).tests.start(name, is_shaped=False)


def test_the_shaper_is_measured_only_where_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidError):
        Bench(tmp_path).tests.start("one", is_shaped=True)
    bench = Bench(tmp_path, msgspec.structs.replace(CONFIG, qos=Qos(enabled=True)))
    row = bench.measure(is_shaped=True)
    assert row["result"] is None
    assert row["shaped"]["grade"] == "D"
    assert bench.asked[0][-1] == "shaped"


def test_a_broken_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "speedtest.json").write_text("{")
    assert Bench(tmp_path).row()["result"] is None
