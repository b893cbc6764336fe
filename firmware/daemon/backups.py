"""Backups on demand: made, opened and looked at; the work itself is done by ``backup_worker.py``.

``STATE/backup`` has the file that was made last until the next one or the next start, what was opened (``opened-ID``),
and what waits for its commit (``restoring.py``). ``STATE/uploads`` is where rsweb puts what people send it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware.daemon import backup_parts
from firmware.daemon.auth import check_length
from firmware.daemon.backup_parts import CONFIGURATION, SECRETS
from firmware.daemon.database import program
from firmware.daemon.errors import BusyError, InvalidError, NotFoundError
from firmware.kernel import command, storage
from firmware.kernel.errors import CommandError
from firmware.model import codec, port_map
from firmware.model.config import FORMAT, Config
from firmware.model.problem import Problem
from firmware.version import VERSION

if TYPE_CHECKING:
    from firmware.daemon.services import Services

SUFFIX = ".rsbackup"
PASSPHRASE_MIN, PASSPHRASE_MAX = 10, 256
PIECE_BYTES = 384 << 10  # of a file, in one answer
WORK_S = 140.0
RETRY_S = 5.0
_WORK = (
    "import os, resource; os.nice(10); resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28)); "
    "from firmware.daemon.backup_worker import main; sys.exit(main(sys.argv[1:]))"
)
_UPLOAD = re.compile(r"[a-z0-9]{16,64}")


def work(kind: str, job: dict[str, Any]) -> dict[str, Any]:
    """Have a job done by ``backup_worker.py``. :raise InvalidError: with the reason."""
    try:
        answer: dict[str, Any] = json.loads(
            command.run((*program(_WORK), kind), stdin=json.dumps(job), timeout_s=WORK_S)
        )
    except (CommandError, ValueError) as error:
        reason = error.reason if isinstance(error, CommandError) else str(error)
        raise InvalidError("The backup cannot be read or written: %(reason)s.", reason=reason) from None
    if "error" in answer:
        raise InvalidError(answer["error"]["message"], **answer["error"]["params"])
    return answer


class Backups:
    """One backup is made or opened at a time; ``work`` is a stand-in's in tests."""

    def __init__(self, box: Services, state_dir: Path, run_dir: Path) -> None:
        self._box, self.state = box, state_dir
        self._on_disk, self._in_memory = state_dir / "backup", run_dir / "backup"
        self._uploads = state_dir / "uploads"
        self._busy = threading.Lock()
        for folder in (self._on_disk, self._in_memory):
            folder.mkdir(mode=0o700, exist_ok=True)
        for left in self._on_disk.glob("*"):
            if left.is_dir() and left.name.startswith("opened-"):
                shutil.rmtree(left, ignore_errors=True)
            elif left.suffix in (SUFFIX, ".db"):
                left.unlink(missing_ok=True)

    @property
    def folder(self) -> Path:
        """Where backups lie: in memory when the disk is worn out, which is when one is wanted most."""
        return self._in_memory if storage.is_read_only(self._on_disk) else self._on_disk

    def make(self, parts: Sequence[str], passphrase: str) -> dict[str, Any]:
        """A file to be read in pieces by its ``id``. Raises InvalidError, BusyError."""
        check_passphrase(passphrase)
        with self.alone():
            self._forget_made()
            number = secrets.token_hex(8)
            size = self.write(self.folder / f"{number}{SUFFIX}", parts, passphrase=passphrase)
        return {"id": number, "name": self.file_name(), "bytes": size}

    def write(self, target: Path, parts: Sequence[str], **secret: str) -> int:
        """Make a file, with a ``passphrase`` or a kept ``key``; returns its bytes. Raises InvalidError."""
        config = self._confirmed()
        ports = [{"name": name, "mac": port.mac} for name, port in self._box.facts.ports().items()]
        header = {
            "product": VERSION, "board": os.uname().machine, "hostname": config.system.hostname, "time": time.time(),
            "parts": [name for name in backup_parts.NAMES if name in parts], "ports": ports, "config_format": FORMAT,
        }  # fmt: skip
        given = {CONFIGURATION: codec.encode(config).decode(), SECRETS: self._box.authority.secrets.dump()}
        job = {"state": str(self.state), "target": str(target), "header": header, "given": given, **secret}
        return int(work("make", job)["bytes"])

    def file_name(self) -> str:
        """What a file that is made now is called."""
        return f"{self._box.engine.config.system.hostname}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}{SUFFIX}"

    def read(self, number: str, offset: int) -> dict[str, Any]:
        """A piece of the file that was made, in base64."""
        path = self.folder / f"{number}{SUFFIX}"
        if not _UPLOAD.fullmatch(number) or not path.exists():
            raise NotFoundError("This backup is no more; make it anew.")
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(PIECE_BYTES)
            return {"data": base64.b64encode(data).decode(), "is_last": file.tell() >= path.stat().st_size}

    def upload(self, name: str) -> Path:
        """Where something that rsweb has received lies. Raises NotFoundError."""
        path = self._uploads / name
        if not _UPLOAD.fullmatch(name) or path.is_symlink() or not path.is_file():
            raise NotFoundError("The file that was sent is no more; send it again.")
        return path

    def open(self, source: Path, passphrase: str) -> dict[str, Any]:
        """What a backup holds, and a proposal for its ports. Raises InvalidError, ConfigError, BusyError."""
        with self.alone():
            self._forget_opened()
            number = secrets.token_hex(8)
            folder = self.folder / f"opened-{number}"
            folder.mkdir(mode=0o700)
            try:
                job = {"source": str(source), "folder": str(folder), "passphrase": passphrase}
                found = work("open", job)
                (folder / "header.json").write_text(json.dumps(found["header"]))
                return self.describe(number)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise

    def describe(self, number: str) -> dict[str, Any]:
        """What was opened, with a proposal for its ports. Raises NotFoundError, ConfigError."""
        folder = self.opened(number)
        header = json.loads((folder / "header.json").read_text())
        config = saved_config(folder)
        used = port_map.used_ports(config) if config else []
        macs = {port["name"]: port["mac"] for port in header["ports"]}
        here = [(name, port.mac) for name, port in self._box.facts.ports().items()]
        mapping = port_map.propose([(name, macs.get(name, "")) for name in used], here)
        return {
            "id": number,
            **header,
            "parts": [name for name in backup_parts.NAMES if (folder / name).is_dir()],
            "ports": [{"name": name, "mac": macs.get(name, "")} for name in used],
            "here": [{"name": name, "mac": mac} for name, mac in here],
            "map": mapping,
            "fits": all(mapping.get(name) == name for name in used),
        }

    def opened(self, number: str) -> Path:
        """The folder of what was opened. Raises NotFoundError."""
        folder = self.folder / f"opened-{number}"
        if not _UPLOAD.fullmatch(number) or not folder.is_dir():
            raise NotFoundError("The backup that was read is no more; read it again.")
        return folder

    def check_map(self, config: Config, mapping: Mapping[str, str]) -> list[Problem]:
        """What is wrong with a mapping of the backup's ports."""
        return port_map.check(mapping, port_map.used_ports(config), list(self._box.facts.ports()))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """:raise BusyError: another backup is being made or read. :raise InvalidError: the disk does not take it."""
        if not self._busy.acquire(blocking=False):
            raise BusyError("Another backup is being made or read.", RETRY_S)
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise InvalidError("The backup cannot be read or written: %(reason)s.", reason=reason) from error
        finally:
            self._busy.release()

    def _confirmed(self) -> Config:
        waiting = self._box.engine.pending
        return self._box.engine.config if waiting is None else self._box.engine.revisions.config(waiting.previous)

    def _forget_made(self) -> None:
        for path in self.folder.glob(f"*{SUFFIX}"):
            path.unlink(missing_ok=True)

    def _forget_opened(self) -> None:
        for path in self.folder.glob("opened-*"):
            shutil.rmtree(path, ignore_errors=True)


def saved_config(folder: Path) -> Config | None:
    """The configuration of what was opened, in the present format; ``None`` where the backup has none."""
    path = folder / "configuration" / CONFIGURATION
    return codec.decode(path.read_bytes()) if path.exists() else None


def check_passphrase(passphrase: str) -> None:
    """Raises InvalidError for one that is too short or too long."""
    message = "A passphrase has at least %(low)s characters and at most %(high)s."
    check_length("passphrase", passphrase, PASSPHRASE_MIN, PASSPHRASE_MAX, message)
