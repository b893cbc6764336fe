"""The business's data for rsctl and REST: looked at, taken along, put back; ``business_worker.py`` does the reading."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from firmware.daemon import business_data
from firmware.daemon.backup_parts import LIMIT_BYTES
from firmware.daemon.business_data import DATABASE, FILES, FOLDER
from firmware.daemon.database import program
from firmware.daemon.errors import InvalidError, NotFoundError
from firmware.kernel import command
from firmware.kernel.errors import CommandError
from firmware.model.config import Business

WORK_S = 110.0
_WORK = "import os; os.nice(10); from firmware.daemon.business_worker import main; sys.exit(main(sys.argv[1:]))"
_UNPACKED = "books-"
_NAME = re.compile(rf"{re.escape(DATABASE)}|{FILES}/[0-9a-f]{{2}}/[0-9a-f]{{64}}")


class Books:
    """``state`` and ``run`` are rsd's directories."""

    def __init__(self, state: Path, run: Path) -> None:
        self._state, self._run = state, run
        for left in (state / "backup").glob(f"{_UNPACKED}*"):  # the power went while a backup was put back
            shutil.rmtree(left, ignore_errors=True)

    def describe(self, business: Business) -> dict[str, Any]:
        """Whether it is on, where its data lie, and what there is; no company before somebody was there."""
        found = self._ask("status", business) if self._has_data(business) else None
        return {
            "enabled": business.enabled, "database": "postgresql" if business.database else "sqlite", "company": found
        }  # fmt: skip

    def check(self, business: Business) -> dict[str, Any]:
        """Whether the books are sound. Raises NotFoundError, InvalidError."""
        self._require(business)
        return self._ask("check", business)

    def take(self, what: str, business: Business, target: Path) -> int:
        """Makes the file of a ``backup`` or an ``export``, and gives its bytes. Raises NotFoundError, InvalidError."""
        self._require(business)
        partial = target.with_name(f".{target.name}.part")
        try:
            partial.unlink(missing_ok=True)
            self._work(what, business, str(partial))
            partial.rename(target)
        except OSError as error:
            raise InvalidError("%(file)s cannot be written: %(reason)s", file=str(target), reason=str(error)) from None
        finally:
            partial.unlink(missing_ok=True)
        return target.stat().st_size

    def restore(self, business: Business, source: Path) -> None:
        """Puts a backup of the box's own database in the place of what is there; it stays when the backup is unfit.

        Raises InvalidError.
        """
        if business.database:
            raise InvalidError("The data lie in PostgreSQL: put them back there.")
        with self._unpacked(source) as saved:
            self.put(business, saved)

    def put(self, business: Business, saved: Path) -> None:
        """Puts what was unpacked in the place of what is there. Raises InvalidError: it is unfit, and that stays."""
        if business.database:  # the database is theirs, the files are ours
            business_data.restore(self._state, saved)
            return
        with self._room() as place:
            before = Path(place, FOLDER)
            before.mkdir()
            had_data = self._has_data(business)
            if had_data:
                _copy(self._state / FOLDER / DATABASE, before / DATABASE)
            try:
                business_data.restore(self._state, saved)
                if self._has_data(business):  # an older one is brought up to date, a newer one refused
                    self._ask("status", business)
            except (InvalidError, ValueError) as error:
                if had_data:
                    business_data.restore(self._state, Path(place))
                else:
                    business_data.remove(self._state)
                reason = error.params["reason"] if isinstance(error, InvalidError) else str(error)
                raise InvalidError("This backup cannot be used: %(reason)s", reason=reason) from None

    def _room(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix=_UNPACKED, dir=self._state / "backup")

    @contextmanager
    def _unpacked(self, source: Path) -> Iterator[Path]:
        with self._room() as place:
            try:
                with zipfile.ZipFile(source) as archive:
                    names = [name for name in archive.namelist() if _NAME.fullmatch(name)]
                    if DATABASE not in names or sum(entry.file_size for entry in archive.infolist()) > LIMIT_BYTES:
                        raise InvalidError("%(file)s is no backup of the business.", file=source.name)
                    for name in names:
                        target = Path(place, FOLDER, name)
                        target.parent.mkdir(parents=True, exist_ok=True)
                        with archive.open(name) as packed, target.open("wb") as file:
                            shutil.copyfileobj(packed, file)
                _prove(Path(place, FOLDER, DATABASE))
            except (OSError, zipfile.BadZipFile, sqlite3.Error, EOFError) as error:
                raise InvalidError("%(file)s cannot be read: %(reason)s", file=source.name, reason=str(error)) from None
            yield Path(place)

    def _has_data(self, business: Business) -> bool:
        path = self._state / FOLDER / DATABASE
        return path.parent.is_dir() and (bool(business.database) or (path.is_file() and path.stat().st_size > 0))

    def _require(self, business: Business) -> None:
        if not self._has_data(business):
            raise NotFoundError("There are no business data yet; open its page first.")

    def _ask(self, what: str, business: Business) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._work(what, business))
        return found

    def _work(self, what: str, business: Business, *target: str) -> str:
        argv = (*program(_WORK), what, str(self._state), str(self._run), business.database, *target)
        try:
            return command.run(argv, timeout_s=WORK_S)
        except CommandError as error:
            raise InvalidError("The business's data cannot be read: %(reason)s", reason=error.reason) from None


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def _prove(path: Path) -> None:
    """Raises sqlite3.Error unless it is a whole database."""
    with closing(sqlite3.connect(path)) as file:
        if file.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("the database is damaged")
