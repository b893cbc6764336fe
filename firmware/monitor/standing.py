"""What a line is taken for, from round to round: with hysteresis, and damped when it comes and goes.

Pure: the time is an argument.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Literal

FLAPS_S = 60.0  # going down so often within this time is flapping; also the longest that a line must prove itself

State = Literal["waiting", "up", "failing", "down", "recovering"]


class Standing:
    """``is_up`` is ``None`` until the first round that decides. ``streak`` rounds in a row contradict it; ``needed`` of
    them change it."""

    def __init__(self, fall: int, rise: int, interval_s: float) -> None:
        self.is_up: bool | None = None
        self.reason = ""  # why the last round did not work
        self.streak = 0
        self.needed = fall
        self.is_damped = False  # it must work for longer than it would else, because it comes and goes
        self._downs: deque[float] = deque(maxlen=32)
        self.configure(fall, rise, interval_s)

    def configure(self, fall: int, rise: int, interval_s: float) -> None:
        """Take other limits; what is known stays."""
        self._fall, self._rise, self._interval_s = fall, rise, interval_s

    @property
    def state(self) -> State:
        """In a word."""
        if self.is_up is None:
            return "waiting"
        if self.is_up:
            return "failing" if self.streak else "up"
        return "recovering" if self.streak else "down"

    def judge(self, reason: str, now_s: float, *, at_once: bool = False, wait: bool = False) -> bool:
        """Take a round's result, ``""`` for a good one; returns whether the line is another now.

        ``at_once``: there is nothing to wait for. ``wait``: it is too early to call a new line dead.
        """
        works = not reason
        if works == self.is_up:
            self.streak, self.reason = 0, reason
            self.needed = self._fall if works else self._rise_needed(now_s)
            return False
        self.streak += 1
        if works:  # a new line's first answer is believed at once
            self.needed = 1 if self.is_up is None else self._rise_needed(now_s)
        else:
            self.needed = 1 if at_once else self._fall
        if wait or self.streak < self.needed:
            return False
        if not works and self.is_up:
            self._downs.append(now_s)
        self.is_up, self.reason, self.streak = works, reason, 0
        self.needed = self._fall if works else self._rise_needed(now_s)
        return True

    def _rise_needed(self, now_s: float) -> int:
        """Rounds until it is up again: doubled for each time but the first that it went down within the last minute."""
        while self._downs and now_s - self._downs[0] > FLAPS_S:
            self._downs.popleft()
        longest = max(self._rise, math.ceil(FLAPS_S / self._interval_s))
        needed = min(longest, self._rise << max(0, len(self._downs) - 1))
        self.is_damped = needed > self._rise
        return needed
