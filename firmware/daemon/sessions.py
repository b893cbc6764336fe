"""Who is logged in. A session ends after half an hour of silence, after twelve hours, and with the box.

Kept in ``RUN/sessions.json`` (memory) by the digest of its secret, so that sessions outlive a restart of rsd but the
file gives nobody one. Times are of the clock that counts from boot: a jump of the wall clock ends no session.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from firmware.kernel import files

log = logging.getLogger(__name__)

IDLE_S = 30 * 60.0
LIFE_S = 12 * 3600.0
SESSIONS_MAX = 256
_NOTE_S = 60.0  # how old the noted time of the last use may be


class Session(msgspec.Struct, kw_only=True):
    """One login."""

    user: str
    created_s: float
    used_s: float


def _boot_clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Sessions:
    """Safe to use from several threads."""

    def __init__(self, path: Path, clock: Callable[[], float] = _boot_clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._noted_s = 0.0
        self._sessions = self._read()

    def begin(self, user: str) -> str:
        """A new session's secret."""
        secret = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            self._tidy(now)
            if len(self._sessions) >= SESSIONS_MAX:
                self._sessions.pop(min(self._sessions, key=lambda key: self._sessions[key].used_s))
            self._sessions[_digest(secret)] = Session(user=user, created_s=now, used_s=now)
            self._note(now)
        return secret

    def user(self, secret: str) -> str | None:
        """Whose session it is; to ask counts as use."""
        now = self._clock()
        with self._lock:
            session = self._sessions.get(_digest(secret))
            if session is None or not _is_alive(session, now):
                return None
            session.used_s = now
            if now - self._noted_s > _NOTE_S:
                self._note(now)
            return session.user

    def end(self, secret: str) -> None:
        """Log out."""
        with self._lock:
            if self._sessions.pop(_digest(secret), None) is not None:
                self._note(self._clock())

    def end_all(self, user: str, *, but: str | None = None) -> None:
        """End all sessions of a user, for example when his password was changed, except the one that asks."""
        kept = _digest(but) if but else None
        with self._lock:
            self._sessions = {key: s for key, s in self._sessions.items() if s.user != user or key == kept}
            self._note(self._clock())

    def _tidy(self, now: float) -> None:
        self._sessions = {key: session for key, session in self._sessions.items() if _is_alive(session, now)}

    def _note(self, now: float) -> None:
        self._noted_s = now
        try:
            files.write(self._path, msgspec.json.encode(self._sessions), 0o600)
        except OSError as error:
            log.error("sessions.json: %s", error)

    def _read(self) -> dict[str, Session]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Session])
        except (OSError, msgspec.DecodeError):
            return {}


def _is_alive(session: Session, now: float) -> bool:
    return session.used_s + IDLE_S > now >= session.created_s and session.created_s + LIFE_S > now


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
