"""The contents of the prefix lists: imported, compared before they are taken, rolled back, fetched daily.

``STATE/prefixes``: ``NAME.txt``, the contents in force in the form of ``prefix_file.py``, ``NAME.before``, those before
them, and ``NAME.rejected``, the hash of what somebody rolled back. What was looked at and not yet taken waits in
``RUN/prefixes``, one list at a time.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from firmware.daemon.database import LIMIT, fetch_to, program
from firmware.daemon.errors import InvalidError, NotFoundError
from firmware.kernel import command, files
from firmware.kernel.errors import CommandError
from firmware.model.config import PREFIX_BYTES_MAX, PrefixList
from firmware.model.facts import PrefixFact
from firmware.model.problem import Problem

log = logging.getLogger(__name__)

_READ = LIMIT + "from firmware.daemon.prefix_file import main; sys.exit(main(sys.argv[1:]))"
_SUFFIXES = ("txt", "before", "rejected")


class Prefixes:
    """``refresh`` puts in force what lies in the folder; ``lists`` are those of the configuration in force."""

    def __init__(
        self, state_dir: Path, run_dir: Path, lists: Callable[[], dict[str, PrefixList]], refresh: Callable[[], None]
    ) -> None:
        self._folder = state_dir / "prefixes"
        self._waiting = run_dir / "prefixes"
        self._lists, self._refresh = lists, refresh
        self._lock = threading.Lock()

    def forget_strangers(self) -> None:
        """Remove the contents of lists that are no more; only at the start, so that a rollback finds them."""
        for path in self._folder.glob("*"):
            if path.suffix.removeprefix(".") not in _SUFFIXES or path.stem not in self._lists():
                path.unlink(missing_ok=True)

    def facts(self) -> dict[str, PrefixFact]:
        """What the lists hold, for verify and render."""
        heads = {path.stem: _head(path) for path in sorted(self._folder.glob("*.txt"))}
        return {
            name: PrefixFact(digest=head["digest"], ipv4=head["ipv4"], ipv6=head["ipv6"])
            for name, head in heads.items()
            if head is not None
        }

    def state(self) -> list[dict[str, Any]]:
        """The verb ``prefixes.list``."""
        return [self._state(name) for name in self._lists()]

    def preview(self, name: str, content: str, url: str, sha256: str) -> dict[str, Any]:
        """Read a list and keep it waiting; how it differs from what is in force. InvalidError says what is wrong."""
        with self._lock:
            return self._read(name, content, url, sha256)

    def take(self, name: str, content: str, url: str, sha256: str) -> dict[str, Any]:
        """Put a list in force: what is given, else what waits under the hash, else what lies at the list's address."""
        with self._lock:
            if content or url or not self._is_waiting(name, sha256):
                self._read(name, content, url, sha256)
            self._put(name)
        self._refresh()
        return self._state(name)

    def roll_back(self, name: str) -> dict[str, Any]:
        """Put the contents before in force again; the daily update does not bring back what was rolled back."""
        with self._lock:
            self._wanted(name)
            before, current = self._path(name, "before"), self._path(name, "txt")
            if not before.exists():
                raise InvalidError("The prefix list %(name)s has no earlier contents.", name=name)
            files.write(self._path(name, "rejected"), str((_head(current) or {}).get("sha256", "")))
            before.replace(current)
            files.sync_directory(self._folder)
        self._refresh()
        return self._state(name)

    def update(self, name: str) -> None:
        """Take what lies at the list's address, unless it is in force or was rolled back. Raises InvalidError."""
        with self._lock:
            fresh = self._read(name, "", "", "")["facts"]["sha256"]
            rejected = self._path(name, "rejected")
            current = _head(self._path(name, "txt")) or {}
            if fresh == current.get("sha256") or (rejected.exists() and rejected.read_text() == fresh):
                return
            self._put(name)
        self._refresh()

    def restore(self, name: str, path: Path) -> None:
        """Put contents in force that a backup has, read anew. Raises InvalidError, NotFoundError."""
        with self._lock:
            self._wanted(name)
            head = _head(path) or {}
            shutil.rmtree(self._waiting, ignore_errors=True)
            self._waiting.mkdir(mode=0o700, parents=True)
            self._check(name, path, str(head.get("source", "")), "")
            self._put(name)
        self._refresh()

    def _wanted(self, name: str) -> PrefixList:
        wanted = self._lists().get(name)
        if wanted is None:
            raise NotFoundError("There is no prefix list %(name)s in force.", name=name)
        return wanted

    def _path(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}.{suffix}"

    def _state(self, name: str) -> dict[str, Any]:
        none = {"ipv4": 0, "ipv6": 0, "addresses": 0, "time": None, "source": "", "sha256": ""}
        head = {**none, **(_head(self._path(name, "txt")) or {})}
        before = _head(self._path(name, "before"))
        return {
            "name": name,
            **{key: head[key] for key in none},
            "previous": before and {key: before[key] for key in none},
        }

    def _is_waiting(self, name: str, sha256: str) -> bool:
        head = _head(self._waiting / f"{name}.txt")
        return head is not None and bool(sha256) and head["sha256"] == sha256.lower()

    def _read(self, name: str, content: str, url: str, sha256: str) -> dict[str, Any]:
        wanted = self._wanted(name)
        with self._source(name, content, url or wanted.url) as (source, whence):
            return self._check(name, source, whence, sha256 or wanted.sha256)

    def _check(self, name: str, source: Path, whence: str, sha256: str) -> dict[str, Any]:
        """Read a file; what it holds waits then."""
        argv = (str(source), str(self._waiting / f"{name}.txt"), str(self._path(name, "txt")), whence)
        try:
            result: dict[str, Any] = json.loads(command.run((*program(_READ), *argv)))
        except CommandError as error:
            raise InvalidError("The list cannot be read: %(reason)s.", reason=error.reason) from None
        try:
            _refuse_unfit(result, sha256)
        except InvalidError:
            (self._waiting / f"{name}.txt").unlink(missing_ok=True)
            raise
        return result

    @contextlib.contextmanager
    def _source(self, name: str, content: str, url: str) -> Iterator[tuple[Path, str]]:
        """What is to be read as a file, and where it comes from."""
        shutil.rmtree(self._waiting, ignore_errors=True)
        self._waiting.mkdir(mode=0o700, parents=True)
        if not content and not url:
            text = "Nothing says where the list is: give a file or an address, or set prefix_lists.%(name)s.url."
            raise InvalidError(text, name=name)
        with tempfile.TemporaryDirectory(dir=self._waiting) as place:
            source = Path(place, "source")
            if content:
                source.write_text(content, encoding="utf-8", errors="replace")
            else:
                fetch_to(source, url, PREFIX_BYTES_MAX)
            yield source, "" if content else url

    def _put(self, name: str) -> None:
        """Put what waits in force. OSError leaves all as it was."""
        current, before = self._path(name, "txt"), self._path(name, "before")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if current.exists():
                before.unlink(missing_ok=True)
                before.hardlink_to(current)
            files.write(current, (self._waiting / f"{name}.txt").read_bytes())
        except OSError as error:
            raise InvalidError("The list cannot be kept: %(reason)s.", reason=error.strerror or str(error)) from error
        shutil.rmtree(self._waiting, ignore_errors=True)


