"""Workers: known by the router's login, or at the shop's phone by code and PIN."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from bizlite.core import store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.production.models import Worker
from bizlite.stock import items

ROUNDS = 60_000  # about 50 ms on the box: a PIN is short, so that guessing has to be slow
SHORTEST, LONGEST = 4, 12
TRIES, LOCKED_MS = 5, 5 * 60 * 1000


@command("production.worker.change")
def add(session: Session, code: str, name: str, *, user: str = "", pin: str = "") -> Worker:
    """A new worker; without PIN only their login reports."""
    code, name = items.check_text("code", code, 40), items.check_text("name", name, 200)
    if Worker.get_or_none(Worker.code == code):
        raise refuse("code", "is taken", "Choose another code.", code)
    _check_user(user, None)
    hashed = _hash(_check_pin(pin)) if pin else ""
    return store.insert(session, Worker(code=code, name=name, user=user, pin=hashed))


@command("production.worker.change")
def change(session: Session, worker: int, **values: object) -> Worker:
    """Changes name, login or use of a worker."""
    row: Worker = store.get(Worker, worker, "worker")
    if "user" in values:
        _check_user(str(values["user"]), row)
    if "name" in values:
        values["name"] = items.check_text("name", str(values["name"]), 200)
    return store.change(session, row, **values)


@command("production.worker.change")
def set_pin(session: Session, worker: int, pin: str) -> Worker:
    """Gives a worker another PIN, and lets them try again."""
    row: Worker = store.get(Worker, worker, "worker")
    return store.change(session, row, pin=_hash(_check_pin(pin)), failures=0)


@command("production.card.report")
def sign_in(session: Session, code: str, pin: str) -> Worker | None:
    """Who has this code and PIN, or nobody. Five wrong PINs lock the code for five minutes, also for the right one."""
    row: Worker | None = Worker.get_or_none((Worker.code == code.strip()) & Worker.is_active)
    if row is None or not row.pin:
        return None
    now = session.now_ms()
    failures = 0 if now - row.failed_ms >= LOCKED_MS else row.failures
    if failures >= TRIES:
        return None
    if not _is_right(row.pin, pin):
        store.change(session, row, failures=failures + 1, failed_ms=now)
        return None
    if row.failures:
        store.change(session, row, failures=0)
    return row


def of_user(user: str) -> Worker | None:
    """The worker whom a login belongs to."""
    found: Worker | None = Worker.get_or_none((Worker.user == user) & Worker.is_active) if user else None
    return found


def _check_user(user: str, own: Worker | None) -> None:
    other = Worker.get_or_none(Worker.user == user) if user else None
    if other is not None and (own is None or other.id != own.id):
        raise refuse("user", "belongs to another worker", "Choose another login, or none.", user)


def _check_pin(pin: str) -> str:
    if not (pin.isascii() and pin.isdecimal() and SHORTEST <= len(pin) <= LONGEST):
        raise refuse("pin", "is not a PIN", "Give %(least)s to %(most)s digits.", "", least=SHORTEST, most=LONGEST)
    return pin


def _hash(pin: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${hashlib.pbkdf2_hmac('sha256', pin.encode(), salt, ROUNDS).hex()}"


def _is_right(kept: str, pin: str) -> bool:
    salt, _, digest = kept.partition("$")
    given = hashlib.pbkdf2_hmac("sha256", pin.encode(), bytes.fromhex(salt), ROUNDS).hex()
    return hmac.compare_digest(given, digest)
