"""Updates of the firmware itself: begun here, installed by ``installer.py``, tried and confirmed or taken back.

The other slot is written while this version serves; it is started only when somebody says so, or within the hours that
the configuration names for updates by themselves. docs/design/update.md has the way of an update in full.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from firmware.daemon import trial
from firmware.daemon.database import program
from firmware.daemon.due import Due
from firmware.daemon.errors import BusyError, InvalidError
from firmware.daemon.published import Published
from firmware.daemon.rollout import FAILED, Rollout
from firmware.daemon.update_state import PROGRESS, UPLOAD, UPLOAD_SOCKET, WORKING, Record, State
from firmware.features.update import is_index
from firmware.kernel import files, slots
from firmware.kernel.errors import CommandError
from firmware.kernel.slots import Slots
from firmware.version import VERSION

if TYPE_CHECKING:
    from firmware.daemon.services import Services

log = logging.getLogger(__name__)

_INSTALL = "from firmware.daemon.installer import main; sys.exit(main(sys.argv[1:]))"
_DIGEST = "from firmware.daemon.installer import digest_main; sys.exit(digest_main(sys.argv[1:]))"
_LOOK_S = 2.0
_REBOOT_AFTER_S = 2.0  # the answer must reach whoever asked
_RETRY_S = 5.0
_LISTENING_S, _POLL_S = 20.0, 0.05  # a slow box takes seconds to start the installer
_END_S = 10.0
_SLOT = "firmware.slot"
_SPARE = (
    "Slot %(other)s was started twice in vain, so slot %(own)s with version %(version)s is running. Power cuts shortly"
    " after the start are enough for that. Install the newer version again, or start the other slot from the console."
)
_TAKEN_BACK = "Version %(version)s was taken back, %(before)s is running again. %(reason)s"


class FirmwareUpdates:
    """Made before the stores are opened: it may have to bring back those of before. ``look`` is called all the time."""

    def __init__(
        self,
        state_dir: Path,
        run_dir: Path,
        *,
        find: Callable[[], Slots | None] = slots.find,
        reboot: Callable[[], None] = slots.reboot,
        page_answers: Callable[[], bool] = trial.page_answers,
    ) -> None:
        self._state_dir, self._run = state_dir, run_dir
        self._record = Record(state_dir)
        self.published = Published(self._record.folder)
        self._slots, self._reboot, self._page_answers = find(), reboot, page_answers
        self._lock = threading.Lock()
        self._helper_lock = run_dir / "update.lock"  # held by the installer as long as it lives
        self._look = Due(_LOOK_S, 0.0)
        self._is_confirmed = self._slots is None or (run_dir / "started-well").exists()
        self._rollout: Rollout | None = None
        self._unheard: State | None = None  # a version that did not stay, of which nobody was told yet
        if self._slots is not None:
            self._arrive(self._slots)

    # ---- after a start ----

    def _arrive(self, place: Slots) -> None:
        """Whether this is the version on trial, or the one before, which has its turn again."""
        state = self._record.load()
        is_trial = state.phase in ("restarting", "trying")
        if is_trial and state.slot != place.own:
            if state.phase == "restarting" and self._is_confirmed:  # rsd ended before the box did: it is still to start
                self._reboot_soon()
            else:
                self._come_back(place, state)
            return
        # An older version, by --downgrade, or because somebody or GRUB took the slot of before.
        if self._record.is_from_the_future():
            self._record.bring_back_configuration(VERSION)
        if is_trial:
            self._begin_trial(state)
        elif state.phase == "checking" and not self._is_working():
            self._save(State(phase="failed", reason="It was interrupted: nothing was changed.", before=VERSION))

    def _begin_trial(self, state: State) -> None:
        self._save(msgspec.structs.replace(state, phase="trying"))
        with contextlib.suppress(OSError):
            self._record.reach("configuration")

    def _come_back(self, place: Slots, state: State) -> None:
        reached = self._record.reached
        stage = reached or ""
        try:
            if _digest(place.device, state.size_bytes) != state.sha256:
                stage = "block"
        except (CommandError, OSError) as error:
            log.error("slot %s cannot be read: %s", place.other, error)
        if stage not in trial.REASONS:
            stage = ""
        # One that never came to its rsd has changed nothing, and what was committed since the copy must stay.
        if reached != "" or self._record.is_from_the_future():
            self._record.bring_back_configuration(state.before)
        with contextlib.suppress(CommandError):
            place.close_other()
        self._unheard = msgspec.structs.replace(
            state,
            phase="fell_back",
            reason=_TAKEN_BACK,
            params={"version": state.version, "before": VERSION, "reason": trial.REASONS[stage]},
        )
        self._save(self._unheard)
        with contextlib.suppress(OSError):
            self._record.reach(None)
        with contextlib.suppress(OSError):
            self._record.take_back(state.version)

    # ---- all the time ----

    def look(self, box: Services, passed_s: float) -> None:
        """Go on with the trial, fetch what is due, restart within the hours that are given for it."""
        if self._slots is None or not self._look.after(passed_s):
            return
        if self._unheard is not None:
            box.tell(FAILED, "critical", self._unheard.reason, self._unheard.params)
            self._unheard = None
        if not self._is_confirmed:
            self._try(box, self._slots)
            return
        self._rollout_of(box).look(_LOOK_S, self._state())

    def _rollout_of(self, box: Services) -> Rollout:
        if self._rollout is None:
            self._rollout = Rollout(self, box)
        return self._rollout

    def _try(self, box: Services, place: Slots) -> None:
        state = self._record.load()
        if state.phase == "trying":
            stage = trial.missing(
                lambda: not box.journal.is_open("configuration"),
                self._page_answers if box.with_web else lambda: True,
                state.lines,
                box.monitor.lines_up,
            )
            if stage is not None:
                if stage != self._record.reached:
                    with contextlib.suppress(OSError):
                        self._record.reach(stage)
                return
        try:
            is_spare = place.confirm_start()
        except CommandError as error:  # starting again and again would not mend it
            message = "The boot partition cannot be written: %(reason)s. The next start may be that of the other slot."
            box.tell("firmware.boot", "critical", message, {"reason": error.reason})
        else:
            if is_spare:
                box.tell(_SLOT, "warning", _SPARE, {"other": place.other, "own": place.own, "version": VERSION})
            else:
                box.alarm(_SLOT, None)
        files.write(self._run / "started-well", "")
        self._is_confirmed = True
        if state.phase == "trying":
            self._save(msgspec.structs.replace(state, phase="confirmed"))
            self._record.reach(None)
            box.alarm(FAILED, None)

    # ---- what is asked for ----

    def look_for(self, box: Services) -> None:
        """Look at the list of versions now. Raises InvalidError."""
        self._place()
        if not is_index(box.engine.config.update.url):
            message = "Nothing says where versions are published: set update.url to the address of their list, ….json."
            raise InvalidError(message)
        self._rollout_of(box).look_for()

    @property
    def is_on_trial(self) -> bool:
        """Whether this version was just installed and may still be taken back."""
        return not self._is_confirmed and self._record.load().phase == "trying"

    @property
    def taken_back(self) -> str:
        """The version that did not stay; empty when there is none."""
        return self._record.taken_back

    def may_begin(self) -> bool:
        """Whether nothing is under way, and nothing waits for its restart."""
        return self._state().phase not in (*WORKING, "ready")

    def state(self, url: str = "") -> dict[str, Any]:
        """The verb ``update.state``; ``url`` is where versions are published."""
        state = self._state()
        return {
            "available": self._slots is not None,
            "running": VERSION,
            "running_slot": self._slots.own if self._slots else None,
            "phase": state.phase,
            "version": state.version or None,
            "slot": state.slot or None,
            "percent": state.percent,
            "reason": state.reason,
            "params": state.params,
            "waits_for": self._record.reached if state.phase == "trying" else None,
            "time": state.time or None,
            "published": self.published.state(url) if is_index(url) else None,
        }

    def begin(self, source: str, *, may_go_back: bool = False, automatic: bool = False) -> None:
        """Start the installation from ``upload:TOKEN``, ``file:PATH``, ``usb``, ``published`` or an address."""
        self._place()
        if not self._is_confirmed:
            raise BusyError("This version is still on trial; wait until it is confirmed.", _RETRY_S)
        with self._lock:
            found = self._state()
            if found.phase in (*WORKING, "restarting"):
                raise BusyError("An update is under way; wait for it, or cancel it.", _RETRY_S)
            # Nobody has asked for it: unless there is something newer, it still counts why a version did not stay.
            kept = found if automatic and found.phase == "fell_back" else State(before=VERSION)
            # Nothing can be told later when nothing can be written now.
            self._save_or_refuse(msgspec.structs.replace(kept, phase="checking"))
            for name in (PROGRESS, UPLOAD_SOCKET):  # of one that was killed
                (self._run / name).unlink(missing_ok=True)
            argv = [*program(_INSTALL), str(self._state_dir), str(self._run), source]
            argv += ["--downgrade"] * may_go_back + ["--automatic"] * automatic
            with self._helper_lock.open("a") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                helper = subprocess.Popen(argv, stdin=subprocess.DEVNULL, pass_fds=(held.fileno(),))
        threading.Thread(target=helper.wait, name="update", daemon=True).start()

    def await_upload(self, *, may_go_back: bool) -> str:
        """The address on the page that takes one bundle, once; it takes it as soon as this returns."""
        token = secrets.token_urlsafe(24)
        self.begin(f"upload:{token}", may_go_back=may_go_back)
        socket = self._run / UPLOAD_SOCKET
        deadline_s = time.monotonic() + _LISTENING_S
        while not socket.exists() and self._is_working() and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
        return f"{UPLOAD}{token}"

    def cancel(self) -> None:
        """End what is under way; the other slot stays closed."""
        with self._lock:
            if self._state().phase not in (*WORKING, "ready", "failed", "fell_back", "confirmed"):
                raise InvalidError("There is nothing to cancel.")
            if self._is_working():
                pid = self._state().pid
                if not pid:
                    raise BusyError("The installer is just starting; try again.", _RETRY_S)
                self._end(pid)
            (self._run / PROGRESS).unlink(missing_ok=True)
            self._save_or_refuse(State(before=VERSION))

    def _end(self, pid: int) -> None:
        """Let the installer go, with the stick that it has mounted; one that does not is killed."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline_s = time.monotonic() + _END_S
        while self._is_working():
            if time.monotonic() > deadline_s:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_S)

    def restart(self, box: Services) -> None:
        """Keep the configuration for the way back, switch slots, start the box again. Raises InvalidError."""
        place = self._place()
        with self._lock:
            state = self._state()
            if state.phase != "ready":
                raise InvalidError("No update is ready: install one first.")
            if box.engine.pending is not None:
                raise InvalidError("A change waits for its confirmation; confirm it or take it back first.")
            up = tuple(name for name, is_up in box.monitor.lines_up().items() if is_up)
            try:
                self._record.keep_configuration(VERSION)
                self._record.reach("")
                self._record.save(msgspec.structs.replace(state, phase="restarting", before=VERSION, lines=up))
                place.start_other(state.verity)
            except (OSError, sqlite3.Error, CommandError) as error:
                with contextlib.suppress(OSError):
                    self._record.reach(None)
                    self._record.save(state)
                raise InvalidError(
                    "The configuration cannot be kept for the way back, so nothing was changed: %(reason)s.",
                    reason=str(error),
                ) from error
        box.alarm("configuration", None)  # the gate asks for it, and means what the new version has read
        self._reboot_soon()

    def _reboot_soon(self) -> None:
        timer = threading.Timer(_REBOOT_AFTER_S, self._reboot)
        timer.daemon = True
        timer.start()

    def _place(self) -> Slots:
        if self._slots is None:
            raise InvalidError(
                "This box was not started from an image with two slots: update it the way it was installed."
            )
        return self._slots

    def _state(self) -> State:
        """What the installer tells while it works, else what was saved."""
        is_working = self._is_working()
        saved = self._record.load()
        if saved.phase != "checking":
            return saved
        with contextlib.suppress(OSError, msgspec.DecodeError):
            told = msgspec.json.decode((self._run / PROGRESS).read_bytes(), type=State)
            if is_working or told.phase == "failed":  # its end, which the disk did not take
                return told
        if is_working:
            return saved
        text = "The installer ended unexpectedly; what is running was not changed."
        return msgspec.structs.replace(saved, phase="failed", reason=text)

    def _is_working(self) -> bool:
        with self._helper_lock.open("a") as asked:
            try:
                fcntl.flock(asked, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _save(self, state: State) -> None:
        try:
            self._record.save(state)
        except OSError as error:
            log.error("the update's state cannot be kept: %s", error)

    def _save_or_refuse(self, state: State) -> None:
        try:
            self._record.save(state)
        except OSError as error:
            free = shutil.disk_usage(self._state_dir).free >> 20
            raise InvalidError(
                "The data partition cannot be written (%(reason)s, %(free)s MB free): make room on it first.",
                reason=error.strerror or str(error),
                free=str(free),
            ) from error


def _digest(device: Path, size_bytes: int) -> str:
    from firmware.kernel import command

    return command.run((*program(_DIGEST), str(device), str(size_bytes)), timeout_s=120.0).strip()
