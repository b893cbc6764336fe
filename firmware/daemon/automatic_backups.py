"""Backups that make themselves, at an hour each day or each week, encrypted by a key that an owner has set.

``STATE/backup/automatic.json`` has, of each destination, for when the last one was due that is there, when it was
brought, what it is called, what lies there, and why the last try failed. What failed is tried again after an hour; one
that fell into a time without power is made up for.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from firmware.daemon.backups import check_passphrase, work
from firmware.daemon.database import program
from firmware.daemon.due import Due
from firmware.daemon.errors import BusyError, InvalidError, VerbError
from firmware.features.backup import destinations, last_due, smb_place
from firmware.kernel import command, files
from firmware.kernel.errors import CommandError
from firmware.model.config import Backup
from firmware.model.zone import site_zone
from firmware.monitor.store import CLOCK_IS_SET_S

if TYPE_CHECKING:
    from firmware.daemon.services import Services

log = logging.getLogger(__name__)

_NAME = "automatic.rsbackup"
LOOK_S, FIRST_S, RETRY_S = 30.0, 120.0, 3600.0
SEND_S = 1800.0
ALARMS = {
    "usb": "The automatic backup to the USB stick failed: %(reason)s",
    "share": "The automatic backup to the share failed: %(reason)s",
    "hq": "The automatic backup to HQ failed: %(reason)s",
}
NO_KEY = "No passphrase is set. An owner sets one on the page Backup."
_SEND = "from firmware.daemon.backup_send import main; sys.exit(main(sys.argv[1:]))"


class Kept(msgspec.Struct, kw_only=True):
    """What is known of one destination; times are UTC in seconds."""

    due: float = 0.0
    time: float | None = None
    name: str = ""
    names: list[str] = msgspec.field(default_factory=list)
    tried: float | None = None
    reason: str = ""


def _send(job: dict[str, Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(command.run(program(_SEND), stdin=json.dumps(job), timeout_s=SEND_S))
    except (CommandError, ValueError) as error:
        return {"error": error.reason if isinstance(error, CommandError) else str(error)}
    return answer


class AutomaticBackups:
    """One thread calls ``look`` all the time; ``send`` is a stand-in's in tests."""

    def __init__(
        self, box: Services, state_dir: Path, run_dir: Path, send: Callable[[dict[str, Any]], dict[str, Any]] = _send
    ) -> None:
        self._box, self._send = box, send
        self._path = state_dir / "backup" / "automatic.json"
        self._file = state_dir / "backup" / _NAME  # or in memory; one is made at a time
        self._mount_point = run_dir / "usb"
        self._kept = _read(self._path)
        self._look = Due(LOOK_S, FIRST_S)
        self._running = threading.Lock()

    def look(self, passed_s: float) -> None:
        """Begin what is due; ``passed_s`` is the time since the last look."""
        if self._look.after(passed_s) and (due := self._due(time.time())):
            self._begin(due)

    def run(self) -> None:
        """Make one for all destinations now. Raises InvalidError, BusyError."""
        wanted = destinations(self._box.engine.config.backup)
        if not wanted:
            raise InvalidError("Nothing says where automatic backups go to; choose a place first.")
        if not self._begin(wanted):
            raise BusyError("Another backup is being made or read.", 5.0)

    def set_passphrase(self, passphrase: str) -> None:
        """What automatic backups are encrypted by from now on; only the key is kept. Raises InvalidError."""
        check_passphrase(passphrase)
        self._box.authority.secrets.set_backup_key(work("derive", {"passphrase": passphrase})["key"])

    def state(self) -> dict[str, Any]:
        """The verb ``backup.state``."""
        wanted = destinations(self._box.engine.config.backup)
        rows = [(name, self._kept.get(name, Kept())) for name in ALARMS]
        secrets = self._box.authority.secrets
        return {
            "has_passphrase": bool(secrets.backup_key),
            "running": self._running.locked(),
            "destinations": [
                {
                    "name": name,
                    "wanted": name in wanted,
                    "has_login": bool(secrets.backup_login(name)),
                    "time": kept.time,
                    "file": kept.name,
                    "tried": kept.tried,
                    "reason": kept.reason,
                }
                for name, kept in rows
            ],
        }

    def _due(self, now_s: float) -> tuple[str, ...]:
        """The destinations that should have a newer one; none while the clock is not set."""
        config = self._box.engine.config
        if config.backup.every == "never" or now_s < CLOCK_IS_SET_S:
            return ()
        due_s = self._due_s(config.backup, now_s)
        found = []
        wanted = destinations(config.backup)
        # Chosen just now: the next time counts, also after a restart. The same for one of a clock that was ahead.
        fresh = [name for name in wanted if self._kept.get(name, Kept(due=math.inf)).due > now_s]
        for name in fresh:
            self._kept[name] = msgspec.structs.replace(self._kept.get(name, Kept()), due=due_s)
        if fresh:
            self._keep()
        for name in wanted:
            kept = self._kept[name]
            was_just_tried = bool(kept.reason) and 0 <= now_s - (kept.tried or 0.0) < RETRY_S
            if kept.due < due_s and not was_just_tried:
                found.append(name)
        return tuple(found)

    def _due_s(self, wanted: Backup, now_s: float) -> float:
        zone = site_zone(self._box.engine.config.system.timezone)
        return last_due(wanted, datetime.fromtimestamp(now_s, UTC).astimezone(zone)).timestamp()

    def _begin(self, names: tuple[str, ...]) -> bool:
        if not self._running.acquire(blocking=False):
            return False
        threading.Thread(target=self._make, args=(names,), name="backup", daemon=True).start()
        return True

    def _make(self, names: tuple[str, ...]) -> None:
        self._file = self._box.backups.folder / _NAME
        try:
            wanted, now_s = self._box.engine.config.backup, time.time()
            name = self._box.backups.file_name()
            key, reason = self._box.authority.secrets.backup_key, NO_KEY
            if key:
                reason = self._write(wanted, key)
            for destination in names:
                self._bring(destination, name, wanted, now_s, reason)
                self._keep()
        except Exception:
            log.exception("backup")
        finally:
            self._file.unlink(missing_ok=True)
            self._running.release()

    def _write(self, wanted: Backup, key: str) -> str:
        """Make the file; returns why it could not be made."""
        try:
            with self._box.backups.alone():
                self._box.backups.write(self._file, wanted.parts, key=key)
        except (VerbError, OSError) as error:
            return error.message if isinstance(error, InvalidError) and not error.params else str(error)
        return ""

    def _bring(self, destination: str, name: str, wanted: Backup, now_s: float, reason: str) -> None:
        kept = self._kept.setdefault(destination, Kept())
        kept.tried = now_s
        # Names are of a second: two in one second, or after a clock was set back, are one file.
        others = [item for item in kept.names if item != name]
        old = others[: max(0, len(others) + 1 - wanted.keep)]
        answer: dict[str, Any] = {"error": reason}
        if not reason:
            answer = self._send(
                {
                    "kind": destination, "file": str(self._file), "name": name, "keep": wanted.keep,
                    "url": {"share": wanted.share_url, "hq": wanted.hq_url}.get(destination, ""),
                    "share": smb_place(wanted.share_url) if destination == "share" else None,
                    "user": wanted.share_user if destination == "share" else "",
                    "secret": self._box.authority.secrets.backup_login(destination),
                    "old": old if destination == "share" else [],
                    "hostname": self._box.engine.config.system.hostname, "mount_point": str(self._mount_point),
                }
            )  # fmt: skip
        kept.reason = answer.get("error", "")
        if kept.reason:
            self._box.tell(f"backup.{destination}", "warning", ALARMS[destination], {"reason": kept.reason})
            return
        left = answer["left"]
        kept.names = [*left, *[item for item in others if item not in old], name]
        kept.time, kept.name = now_s, name
        if wanted.every != "never":
            kept.due = self._due_s(wanted, now_s)
        self._box.alarm(f"backup.{destination}", None)

    def _keep(self) -> None:
        try:
            files.write(self._path, msgspec.json.encode(self._kept), 0o600)
        except OSError as error:
            log.error("%s: %s", self._path, error)


def _read(path: Path) -> dict[str, Kept]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Kept])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        log.error("%s is passed over: %s", path, error)
        return {}
