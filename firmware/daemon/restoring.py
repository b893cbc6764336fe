"""Putting a backup back. Its configuration becomes somebody's candidate and goes the way of every change; what belongs
to it (passwords, tokens, the box's authority) and the data that were chosen with it wait in ``STATE/backup/waiting``.

They are put in place when that candidate is committed: passwords at once, so that who was locked out by them can log in
to confirm and lines can be dialled, and taken back with it; the rest when it is kept.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from firmware.daemon.backup_parts import SECRETS
from firmware.daemon.backups import saved_config
from firmware.daemon.errors import InvalidError, VerbError
from firmware.daemon.secrets_file import lines_of
from firmware.engine.errors import EngineError
from firmware.kernel import files
from firmware.model import port_map, sections
from firmware.model.config import Config
from firmware.model.sections import SECTIONS, Section

if TYPE_CHECKING:
    from firmware.daemon.services import Services

log = logging.getLogger(__name__)

ALARM = "restore"
CUT_SHORT = "A restart came between a backup's settings and its passwords and data: restore it once more."


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What waits, for whose commit; ``revision`` once that is made and not yet kept. ``lines`` and ``users`` are those
    whose passwords are taken."""

    author: str
    parts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()  # lines that had no password and have got theirs before the commit
    sections: tuple[Section, ...] = ()
    revision: int | None = None

    @property
    def is_whole(self) -> bool:
        return set(self.sections) >= set(SECTIONS)


class Restoring:
    """One restore waits at a time; a later one takes its place."""

    def __init__(self, box: Services, state_dir: Path) -> None:
        self._box = box
        self._waiting = state_dir / "backup" / "waiting"
        self._kept = state_dir / "backup" / "restoring"  # what is not taken back any more, until all of it is in place

    def restore(
        self, author: str, number: str, parts: Sequence[str], chosen: Sequence[Section], mapping: dict[str, str]
    ) -> dict[str, Any]:
        """Bring what was opened back. Raises InvalidError, NotFoundError, ConfigError; nothing has changed then."""
        backups = self._box.backups
        folder = backups.opened(number)
        missing = [name for name in parts if not (folder / name).is_dir()]
        if missing or not parts:
            raise InvalidError("The backup has no part %(part)s.", part=", ".join(missing))
        with backups.alone():
            if "configuration" not in parts:
                self._put_data(folder, parts)
                shutil.rmtree(folder, ignore_errors=True)
                return {"problems": [], "along": [], "waits": False}
            return self._configuration(author, folder, parts, tuple(chosen) or SECTIONS, mapping)

    def _configuration(
        self, author: str, folder: Path, parts: Sequence[str], chosen: tuple[Section, ...], mapping: dict[str, str]
    ) -> dict[str, Any]:
        saved = saved_config(folder)
        if saved is None:
            raise InvalidError("The backup has no part %(part)s.", part="configuration")
        if self._is_pending():
            raise InvalidError("A change waits for its confirmation; confirm it or take it back first.")
        if mapping:
            if problems := self._box.backups.check_map(saved, mapping):
                raise InvalidError("The ports are not given as they must be.", problems=problems)
            saved = port_map.remap(_without_strangers(saved, chosen, mapping), mapping)
        along: list[sections.Along] = []

        def edit(here: Config) -> Config:
            config, brought = sections.combine(here, saved, chosen)
            along[:] = brought
            return config

        engine = self._box.engine
        problems = engine.change(author, edit)
        config = engine.candidate(author)
        brought = {item.path for item in along}
        plan = Plan(
            author=author,
            parts=tuple(name for name in parts if name != "configuration"),
            sections=chosen,
            users=tuple(config.users) if "users" in chosen else (),
            lines=tuple(name for name in config.wans if "lines" in chosen or f"wans.{name}" in brought),
        )
        self.forget(author)  # an earlier one
        self._put_waiting(folder, plan)
        if config == engine.config:  # there is nothing to commit: the rest need not wait
            self._begin(plan)
            self._finish(plan)
        else:
            self._lend_passwords(plan)
        return {
            "problems": msgspec.to_builtins(problems),
            "along": msgspec.to_builtins(along),
            "waits": config != engine.config,
        }

    def forget(self, author: str) -> None:
        """The author's candidate is discarded, and with it what waited for its commit."""
        plan = self._plan()
        if plan is not None and plan.author == author and plan.revision is None:
            with self._telling("configuration"):
                for line in plan.lent:
                    self._box.dialling.set_password(line, "")
            shutil.rmtree(self._waiting, ignore_errors=True)

    def committed(self, author: str, revision: int) -> None:
        """The author's candidate is in force as a revision. Others of his, such as going back to an older one, are no
        matter of what waits for the candidate."""
        plan = self._plan()
        if plan is not None and plan.author == author and plan.revision is None:
            self._begin(plan := msgspec.structs.replace(plan, revision=revision))
            if self._box.engine.pending is None:
                self._finish(plan)

    def changed(self, what: str, revision: int) -> None:
        """A revision is kept, or taken back to ``revision`` (``engine.Listener``)."""
        plan = self._plan()
        if plan is None or plan.revision is None:
            return
        if what == "confirmed" and plan.revision == revision:
            self._finish(plan)
        elif what == "taken_back" and plan.revision > revision:
            self._take_back()

    def resume(self) -> None:
        """Go on with what a restart has cut short; to be called when the configuration is in force."""
        if (kept := _read(self._kept)) is not None:
            self._put_rest(kept)
        plan, engine = self._plan(), self._box.engine
        if plan is None or engine.pending is not None:
            return
        if plan.revision == engine.running:
            self._finish(plan)
        elif plan.revision is not None:
            self._take_back()
        elif engine.candidate(plan.author) == engine.config:
            self.forget(plan.author)
            self._box.tell(ALARM, "warning", CUT_SHORT, {})

    def _is_pending(self) -> bool:
        plan = self._plan()
        return plan is not None and plan.revision is not None and self._box.engine.pending is not None

    # ---- the steps ----

    def _begin(self, plan: Plan) -> None:
        """The passwords, with those before kept for the way back."""
        box = self._box
        with self._telling("configuration"):
            secrets = box.authority.secrets
            saved = (self._waiting / "configuration" / SECRETS).read_text()
            files.write(self._waiting / "before.json", secrets.dump(), 0o600)
            self._keep(plan)
            is_for = {"with_tokens": "users" in plan.sections, "with_backup": "system" in plan.sections}
            secrets.take(saved, plan.users, **is_for)
            for line, password in lines_of(saved).items():
                if line in plan.lines and password != secrets.line_password(line):
                    box.set_line_password(line, password)

    def _lend_passwords(self, plan: Plan) -> None:
        """Lines that have no password get theirs now: verify would say that they are not dialled."""
        with self._telling("configuration"):
            saved = lines_of((self._waiting / "configuration" / SECRETS).read_text())
            lacking = [
                line for line in saved.keys() & plan.lines if not self._box.authority.secrets.line_password(line)
            ]
            self._keep(msgspec.structs.replace(plan, lent=tuple(lacking)))
            for line in lacking:
                self._box.dialling.set_password(line, saved[line])

    def _finish(self, plan: Plan) -> None:
        """What is not taken back any more."""
        shutil.rmtree(self._kept, ignore_errors=True)
        self._waiting.rename(self._kept)
        self._put_rest(plan)

    def _put_rest(self, plan: Plan) -> None:
        """The authority, and the data in the background, as large ones take their time; each part once."""
        if plan.is_whole:
            with self._telling("configuration"):
                self._box.take_authority(self._kept / "configuration" / "tls")
        self._box.authority.prepare_first_password()

        def rest() -> None:
            with self._telling("data"):
                for name in plan.parts:
                    if (self._kept / name).is_dir():
                        self._put_data(self._kept, (name,))
                        shutil.rmtree(self._kept / name)
            shutil.rmtree(self._kept, ignore_errors=True)

        threading.Thread(target=rest, name="restore", daemon=True).start()

    def _take_back(self) -> None:
        with self._telling("configuration"):
            self._box.authority.secrets.load((self._waiting / "before.json").read_text())
            self._box.dialling.write()
        shutil.rmtree(self._waiting, ignore_errors=True)

    def _put_data(self, folder: Path, parts: Sequence[str]) -> None:
        """Raises InvalidError with the part that could not be put back."""
        for name in parts:
            try:
                _DATA[name](self._box, folder / name)
            except KeyError:
                continue
            except (VerbError, EngineError, OSError, ValueError) as error:
                text = "The part %(part)s of the backup could not be restored: %(reason)s"
                raise InvalidError(text, part=name, reason=str(error)) from error

    # ---- what waits ----

    def _plan(self) -> Plan | None:
        return _read(self._waiting)

    def _keep(self, plan: Plan) -> None:
        files.write(self._waiting / "plan.json", msgspec.json.encode(plan), 0o600)

    def _put_waiting(self, folder: Path, plan: Plan) -> None:
        shutil.rmtree(self._waiting, ignore_errors=True)
        folder.rename(self._waiting)
        self._keep(plan)

    @contextlib.contextmanager
    def _telling(self, what: str) -> Any:
        """Trouble is an alarm: the change itself is made."""
        try:
            yield
        except (VerbError, OSError, msgspec.DecodeError) as error:
            message = "Not all of the backup could be restored: %(reason)s"
            self._box.tell(ALARM, "warning", message, {"reason": str(error)})
            log.exception("restore: %s", what)
        else:
            self._box.alarm(ALARM, None)


