"""The configuration in force, and every way in which it changes.

commit: lock, merge with what others did, verify, render, keep as a revision, apply, switch over; when a step fails the
Plan that was in force is applied again. Rollback, the return of an unconfirmed change and the start of the box are
the same with another revision. The revision in force is what the database says: whatever the moment at which rsd dies,
the next start applies that one whole.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from firmware import features
from firmware.engine import merge, pending, steps
from firmware.engine.applier import Applier
from firmware.engine.box import Box
from firmware.engine.candidates import Candidate, Candidates
from firmware.engine.errors import (
    ApplyError,
    BusyError,
    ConflictError,
    NoRevisionError,
    NotAllowedError,
    PendingError,
    RefusedError,
    StorageError,
)
from firmware.engine.explain import explain
from firmware.engine.pending import Pending
from firmware.engine.revisions import Revisions
from firmware.engine.steps import Phase
from firmware.kernel.errors import KernelError
from firmware.model.config import Config, Role
from firmware.model.facts import Facts
from firmware.model.plan import Plan
from firmware.model.problem import ConfigError, Problem

log = logging.getLogger(__name__)

LOCK_S = 10.0
CONFIRM_MIN_S, CONFIRM_MAX_S = 5, 3600
_RANK: dict[Role, int] = {"owner": 2, "admin": 1}


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks; ``reached_boot_s`` is when the connection that asks was made (CLOCK_BOOTTIME)."""

    name: str
    role: Role
    reached_boot_s: float


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """``deadline_s`` is the time there is to confirm; ``warnings`` is what the box lacks though the change is made."""

    revision: int
    deadline_s: float | None
    warnings: list[str]


class Listener(Protocol):
    """What the engine tells."""

    def alarm(self, key: str, message: str | None, **params: str) -> None:
        """Something is wrong (``message``), or is well again (``None``)."""

    def changed(self, what: str, revision: int) -> None:
        """Another revision is in force (``committed``, ``taken_back``) or is confirmed (``confirmed``)."""


