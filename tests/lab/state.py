"""What is written down about a running site, so that another process can use it or end it, even after a crash."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.lab import netns

ROOT = Path("/run/rs-lab")


@dataclass
class Process:
    """A process of the site; pid and start time together name it for ever."""

    name: str
    pid: int
    started: int

    @property
    def is_running(self) -> bool:
        return netns.start_time(self.pid) == self.started


@dataclass
class State:
    """The shape of the site and its processes, kept in ``state.json`` in its directory."""

    name: str
    wans: int
    hosts: int
    product: bool
    page_port: int | None = None
    processes: list[Process] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return ROOT / self.name

    def save(self) -> None:
        """Writes the state; a reader sees the old or the new one."""
        self.directory.mkdir(parents=True, exist_ok=True)
        temporary = self.directory / "state.json.new"
        temporary.write_text(json.dumps(asdict(self), indent=1))
        temporary.rename(self.directory / "state.json")


def load(name: str) -> State:
    """The state of a site; :raise FileNotFoundError: when no such site is up."""
    path = ROOT / name / "state.json"
    if not path.exists():
        remedy = f"start it with: python -m tests.lab up --name {name}"
        raise FileNotFoundError(f"no site {name!r} is up ({path} does not exist); {remedy}")
    raw = json.loads(path.read_text())
    raw["processes"] = [Process(**process) for process in raw["processes"]]
    return State(**raw)