def _refuse_unfit(result: dict[str, Any], sha256: str) -> None:
    if "too_many" in result:
        limit = str(result["too_many"])
        raise InvalidError("The list has more than %(limit)s lines; that is as many as a list may have.", limit=limit)
    if "wrong" in result:
        message = "Line %(line)s is no prefix: %(text)s"
        remedy = "Write a network such as 1.0.1.0/24, an address, or a range such as 1.0.1.0-1.0.3.255."
        problems = [
            Problem(
                path=f"content.{row['line']}",
                value=row["text"],
                message=message,
                remedy=remedy,
                params={"line": str(row["line"]), "text": row["text"]},
            )
            for row in result["wrong"]
        ]
        first = problems[0].params
        text = "%(count)s lines of the list are no prefixes, the first is line %(line)s: %(text)s"
        raise InvalidError(text, problems=problems, count=str(result["count"]), **first)
    facts = result["facts"]
    if sha256 and facts["sha256"] != sha256.lower():
        text = "The file has the SHA-256 hash %(found)s, not the one that was asked for."
        raise InvalidError(text, found=facts["sha256"])
    if not facts["ipv4"] + facts["ipv6"]:
        raise InvalidError("The list has no prefixes.")


def _head(path: Path) -> dict[str, Any] | None:
    """The facts in a list's first line; ``None`` where there is no list."""
    try:
        with path.open("rb") as file:
            head = file.readline(4096)
        found: dict[str, Any] = json.loads(head.removeprefix(b"#"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.error("%s cannot be read: %s", path, error)
        return None
    return found
