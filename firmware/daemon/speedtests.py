"""Speed tests on demand: one line at a time, measured by ``speedtest.py``; nothing is changed by what is found.

``STATE/speedtest.json`` has the last result of each line, of the line itself (``result``) and of its upload through
the shaper (``shaped``).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from firmware.daemon.database import program
from firmware.daemon.errors import BusyError, InvalidError, NotFoundError
from firmware.features.qos import shaped_lines
from firmware.features.topology import Line, lines
from firmware.kernel import command, files
from firmware.kernel.errors import CommandError
from firmware.model.config import Config
from firmware.model.facts import Facts

log = logging.getLogger(__name__)

SECONDS = 6  # each way
TIMEOUT_S = 75.0  # 9 s of probes, twice 6 s, and twice 15 s until the last thread has noticed
RETRY_S = 5.0
# Of the delay that a busy line adds, in ms: the scale of DSLReports' speed test, which people know.
GRADES = ((5, "A+"), (30, "A"), (60, "B"), (200, "C"), (400, "D"))
WORST = "F"
_MEASURE = "from firmware.daemon.speedtest import main; sys.exit(main(sys.argv[1:]))"


def grade(added_ms: float) -> str:
    """What a delay that a busy line adds is called."""
    return next((name for limit_ms, name in GRADES if added_ms < limit_ms), WORST)


def two_digits(rate_bps: int) -> int:
    """A rate rounded down to two digits: what is set should be a little less than what is carried."""
    step: int = 10 ** max(0, len(str(rate_bps)) - 2)
    return rate_bps // step * step


def graded(found: dict[str, Any]) -> dict[str, Any]:
    """What ``speedtest.py`` found, with a grade for each way that was measured and for the worse of both, and with the
    rates that may be set for the line."""
    idle_ms = found["idle_ms"]
    added = {way: found[f"{way}_ms"] - idle_ms for way in ("down", "up") if found[f"{way}_ms"] is not None}
    return {
        **found,
        "down_grade": grade(added["down"]) if "down" in added else None,
        "up_grade": grade(added["up"]) if "up" in added else None,
        "grade": grade(max(added.values())) if added else None,
        "suggested": {key: found[key] and two_digits(found[key]) for key in ("down_bps", "up_bps")},
    }


def _run(arguments: Sequence[str]) -> str:
    return command.run((*program(_MEASURE), *arguments), timeout_s=TIMEOUT_S)


class SpeedTests:
    """``run`` measures: it takes the arguments of ``speedtest.py`` and returns what that writes."""

    def __init__(
        self,
        state_dir: Path,
        config: Callable[[], Config],
        facts: Callable[[Config], Facts],
        run: Callable[[Sequence[str]], str] = _run,
    ) -> None:
        self._path = state_dir / "speedtest.json"
        self._config, self._facts, self._run = config, facts, run
        self._lock = threading.Lock()
        self._running: str | None = None  # the line
        self._results: dict[str, dict[str, Any]] = _read(self._path)

    def state(self) -> list[dict[str, Any]]:
        """The verb ``speedtest.state``."""
        with self._lock:
            return [
                {"line": name, "running": name == self._running, "result": None, "shaped": None}
                | self._results.get(name, {})
                for name in self._config().wans
            ]

    def start(self, name: str, *, is_shaped: bool) -> None:
        """Begin in the background. Raises NotFoundError, InvalidError, BusyError."""
        config = self._config()
        facts = self._facts(config)
        if name not in config.wans:
            raise NotFoundError("There is no line %(line)s in force.", line=name)
        line = next((line for line in lines(config, facts) if line.name == name), None)
        address = line and (line.address4 or line.address6)
        if line is None or not line.up or address is None:
            raise InvalidError("The line %(line)s does not work now: there is nothing to measure.", line=name)
        if is_shaped and line not in shaped_lines(config, facts):
            text = "The line %(line)s has no shaper to measure: switch bandwidth on, and give the line's rates."
            raise InvalidError(text, line=name)
        servers = config.speed_test
        place = [str(address.ip), line.device, str(line.mark)]
        arguments = [servers.download_url, servers.upload_url, *place, str(SECONDS)]
        with self._lock:
            if self._running is not None:
                text = "The line %(line)s is being measured; one line at a time."
                raise BusyError(text, RETRY_S, line=self._running)
            self._running = name
        measuring = (line, [*arguments, "shaped"] if is_shaped else arguments, is_shaped)
        threading.Thread(target=self._measure, args=measuring, name="speedtest", daemon=True).start()

    def _measure(self, line: Line, arguments: list[str], is_shaped: bool) -> None:
        ways = ("up",) if is_shaped else ("down", "up")
        found: dict[str, Any] = dict.fromkeys(("down_bps", "up_bps", "idle_ms", "down_ms", "up_ms"))
        try:
            found = json.loads(self._run(arguments))
        except (CommandError, ValueError) as error:
            reason = error.reason if isinstance(error, CommandError) else str(error)
            found["errors"] = dict.fromkeys(ways, reason)
        finally:
            with self._lock:
                self._running = None
                if "errors" in found:
                    self._keep(line.name, "shaped" if is_shaped else "result", graded(found))

    def _keep(self, name: str, kind: str, found: dict[str, Any]) -> None:
        wans = self._config().wans
        results = {line: of_line for line, of_line in self._results.items() if line in wans}
        results[name] = {**results.get(name, {}), kind: {"time": time.time(), **found}}
        self._results = results
        try:
            files.write(self._path, json.dumps(results), 0o600)
        except OSError as error:
            log.error("%s: %s", self._path, error)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.error("%s is passed over: %s", path, error)
        return {}
    return found if isinstance(found, dict) else {}
