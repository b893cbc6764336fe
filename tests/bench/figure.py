"""One line of a benchmark, as docs and goals speak of it; run alone this module does nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass
class Figure:
    """What was measured of us and of the peer; ``is_less`` where less is better, so that a ratio above 1 is good."""

    name: str
    ours: float
    peer: float | None
    unit: str
    goal: float
    met: bool
    is_less: bool = False
    rounds: int = 1
    digits: int = 4
    more: dict[str, float] | None = None

    def tell(self) -> None:
        """Prints the line."""
        ratio = None
        if self.peer and self.ours:
            ratio = round(self.peer / self.ours if self.is_less else self.ours / self.peer, 3)
        line = {
            "name": self.name,
            "ours": round(self.ours, self.digits),
            "peer": None if self.peer is None else round(self.peer, self.digits),
            "ratio": ratio,
            "unit": self.unit,
            **(self.more or {}),
            "rounds": self.rounds,
            "goal": self.goal,
            "met": self.met,
        }
        print(json.dumps(line), flush=True)