def _read(folder: Path) -> Plan | None:
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((folder / "plan.json").read_bytes(), type=Plan)
    return None


def _applications(box: Services, folder: Path) -> None:
    """Only a newer database than the one in force takes its place, and only a signed one, as always."""
    for path in folder.rglob("current.rsapps"):
        data = path.read_bytes()
        if box.database.is_wanted(data):
            box.updates.update(data)


def _prefixes(box: Services, folder: Path) -> None:
    for path in sorted(folder.rglob("*.txt")):
        if path.stem in box.engine.config.prefix_lists:
            box.prefixes.restore(path.stem, path)


def _statistics(box: Services, folder: Path) -> None:
    box.monitor.restore_usage(folder / "usage.db")


def _business(box: Services, folder: Path) -> None:
    box.books.put(box.engine.config.business, folder)


_DATA: dict[str, Callable[[Any, Path], None]] = {
    "applications": _applications,
    "prefixes": _prefixes,
    "statistics": _statistics,
    "business": _business,
}


def _without_strangers(saved: Config, chosen: Sequence[Section], mapping: dict[str, str]) -> Config:
    """Without lines and LANs that are not restored and whose ports have no counterpart."""
    wans, lans = saved.wans, saved.lans
    if "lines" not in chosen:
        wans = {name: wan for name, wan in wans.items() if wan.interface in mapping}
    if "lans" not in chosen:
        lans = {name: lan for name, lan in lans.items() if any(port in mapping for port in lan.ports)}
    return msgspec.structs.replace(saved, wans=wans, lans=lans)
