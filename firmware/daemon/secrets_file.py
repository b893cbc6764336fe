"""``STATE/secrets.json`` (mode 0600): hashes of passwords and of API tokens; in clear only what must be: the passwords
of dialled lines, which their providers ask for, and what automatic backups are encrypted and sent with."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Container
from pathlib import Path

import msgspec

from firmware.kernel import files
from firmware.model.config import Role

log = logging.getLogger(__name__)

# OWASP's setting for boxes with little memory: 8 MB at a time instead of 128, ten times over.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 13, 8, 10
_SALT_BYTES = 16
PASSWORD_MIN, PASSWORD_MAX = 8, 256


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An API token; ``digest`` is of its secret, which was shown once."""

    id: int
    name: str
    role: Role
    author: str
    created: float
    digest: str


class _Content(msgspec.Struct, kw_only=True):
    passwords: dict[str, str] = msgspec.field(default_factory=dict)
    tokens: list[Token] = msgspec.field(default_factory=list)
    lines: dict[str, str] = msgspec.field(default_factory=dict)
    backup_key: str = ""  # JSON: what automatic backups are encrypted with, and how it is made of the passphrase
    backup_logins: dict[str, str] = msgspec.field(default_factory=dict)  # password or token by destination


class SecretsFile:
    """Safe to use from several threads. Writing raises OSError; nothing has changed then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        # Hashing takes 8 MB and a core for a quarter of a second: one at a time.
        self._hashing = threading.Lock()
        self.was_broken = False
        self._content = self._read()

    def has_password(self, user: str) -> bool:
        """Whether the user can log in at all."""
        return user in self._content.passwords

    def check_password(self, user: str, password: str) -> bool:
        """Whether it is the user's password; takes as long when there is no such user."""
        return self.matches(password, self._content.passwords.get(user))

    def matches(self, password: str, kept: str | None) -> bool:
        """Whether ``kept`` is the password's hash; takes as long when there is none."""
        salt, _, wanted = (kept or f"{'00' * _SALT_BYTES}$").partition("$")
        with self._hashing:
            found = _hash(password, bytes.fromhex(salt))
        return kept is not None and hmac.compare_digest(found, wanted)

    def set_password(self, user: str, password: str) -> None:
        """Keep a new password's hash."""
        with self._hashing:
            kept = hash_password(password)
        with self._lock:
            self._write(msgspec.structs.replace(self._content, passwords={**self._content.passwords, user: kept}))

    def keep_users(self, users: set[str]) -> None:
        """Forget the passwords of users that are no more, lest a later one of the same name inherits them."""
        with self._lock:
            passwords = {user: kept for user, kept in self._content.passwords.items() if user in users}
            if passwords != self._content.passwords:
                self._write(msgspec.structs.replace(self._content, passwords=passwords))

    @property
    def lines_with_password(self) -> frozenset[str]:
        """The dialled lines of which it has one."""
        return frozenset(self._content.lines)

    def line_password(self, line: str) -> str | None:
        """What a line's provider is told."""
        return self._content.lines.get(line)

    def set_line_password(self, line: str, password: str) -> None:
        """Keep a line's password; an empty one is forgotten."""
        with self._lock:
            lines = {name: kept for name, kept in self._content.lines.items() if name != line}
            if password:
                lines[line] = password
            if lines != self._content.lines:
                self._write(msgspec.structs.replace(self._content, lines=lines))

    @property
    def backup_key(self) -> str:
        """What automatic backups are encrypted with; ``""`` while no passphrase is set."""
        return self._content.backup_key

    def set_backup_key(self, key: str) -> None:
        """Keep a key as ``backup_worker.py`` makes it."""
        with self._lock:
            self._write(msgspec.structs.replace(self._content, backup_key=key))

    def backup_login(self, destination: str) -> str:
        """The password or token that a destination of backups asks for."""
        return self._content.backup_logins.get(destination, "")

    def set_backup_login(self, destination: str, secret: str) -> None:
        """Keep a destination's password or token; an empty one is forgotten."""
        with self._lock:
            logins = {name: kept for name, kept in self._content.backup_logins.items() if name != destination}
            if secret:
                logins[destination] = secret
            self._write(msgspec.structs.replace(self._content, backup_logins=logins))

    def dump(self) -> str:
        """All of it, for a backup or to go back to with ``load``."""
        return msgspec.json.encode(self._content).decode()

    def load(self, text: str) -> None:
        """Take back what ``dump`` gave."""
        with self._lock:
            self._write(msgspec.json.decode(text, type=_Content))

    def take(self, saved: str, users: Container[str], *, with_tokens: bool, with_backup: bool) -> None:
        """Take the passwords of some users from another's ``dump``, its tokens, its automatic backups' secrets."""
        other = msgspec.json.decode(saved, type=_Content)
        with self._lock:
            now = self._content
            found = {user: kept for user, kept in other.passwords.items() if user in users}
            content = msgspec.structs.replace(now, passwords={**now.passwords, **found})
            if with_tokens:
                content.tokens = _joined(now.tokens, other.tokens)
            if with_backup:
                content.backup_key = other.backup_key or now.backup_key
                content.backup_logins = {**now.backup_logins, **other.backup_logins}
            self._write(content)

    def tokens(self) -> list[Token]:
        """All API tokens."""
        return list(self._content.tokens)

    def find_token(self, secret: str) -> Token | None:
        """The token of a secret."""
        digest = _digest(secret)
        return next((token for token in self._content.tokens if hmac.compare_digest(token.digest, digest)), None)

    def add_token(self, name: str, role: Role, author: str) -> tuple[Token, str]:
        """A new token and its secret, which is kept nowhere."""
        secret = "rs_" + secrets.token_urlsafe(32)
        with self._lock:
            number = max((token.id for token in self._content.tokens), default=0) + 1
            token = Token(id=number, name=name, role=role, author=author, created=time.time(), digest=_digest(secret))
            self._write(msgspec.structs.replace(self._content, tokens=[*self._content.tokens, token]))
        return token, secret

    def drop_token(self, number: int) -> bool:
        """Revoke a token; returns whether there was one."""
        with self._lock:
            tokens = [token for token in self._content.tokens if token.id != number]
            if len(tokens) == len(self._content.tokens):
                return False
            self._write(msgspec.structs.replace(self._content, tokens=tokens))
            return True

    def _read(self) -> _Content:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Content)
        except FileNotFoundError:
            return _Content()
        except msgspec.DecodeError as error:
            log.error("secrets.json is broken, all passwords must be set anew: %s", error)
            self.was_broken = True
            return _Content()

    def _write(self, content: _Content) -> None:
        files.write(self._path, msgspec.json.encode(content), 0o600)
        self._content = content


def lines_of(saved: str) -> dict[str, str]:
    """The passwords of dialled lines in a ``dump``."""
    return msgspec.json.decode(saved, type=_Content).lines


def _joined(present: list[Token], other: list[Token]) -> list[Token]:
    """Both, each secret and each name once; those that were not here get numbers of their own."""
    known = {key for token in present for key in (token.digest, token.name)}
    fresh = [token for token in other if token.digest not in known and token.name not in known]
    first = max((token.id for token in present), default=0) + 1
    return [*present, *(msgspec.structs.replace(token, id=first + index) for index, token in enumerate(fresh))]


def hash_password(password: str) -> str:
    """A new salt and the password's hash with it."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"{salt.hex()}${_hash(password, salt)}"


def _hash(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, dklen=32).hex()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
