"""Who asks, and what his role permits."""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from firmware.daemon.errors import ForbiddenError, InvalidError, LockedOutError, UnauthenticatedError
from firmware.daemon.lockout import Lockout
from firmware.daemon.secrets_file import PASSWORD_MAX, PASSWORD_MIN, SecretsFile
from firmware.daemon.sessions import LIFE_S, Sessions
from firmware.kernel import files
from firmware.model.config import Config, Language, Role
from firmware.model.problem import Problem

log = logging.getLogger(__name__)

Least = Literal["none", "any", "auditor", "admin", "owner"]
_RANK: dict[Role, int] = {"owner": 4, "admin": 3, "auditor": 2}
_NEEDED: dict[Least, int] = {"none": 0, "any": 1, "auditor": 2, "admin": 3, "owner": 4}
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks; ``kind`` is how he proved it: by being root here, by a session or by a token."""

    user: str
    role: Role
    language: Language
    kind: Literal["local", "session", "token"]
    session: str | None = None


def rank(role: Role) -> int:
    """How much a role may do on the router; roles of the business modules only log in."""
    return _RANK.get(role, 1)


def permits(identity: Identity | None, least: Least) -> bool:
    """Whether somebody (``None``: nobody known) may use a verb that needs that role."""
    return (0 if identity is None else rank(identity.role)) >= _NEEDED[least]


class Authority:
    """Checks sessions, tokens and passwords against the configuration in force."""

    def __init__(self, state_dir: Path, run_dir: Path, config: Callable[[], Config], *, first: str = "") -> None:
        """``first`` is the hash of the first password on the box's label; without one it is drawn at each start."""
        self.secrets = SecretsFile(state_dir / "secrets.json")
        self.sessions = Sessions(run_dir / "sessions.json")
        self._config = config
        self._lockout = Lockout()
        self._first = first
        self._first_path = run_dir / "first-password"
        self.prepare_first_password()

    def identify(self, peer_uid: int, session: str | None, token: str | None) -> Identity | None:
        """Who a request is from; ``None`` is nobody. What is offered must hold: root with a bad session is nobody."""
        if token is not None:
            return self._of_token(token)
        if session is not None:
            user = self.sessions.user(session) if session else None
            return self._of_user(user, session) if user else None
        if peer_uid == 0:
            return Identity(user="root", role="owner", language=self._config().system.language, kind="local")
        return None

    def login(self, user: str, password: str, source: str) -> Identity:
        """Begin a session. Raises UnauthenticatedError, LockedOutError."""
        self._check(user, source, lambda: self.secrets.check_password(user, password) and self._is_enabled(user))
        return self.begin(user)

    def begin(self, user: str) -> Identity:
        """A session for a user who has proved himself."""
        identity = self._of_user(user, self.sessions.begin(user))
        assert identity is not None
        return identity

    def check_own_password(self, user: str, password: str, source: str) -> None:
        """See that somebody who is logged in knows his password. Raises ForbiddenError, LockedOutError."""
        try:
            self._check(user, source, lambda: self.secrets.check_password(user, password))
        except UnauthenticatedError:
            raise ForbiddenError("The old password is wrong.") from None

    def set_password(self, user: str, password: str, *, session: str | None = None) -> None:
        """Give a user a password and end his other sessions. Raises InvalidError, OSError."""
        check_password_rules(password)
        self.secrets.set_password(user, password)
        self.sessions.end_all(user, but=session)
        self._lockout.succeeded(f"user {user}")
        self.prepare_first_password()

    @property
    def needs_setup(self) -> bool:
        """Whether no owner can log in yet."""
        users = self._config().users.items()
        return not any(u.role == "owner" and u.enabled and self.secrets.has_password(name) for name, u in users)

    def check_first_password(self, password: str, source: str) -> None:
        """See that who sets the box up can read its label or console. Raises UnauthenticatedError, LockedOutError."""
        self._check("", source, lambda: self._is_first_password(password.strip()))

    def prepare_first_password(self) -> None:
        """Have a first password lie ready while it is needed, and not longer."""
        if self._first or not self.needs_setup:
            self._first_path.unlink(missing_ok=True)
        elif not self._first_path.exists():
            words = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
            files.write(self._first_path, "-".join(words) + "\n", 0o600)

    @property
    def session_life_s(self) -> float:
        """How long a session lasts at most."""
        return LIFE_S

    def _is_first_password(self, password: str) -> bool:
        if self._first:
            return self.secrets.matches(password, self._first) and self.needs_setup
        return hmac.compare_digest(self._first_password().encode(), password.encode())

    def _first_password(self) -> str:
        try:
            return self._first_path.read_text().strip()
        except OSError:
            return secrets.token_hex(16)  # there is none: nothing is right

    def _check(self, user: str, source: str, is_right: Callable[[], bool]) -> None:
        keys = [f"user {user}", *([f"source {source}"] if source else [])]
        self._refuse_locked_out(keys)
        found = is_right()  # one at a time; those that were sent along with it may have shut the account meanwhile
        self._refuse_locked_out(keys)
        if not found:
            self._lockout.failed(keys)
            log.warning("wrong password for %r from %s", user, source or "this box")
            raise UnauthenticatedError("The user or the password is wrong.")
        self._lockout.succeeded(f"user {user}")

    def _refuse_locked_out(self, keys: list[str]) -> None:
        retry_s = self._lockout.retry_s(keys)
        if retry_s is not None:
            raise LockedOutError(retry_s)

    def _is_enabled(self, user: str) -> bool:
        found = self._config().users.get(user)
        return found is not None and found.enabled

    def _of_user(self, name: str, session: str) -> Identity | None:
        config = self._config()
        user = config.users.get(name)
        if user is None or not user.enabled:
            return None
        language = user.language or config.system.language
        return Identity(user=name, role=user.role, language=language, kind="session", session=session)

    def _of_token(self, secret: str) -> Identity | None:
        token = self.secrets.find_token(secret)
        if token is None:
            return None
        language = self._config().system.language
        return Identity(user=f"token.{token.name}", role=token.role, language=language, kind="token")


def check_password_rules(password: str) -> None:
    """Raises InvalidError for a password that is too short or too long."""
    message = "A password has at least %(low)s characters and at most %(high)s."
    check_length("password", password, PASSWORD_MIN, PASSWORD_MAX, message)


def check_length(path: str, secret: str, low: int, high: int, message: str) -> None:
    """Raises InvalidError when a secret has fewer or more characters; ``low`` and ``high`` fill the message."""
    if not low <= len(secret) <= high:
        remedy = "Three or four words in a row are easy to remember and hard to guess."
        problem = Problem(path=path, message=message, remedy=remedy, params={"low": str(low), "high": str(high)})
        raise InvalidError(problem.message, problems=[problem], **problem.params)
