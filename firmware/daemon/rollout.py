"""Updates of the firmware by themselves: looked for every day, begun and started within the hours that are given."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from firmware.daemon.bundle import BundleError
from firmware.daemon.daily import Daily
from firmware.daemon.due import Due
from firmware.daemon.errors import BusyError, InvalidError
from firmware.daemon.update_state import WORKING, State
from firmware.features.update import is_index, may_restart
from firmware.monitor.store import CLOCK_IS_SET_S

if TYPE_CHECKING:
    from firmware.daemon.firmware_updates import FirmwareUpdates
    from firmware.daemon.services import Services

log = logging.getLogger(__name__)

RESTART_AGAIN_S = 600.0  # after one that was refused
FAILED, PUBLISHED = "firmware.update", "firmware.published"  # keys of alarms


class Rollout:
    """Does what somebody would do on the page; one thread calls ``look`` all the time."""

    def __init__(self, updates: FirmwareUpdates, box: Services) -> None:
        self._updates, self._box = updates, box
        self._daily = Daily("firmware", self._begin_daily)
        self._tried = ""  # which published version was begun since the last look at the list
        self._restart_due = Due(RESTART_AGAIN_S, 0.0)
        self._told = 0.0  # which failure somebody was told of

    def look(self, passed_s: float, state: State) -> None:
        """Go on; ``state`` is that of the last update."""
        box, wanted = self._box, self._box.engine.config.update
        self._daily.look(passed_s, wanted.daily or is_index(wanted.url))
        if state.phase == "failed" and state.automatic and state.time != self._told:  # nobody was looking
            box.tell(FAILED, "warning", state.reason, state.params)
            self._told = state.time
        elif state.phase == "idle" and state.automatic:  # it went well again: there is nothing newer
            box.alarm(FAILED, None)
        if time.time() < CLOCK_IS_SET_S:  # nobody knows whether it is night
            return
        if not wanted.daily or box.engine.pending is not None or not may_restart(box.engine.config, datetime.now(UTC)):
            return
        if state.phase == "ready" and state.automatic:
            if self._restart_due.after(passed_s):
                self._restart()
        elif is_index(wanted.url) and state.phase not in (*WORKING, "ready", "restarting"):
            self._take_turn(wanted.url)

    def _restart(self) -> None:
        try:
            self._updates.restart(self._box)
        except InvalidError as error:  # such as a full disk
            self._box.tell(FAILED, "warning", error.message, error.params)

    def look_for(self) -> None:
        """Look at the list of versions now, and tell whoever has to press a button. Raises InvalidError."""
        box, wanted = self._box, self._box.engine.config.update
        published = self._updates.published
        self._tried = ""
        try:
            published.look(wanted.url)
        except BundleError as error:
            box.tell(PUBLISHED, "warning", error.message, error.params)
            raise InvalidError(error.message, problems=None, **error.params) from None
        newer = published.newer(wanted.url)
        if newer is None or wanted.daily:
            box.alarm(PUBLISHED, None)
        else:
            box.tell(PUBLISHED, "info", "Version %(version)s is published.", {"version": newer.version})

    def _begin_daily(self) -> bool:
        url = self._box.engine.config.update.url
        try:
            if is_index(url):
                self.look_for()
            elif url and self._updates.may_begin():
                self._updates.begin(url, automatic=True)
        except (InvalidError, BusyError, OSError) as error:
            log.error("daily update: %s", error)
            return False
        return True

    def _take_turn(self, url: str) -> None:
        """Begin what is published, once after each look: lines are free within the hours of the restart."""
        release = self._updates.published.turn(url, self._box.box.serial, time.time())
        if release is None or release.version in {self._tried, self._updates.taken_back}:
            return
        self._tried = release.version
        try:
            self._updates.begin("published", automatic=True)
        except (InvalidError, BusyError, OSError) as error:
            log.error("daily update: %s", error)
