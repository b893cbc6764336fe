"""Work that is done once a day in the background, and again after an hour when it failed."""

from __future__ import annotations

import threading
from collections.abc import Callable

DAY_S = 86_400.0
RETRY_S = 3600.0
FIRST_S = 120.0  # after the start: the lines must be up


class Daily:
    """``work`` does what is wanted now and says whether it went well; one thread calls ``look`` all the time."""

    def __init__(self, name: str, work: Callable[[], bool]) -> None:
        self._name, self._work = name, work
        self._left_s = FIRST_S

    def look(self, passed_s: float, is_wanted: bool) -> None:
        """Begin when it is due; ``passed_s`` is the time since the last look."""
        self._left_s -= passed_s
        if is_wanted and self._left_s <= 0:
            self._left_s = DAY_S
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        if not self._work():
            self._left_s = RETRY_S