class Engine:
    """One per box; its methods may be called by any thread."""

    def __init__(
        self,
        state_dir: Path,
        run_dir: Path,
        applier: Applier,
        facts: Callable[[Config], Facts],
        *,
        factory: Callable[[], Config],
        listener: Listener,
    ) -> None:
        self._facts = facts
        self._listener = listener
        self._lock = threading.RLock()
        self._box = Box(applier, facts, run_dir / "generation")
        self.revisions = Revisions(state_dir, factory, lambda message: listener.alarm("configuration", message))
        self._candidates = Candidates(state_dir / "candidates")
        self._running = self.revisions.running()
        self._config = self.revisions.config(self._running)
        self._pending = self.revisions.pending()

    def start(self) -> None:
        """Bring the box to the revision in force, or to the one before when that was not confirmed in time."""
        with self._locked():
            interrupted = self.revisions.interrupted()
            if interrupted is not None:
                log.warning("revision %d was cut short; %d stays in force", interrupted, self._running)
                with self._storage_alarm():
                    self.revisions.drop(interrupted)
            self._forget_committed()
            if self._pending is not None and pending.remaining_s(self._pending) <= 0:
                self._take_back("start")
                return
            self._force("start")
            if self._pending is None:
                self._write_copy()

    @property
    def running(self) -> int:
        """The revision in force."""
        return self._running

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._config

    @property
    def plan(self) -> Plan:
        """The Plan in force."""
        return self._box.plan or Plan()

    @property
    def pending(self) -> Pending | None:
        """What waits for its confirmation."""
        return self._pending

    def candidate(self, author: str) -> Config:
        """What the author is working on: his changes, else the configuration in force."""
        kept = self._candidates.get(author)
        return self._config if kept is None else kept.config

    def candidates(self) -> list[Config]:
        """What all authors are working on."""
        kept = (self._candidates.get(author) for author in self._candidates.authors())
        return [candidate.config for candidate in kept if candidate is not None]

    def change(self, author: str, edit: Callable[[Config], Config]) -> list[Problem]:
        """Change the author's candidate and tell what verify says. Raises ConfigError, StorageError."""
        with self._locked():
            kept = self._candidates.get(author)
            before = self._config if kept is None else kept.config
            config = edit(before)
            if config == self._config:
                self._candidates.drop(author)
            elif config != before:
                self._candidates.put(author, Candidate(base=kept.base if kept else self._running, config=config))
            return self.verify(config)

    def discard(self, author: str) -> None:
        """Forget the author's changes."""
        self._candidates.drop(author)

    def verify(self, config: Config) -> list[Problem]:
        """All problems of a configuration on this box."""
        return features.verify(config, self._facts(config))

    def explain(self, config: Config) -> str:
        """What applying a configuration would do now. Raises RefusedError when it has errors."""
        with self._locked():
            self._check(config)
            return explain(self._box.render(config).plan, self._box.plan)

    def commit(self, actor: Actor, message: str, confirm_s: int | None = None, base: int | None = None) -> Committed:
        """Put the actor's candidate in force; without a confirmation in ``confirm_s`` seconds it is taken back.

        ``base`` is the revision that the actor has seen and may overwrite. Raises every kind of EngineError.
        """
        with self._locked():
            kept = self._candidates.get(actor.name)
            if base is not None and base != self._running:
                raise self._conflict([])
            if kept is None:
                return self._unchanged()
            committed = self._put_in_force(self._merged(kept, base), actor, message, confirm_s)
            self._candidates.drop(actor.name)
            steps.reached("commit", "candidate")
            return committed

    def commit_edit(self, actor: Actor, message: str, edit: Callable[[Config], Config]) -> Committed:
        """Change the configuration in force at once, leaving everybody's candidates alone. Raises as ``commit``."""
        with self._locked():
            return self._put_in_force(edit(self._config), actor, message, None)

    def rollback(self, actor: Actor, revision: int, confirm_s: int | None = None) -> Committed:
        """Put an older revision in force, as a new one; while a change waits, only that before it: it is taken back."""
        with self._locked():
            config = self.revisions.config(revision)
            waiting = self._pending
            if waiting is not None and revision == waiting.previous:
                _require_rank(actor, waiting)
                self._take_back("revert")
                return self._unchanged()
            return self._put_in_force(config, actor, f"rollback to revision {revision}", confirm_s)

    def confirm(self, actor: Actor) -> int:
        """Keep the change that waits; the actor must have reached the box after it was made."""
        with self._locked():
            waiting = self._pending
            if waiting is None:
                raise NoRevisionError("No change waits for a confirmation.")
            _require_rank(actor, waiting)
            if not pending.is_reached_after(waiting, actor.reached_boot_s):
                raise NotAllowedError("Confirm over a new connection: that shows that the box can still be reached.")
            self.revisions.switch(waiting.revision, None)
            self._pending = None
            self._write_copy()
            self._listener.changed("confirmed", waiting.revision)
            return waiting.revision

    def check_deadline(self) -> float | None:
        """Take an unconfirmed change back when its time is over; returns the seconds left while one waits."""
        waiting = self._pending
        if waiting is None:
            return None
        left_s = pending.remaining_s(waiting)
        if left_s > 0:
            return left_s
        with self._locked():
            if self._pending is waiting:
                self._take_back("revert")
        return None

    def refresh(self) -> bool:
        """Render anew with the facts of the moment and apply the difference; trouble is an alarm, not an error. Returns
        whether the box is as the facts want it."""
        with self._locked():
            try:
                self._tell_lacking(self._box.apply(self._box.render(self._config), "refresh"))
            except KernelError as error:
                message = "A change of the lines or the schedules could not be applied: %(reason)s."
                self._listener.alarm("refresh", message, reason=str(error))
                return False
            self._listener.alarm("refresh", None)
            return True

    def close(self) -> None:
        """Close the database; the box stays as it is."""
        with self._locked():
            self.revisions.close()

    def _put_in_force(self, config: Config, actor: Actor, message: str, confirm_s: int | None) -> Committed:
        if self._pending is not None:
            text = "Revision %(revision)s of %(author)s waits for its confirmation; confirm it or take it back first."
            raise PendingError(text, revision=str(self._pending.revision), author=self._pending.author)
        if confirm_s is not None and not CONFIRM_MIN_S <= confirm_s <= CONFIRM_MAX_S:
            text = "Give from %(low)s to %(high)s seconds to confirm."
            raise RefusedError(text, low=str(CONFIRM_MIN_S), high=str(CONFIRM_MAX_S))
        if config.users != self._config.users and _RANK.get(actor.role, 0) < _RANK["owner"]:
            raise NotAllowedError("Only an owner may change users.")
        self._check(config)
        steps.reached("commit", "verified")
        if config == self._config:
            return self._unchanged()
        number = self.revisions.add(config, actor.name, message, parent=self._running)
        steps.reached("commit", "intent")
        lacking, waiting = self._apply_revision(number, config, actor, confirm_s)
        self._running, self._config, self._pending = number, config, waiting
        steps.reached("commit", "running")
        if waiting is None:
            self._write_copy()
        steps.reached("commit", "copy")
        self._tell_lacking(lacking)
        self._listener.changed("committed", number)
        return Committed(revision=number, deadline_s=float(confirm_s) if confirm_s else None, warnings=lacking)

    def _apply_revision(
        self, number: int, config: Config, actor: Actor, confirm_s: int | None
    ) -> tuple[list[str], Pending | None]:
        """Apply and switch over, or leave everything as it was and raise."""
        before = self._box.in_force
        waiting = None
        try:
            lacking = self._box.apply(self._box.render(config), "commit")
            if confirm_s is not None:
                waiting = pending.begin(number, self._running, actor.name, actor.role, confirm_s)
            self.revisions.switch(number, waiting)
        except StorageError:
            self._box.restore(before)
            self._drop(number)
            raise
        except KernelError as error:
            self._drop(number)
            text = "The box refused the change: %(reason)s. Revision %(revision)s is still in force."
            raise ApplyError(text, reason=str(error), revision=str(self._running)) from error
        return lacking, waiting

    def _take_back(self, phase: Phase) -> None:
        """Return from the change that waits to what was before."""
        assert self._pending is not None
        waiting, self._pending = self._pending, None
        self._running = waiting.previous
        self._config = self.revisions.config(waiting.previous)
        self._force(phase)
        with self._storage_alarm():
            self.revisions.switch(waiting.previous, None)
        steps.reached(phase, "running")
        log.warning("revision %d was not confirmed; %d is in force again", waiting.revision, waiting.previous)
        self._listener.changed("taken_back", waiting.previous)

    def _force(self, phase: Phase) -> None:
        self._tell_lacking(self._box.force(self._box.render(self._config), phase))

    def _forget_committed(self) -> None:
        """Drop candidates that change nothing any more: who was cut short between a commit and the end of its candidate
        would find his next change at odds with his own last one."""
        for author in self._candidates.authors():
            kept = self._candidates.get(author)
            with contextlib.suppress(NoRevisionError, ConfigError):
                if kept and merge.merge(self.revisions.config(kept.base), kept.config, self._config) == self._config:
                    self._candidates.drop(author)

    def _merged(self, kept: Candidate, base: int | None) -> Config:
        """The candidate on top of what others have committed since it was begun. Raises ConflictError."""
        if kept.base == self._running:
            return kept.config
        try:
            begun_from = self.revisions.config(kept.base)
            if base is None and (problems := merge.overlaps(begun_from, kept.config, self._config)):
                raise self._conflict(problems)
            return merge.merge(begun_from, kept.config, self._config)
        except NoRevisionError:
            raise self._conflict([]) from None
        except ConfigError as error:
            raise self._conflict(error.problems) from None

    def _conflict(self, problems: list[Problem]) -> ConflictError:
        text = "The configuration was changed by somebody else; revision %(revision)s is in force now."
        return ConflictError(text, problems=problems, revision=str(self._running))

    def _check(self, config: Config) -> None:
        problems = self.verify(config)
        if any(problem.severity == "error" for problem in problems):
            raise RefusedError("The configuration has errors; nothing was changed.", problems=problems)

    def _unchanged(self) -> Committed:
        return Committed(revision=self._running, deadline_s=None, warnings=[])

    def _drop(self, number: int) -> None:
        with self._storage_alarm():
            self.revisions.drop(number)

    def _write_copy(self) -> None:
        with self._storage_alarm():
            self.revisions.write_copy()

    @contextlib.contextmanager
    def _storage_alarm(self) -> Iterator[None]:
        """A disk that cannot be written must not keep the box from what is in force: an alarm says so."""
        try:
            yield
        except StorageError as error:
            self._listener.alarm("storage", error.message, **error.params)
        else:
            self._listener.alarm("storage", None)

    def _tell_lacking(self, lacking: list[str]) -> None:
        message = "The box lacks a part of its configuration: %(lacking)s." if lacking else None
        self._listener.alarm("lacking", message, lacking="; ".join(lacking))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=LOCK_S):
            raise BusyError("Another change is being made.")
        try:
            yield
        finally:
            self._lock.release()


def _require_rank(actor: Actor, waiting: Pending) -> None:
    if _RANK.get(actor.role, 0) < _RANK.get(waiting.role, 0):
        raise NotAllowedError(
            "The change of %(author)s can be kept or taken back only by an owner.", author=waiting.author
        )
