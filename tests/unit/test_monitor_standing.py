"""A line's standing from round to round, by a clock of our own: hysteresis, and damping of one that comes and goes."""

from __future__ import annotations

import pytest

from firmware.monitor.standing import FLAPS_S, Standing

BAD = "Nothing answers on the line."


class Clock:
    """Rounds one after the other; ``run`` gives the times at which the line changed."""

    def __init__(self, fall: int = 3, rise: int = 2, interval_s: float = 0.2) -> None:
        self.standing = Standing(fall, rise, interval_s)
        self.interval_s = interval_s
        self.now_s = 1000.0

    def run(self, *works: bool) -> list[tuple[float, bool]]:
        changes = []
        for good in works:
            self.now_s += self.interval_s
            if self.standing.judge("" if good else BAD, self.now_s):
                changes.append((self.now_s, bool(self.standing.is_up)))
        return changes

    def rounds_until(self, *, works: bool) -> int:
        """So many rounds of one kind change it."""
        for count in range(1, 10_000):
            if self.run(works):
                return count
        raise AssertionError("it does not change")

    @property
    def shown(self) -> tuple[str, int, int]:
        return self.standing.state, self.standing.streak, self.standing.needed


def test_a_new_lines_first_answer_is_believed() -> None:
    clock = Clock()
    assert clock.shown[0] == "waiting"
    assert clock.rounds_until(works=True) == 1
    assert Clock().rounds_until(works=False) == 3


def test_rounds_are_counted_where_they_can_be_seen() -> None:
    clock = Clock()
    clock.run(True)
    assert clock.shown == ("up", 0, 3)
    clock.run(False, False)
    assert clock.shown == ("failing", 2, 3)
    clock.run(True)
    assert clock.shown == ("up", 0, 3)
    clock.run(False, False, False)
    assert clock.shown == ("down", 0, 2)
    clock.run(True)
    assert clock.shown == ("recovering", 1, 2)
    clock.run(True)
    assert clock.shown == ("up", 0, 3)


def test_what_needs_no_waiting_is_believed_at_once_unless_it_is_too_early() -> None:
    standing = Standing(fall=3, rise=2, interval_s=1.0)
    assert not standing.judge(BAD, 1.0, at_once=True, wait=True)
    assert standing.state == "waiting"
    assert standing.judge(BAD, 2.0, at_once=True)
    assert standing.state == "down"


def test_each_flap_within_a_minute_doubles_what_it_takes_to_come_back() -> None:
    clock = Clock(fall=1, rise=2)
    clock.run(True)
    taken = []
    for _ in range(6):
        clock.rounds_until(works=False)
        taken.append(clock.rounds_until(works=True))
    assert taken == [2, 4, 8, 16, 32, 64]
    assert clock.standing.needed == 1


def test_a_line_that_flaps_a_hundred_times_a_minute_is_hardly_used() -> None:
    clock = Clock(fall=1, rise=2)
    clock.run(True)
    changes = []
    for _ in range(300):  # three minutes of a hundred flaps each
        changes += clock.run(False, True, True)
    ups = [at for at, is_up in changes if is_up]
    assert len(ups) <= 6, "twice a minute, whenever its flaps are forgotten, instead of a hundred times"
    assert clock.standing.is_damped
    assert not clock.standing.is_up


def test_it_waits_no_longer_than_a_minute_and_forgets_in_one() -> None:
    clock = Clock(fall=1, rise=2)
    clock.run(True)
    for _ in range(40):
        clock.run(False)
        clock.standing.is_up = True  # as if it had come back at once, again and again
    clock.run(False)
    clock.standing.is_up = False
    clock.run(False)
    assert clock.standing.needed == FLAPS_S / clock.interval_s
    assert clock.rounds_until(works=True) * clock.interval_s <= FLAPS_S + 1
    clock.run(*[True] * round(FLAPS_S / clock.interval_s + 1))
    clock.run(False)
    assert clock.rounds_until(works=True) == 2


@pytest.mark.parametrize("interval_s", [0.2, 1.0, 5.0])
def test_a_line_that_fails_now_and_then_is_not_damped(interval_s: float) -> None:
    clock = Clock(interval_s=interval_s)
    clock.run(True)
    for _ in range(5):
        assert clock.rounds_until(works=False) == 3
        assert clock.rounds_until(works=True) == 2
        clock.run(*[True] * round(70 / interval_s))
    assert not clock.standing.is_damped
