"""When something is due that is done again and again, for who is called all the time."""

from __future__ import annotations


class Due:
    """True once in each period; ``first_s`` is until the first time, else a period."""

    def __init__(self, period_s: float, first_s: float | None = None) -> None:
        self._period_s = period_s
        self._left_s = period_s if first_s is None else first_s

    def after(self, passed_s: float) -> bool:
        """Whether it is due now; ``passed_s`` is the time since the last question."""
        self._left_s -= passed_s
        if self._left_s > 0:
            return False
        self._left_s = self._period_s
        return True
