"""The application database and the prefix lists, renewed by hand or every day."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from firmware import features
from firmware.daemon.daily import Daily
from firmware.daemon.database import Version, fetch
from firmware.daemon.errors import InvalidError, VerbError
from firmware.engine.errors import EngineError

if TYPE_CHECKING:
    from firmware.daemon.services import Services


class Updates:
    """One database is put in force at a time; one thread calls ``look`` all the time."""

    def __init__(self, box: Services) -> None:
        self._box = box
        self._updating = threading.Lock()
        self._database = Daily("update", self._fetch_database)
        self._prefixes = Daily("prefixes", self._fetch_prefixes)

    def update(self, data: bytes) -> dict[str, Any]:
        """Put a signed database in force. InvalidError says why not; what was in force then stays."""
        with self._updating, self._box.database.checked(data, self._box.engine.config.recognition.publishers) as fresh:
            self._use(fresh, self._box.database.take)
        return self.state()

    def roll_back(self) -> dict[str, Any]:
        """Put the application database before in force again; InvalidError says why not."""
        with self._updating, self._box.database.before() as earlier:
            self._use(earlier, self._box.database.roll_back)
        return self.state()

    def _use(self, wanted: Version, put: Callable[[Version], None]) -> None:
        if self._box.engine.pending is not None:  # what it would go back to is not looked at
            raise InvalidError("A change waits for its confirmation; confirm it or take it back first.")
        config = self._box.engine.config
        facts = msgspec.structs.replace(self._box.facts(config), applications=wanted.categories)
        if problems := [problem for problem in features.verify(config, facts) if problem.severity == "error"]:
            raise InvalidError("The configuration needs what this database has not.", problems=problems)
        try:
            put(wanted)
            self._box.monitor.catalogue.read_from(self._box.database.names)
            self._box.engine.refresh()
        except (EngineError, OSError) as error:
            raise InvalidError("The database could not be put in force: %(reason)s.", reason=str(error)) from error
        if self._box.fastpath.version != wanted.version:
            raise InvalidError("The fastpath has refused the database; see the alarms.")

    def state(self) -> dict[str, Any]:
        """The verb ``applications.database``."""
        now = self._box.database.in_force
        return {
            "version": now.version,
            "source": "update" if now.is_update else "firmware",
            "applications": len(now.categories),
            "previous": self._box.database.previous,
        }

    def look(self, passed_s: float) -> None:
        """Fetch what is due; ``passed_s`` is the time since the last look."""
        config = self._box.engine.config
        self._database.look(passed_s, config.recognition.update_daily)
        self._prefixes.look(passed_s, any(item.daily for item in config.prefix_lists.values()))

    def _fetch_database(self) -> bool:
        """Take the database that is published; trouble is an alarm until it went well."""
        try:
            data = fetch(self._box.engine.config.recognition.update_url)
            if self._box.database.is_wanted(data):
                self.update(data)
        except (InvalidError, OSError) as error:
            message = "The application database could not be updated: %(reason)s"
            self._box.tell("applications", "warning", message, {"reason": str(error)})
            return False
        self._box.alarm("applications", None)
        return True

    def _fetch_prefixes(self) -> bool:
        """Take the prefix lists that are published, each for itself."""
        is_well = True
        for name in [name for name, item in self._box.engine.config.prefix_lists.items() if item.daily]:
            try:
                self._box.prefixes.update(name)
            except (VerbError, EngineError, OSError) as error:
                message = "The prefix list %(name)s could not be updated: %(reason)s"
                self._box.tell(f"prefixes.{name}", "warning", message, {"name": name, "reason": str(error)})
                is_well = False
            else:
                self._box.alarm(f"prefixes.{name}", None)
        return is_well
