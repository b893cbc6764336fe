"""What rsd does by itself once a day, and what it reads of the application database for the lines."""

from __future__ import annotations

import threading
from pathlib import Path

from firmware.daemon.daily import DAY_S, FIRST_S, RETRY_S, Daily
from firmware.daemon.database import Database


def test_work_is_done_daily_and_again_soon_when_it_failed() -> None:
    outcomes = [False, True, True]
    done: list[bool] = []

    def work() -> bool:
        done.append(outcomes[len(done)])
        return done[-1]

    daily = Daily("daily-test", work)

    def look(passed_s: float, is_wanted: bool = True) -> bool:
        """Whether the work was done."""
        before = len(done)
        daily.look(passed_s, is_wanted)
        for thread in threading.enumerate():
            if thread.name == "daily-test":
                thread.join()
        return len(done) > before

    assert not look(FIRST_S - 1)
    assert not look(2, is_wanted=False)
    assert look(0)
    assert not look(RETRY_S - 1)
    assert look(2)
    assert not look(RETRY_S + 1)
    assert look(DAY_S)


def test_signs_are_those_of_the_applications_asked_for(tmp_path: Path) -> None:
    build = Path(__file__).parents[2] / "fastpath" / "build"
    (tmp_path / "state").mkdir()
    database = Database(build, tmp_path / "state", tmp_path / "run")
    assert database.signs(()) == {}
    found = database.signs({"wechat", "nothing"})
    assert list(found) == ["wechat"]
    assert "weixin.qq.com" in found["wechat"].domains
    assert database.signs({"wechat"}) == found
