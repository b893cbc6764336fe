"""Dialled lines as rsd sees them: their passwords for pppd, and in words why a session did not come about."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterable
from pathlib import Path

from firmware.daemon.secrets_file import SecretsFile
from firmware.kernel import files

log = logging.getLogger(__name__)

REFUSED = "The provider refused the account: check user name and password."
NO_SERVER = "No PPPoE server answers: check the cable and the VLAN; the modem must be in bridge mode."
NO_SESSION = "The PPPoE server gives no session; an earlier one may still be open. It is tried again."
SILENT = "The provider's server answers no more; the line is dialled again."
ENDED = "The provider ended the session; the line is dialled again."
NO_AGREEMENT = "The router and the provider's server do not agree on how to connect (PPP)."
FAILED = "The line cannot be dialled; the log of its unit says why."
NO_PASSWORD = "The line has no password yet; enter it on the line's page."  # noqa: S105

_STATUS = re.compile(r"^it ended with (\d+)")
# pppd(8), EXIT STATUS; a session that the peer ends leaves 0 or 16.
_BY_STATUS = {0: ENDED, 10: NO_AGREEMENT, 15: SILENT, 16: ENDED, 19: REFUSED}
# What the plugin says of discovery, the last that stands in the log first.
_BY_WORDS = (("waiting for PADO", NO_SERVER), ("waiting for PADS", NO_SESSION), ("PADS: ", NO_SESSION))


def why(reason: str, words: str) -> str:
    """Why pppd ended, as a message identifier; ``reason`` is the supervisor's, ``words`` the end of pppd's log."""
    found = _STATUS.match(reason)
    status = int(found[1]) if found else None
    last = words.rpartition("Plugin pppoe.so loaded")[2]  # of this run
    if status in (1, 8):
        return next((message for sign, message in _BY_WORDS if sign in last), FAILED)
    return _BY_STATUS.get(status, FAILED) if status is not None else FAILED


class Dialling:
    """Safe to use from several threads. What is written raises OSError."""

    def __init__(self, run_dir: Path, secrets: SecretsFile) -> None:
        self._directory = run_dir / "ppp"
        self._secrets = secrets
        self._lock = threading.Lock()
        self._troubles: dict[str, str] = {}
        self._known: frozenset[str] = frozenset()

    def set_password(self, line: str, password: str) -> None:
        """Keep a line's password, or forget it where it is empty."""
        with self._lock:
            self._secrets.set_line_password(line, password)
            self._troubles.pop(line, None)
            self.write()

    def forget_lines(self, lines: Iterable[str]) -> None:
        """Forget the passwords of lines that were and are no more, lest a later one of the same name inherits them.

        One that is still to come, in somebody's candidate, keeps its password.
        """
        present = frozenset(lines)
        gone = (self._known - present) & self._secrets.lines_with_password
        self._known = present
        for line in gone:
            self.set_password(line, "")

    def write(self) -> None:
        """Bring what pppd reads in line with the secrets file."""
        self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        wanted = {f"{line}.secret": line for line in self._secrets.lines_with_password}
        for path in self._directory.glob("*.secret"):
            if path.name not in wanted:
                path.unlink(missing_ok=True)
        for name, line in wanted.items():
            self._write_one(self._directory / name, self._secrets.line_password(line) or "")

    def _write_one(self, path: Path, password: str) -> None:
        quoted = password.replace("\\", "\\\\").replace('"', '\\"')
        content = f'password "{quoted}"\n'
        with contextlib.suppress(OSError):
            if path.read_text() == content:
                return
        files.write(path, content, 0o600)

    def ended(self, line: str, reason: str, words: str) -> str:
        """Note that a line's pppd has ended; returns why, as a message identifier."""
        self._troubles[line] = trouble = why(reason, words)
        return trouble

    def trouble(self, line: str) -> str:
        """Why the line has no session, as far as is known; ``""`` else."""
        if line not in self._secrets.lines_with_password:
            return NO_PASSWORD
        return self._troubles.get(line, "")
