"""People at work on a box whose power is cut: one commits, one posts journal entries, one updates the firmware.

Each number is sent once and noted before; what is answered is noted as acknowledged. What is not answered may have
been done or not.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from tests.image.remains import Remains

# An emulated box on a busy machine takes a minute to load the business; one that starts again never answers.
_ANSWER_S, _PATIENCE_S = 60.0, 600.0
_PAUSE_S = 1.0  # before somebody tries again, or looks again how the update is


class Noted(NamedTuple):
    """What was acknowledged: the number of the last commit, and the posted entries with their amounts."""

    commit: int
    entries: dict[str, int]


class Office:
    """Works from ``__enter__`` on; ``port`` is the page's, ``token`` an administrator's, ``bundle`` an address."""

    def __init__(self, port: int, token: str, bundle: str) -> None:
        self._port, self._token, self._bundle = port, token, bundle
        self._commit, self._committed, self._amount = 0, 0, 0
        self._entries: dict[str, int] = {}
        self._lock = threading.Lock()
        self._is_open, self._may_work = True, threading.Event()
        self.updates = 0  # confirmed ones
        jobs = (self._commit_next, self._post_next, self._update)
        self._threads = [threading.Thread(target=self._work, args=[job], daemon=True) for job in jobs]

    def __enter__(self) -> Office:
        self._may_work.set()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_open = False
        self._may_work.set()

    def pause(self) -> None:
        """Whoever has a request under way ends it, nobody begins another."""
        self._may_work.clear()

    def go_on(self) -> None:
        """All begin again."""
        self._may_work.set()

    def acknowledged(self) -> Noted:
        """What must be on the disk from now on."""
        with self._lock:
            return Noted(self._committed, dict(self._entries))

    def check(self, before: Noted, found: Remains) -> None:
        """What was acknowledged is there, and nothing that was never sent. :raise AssertionError: otherwise."""
        kept = int(found.hostname.removeprefix("h"))
        assert before.commit <= kept <= self._commit, f"{before.commit} was acknowledged, {kept} is in force"
        lost = {number: amount for number, amount in before.entries.items() if found.entries.get(number) != amount}
        assert not lost, f"acknowledged, and not there: {lost}"
        amounts = sorted(found.entries.values())
        assert len(set(amounts)) == len(amounts), "an entry is there twice"
        assert all(amount <= self._amount for amount in amounts)

    def _work(self, job: Callable[[Program], None]) -> None:
        while self._is_open:
            self._may_work.wait()
            with (
                contextlib.suppress(OSError, http.client.HTTPException),
                Program(self._port, self._token, _ANSWER_S) as program,
            ):
                while self._is_open and self._may_work.is_set():
                    job(program)
            time.sleep(_PAUSE_S)

    def _commit_next(self, program: Program) -> None:
        self._commit += 1
        number = self._commit
        program.ask("PUT", "/api/v1/config/system.hostname", f"h{number}")
        program.ask("POST", "/api/v1/commit", {})
        with self._lock:
            self._committed = number

    def _post_next(self, program: Program) -> None:
        self._amount += 1
        amount = self._amount
        lines = [{"account": "1001", "debit": amount}, {"account": "5001", "credit": amount}]
        made = program.ask("POST", "/api/biz/v1/finance/entry", {"date": f"{date.today()}", "lines": lines})
        posted = program.ask("POST", f"/api/biz/v1/finance/entry/{made['id']}/post", {"version": made["version"]})
        with self._lock:
            self._entries[posted["number"]] = amount

    def _update(self, program: Program) -> None:
        """Into the other slot and back, over and over."""
        phase = program.ask("GET", "/api/v1/update")["phase"]
        if phase == "ready":
            program.ask("POST", "/api/v1/update/restart")
        elif phase in ("idle", "confirmed", "failed"):
            self.updates += phase == "confirmed"
            program.ask("POST", "/api/v1/update", {"source": "url", "url": self._bundle})
        time.sleep(_PAUSE_S)


class Program:
    """A connection that stays. :raise OSError, HTTPException: the box does not answer, or refuses."""

    def __init__(self, port: int, token: str, answer_s: float = _PATIENCE_S) -> None:
        context = ssl._create_unverified_context()
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=answer_s, context=context)
        self._headers = {"Host": "192.168.8.1", "Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, value: object = None) -> Any:
        """The answer's JSON."""
        body = None if value is None else json.dumps(value)
        self._connection.request(method, path, body, self._headers)
        with self._connection.getresponse() as answer:
            read = answer.read()
            if answer.status >= 400:
                raise http.client.HTTPException(f"{method} {path}: {answer.status} {read[:500]!r}")
            return json.loads(read) if read else None
