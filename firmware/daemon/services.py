"""Everything that runs inside rsd, wired together; the verbs work on this."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

import firmware
from firmware import features
from firmware.daemon.auth import Authority, Identity
from firmware.daemon.daily import Daily
from firmware.daemon.database import Database, Version, fetch
from firmware.daemon.dialling import Dialling
from firmware.daemon.errors import InvalidError, VerbError
from firmware.daemon.facts import FactsSource
from firmware.daemon.fastpath import UNIT, FastpathDoor
from firmware.daemon.journal import Journal, Level
from firmware.daemon.keeper import Keeper
from firmware.daemon.prefixes import Prefixes
from firmware.daemon.selfcheck import WINDOW_S, Finding, Seen, selfcheck
from firmware.daemon.tls import Certificates
from firmware.engine import Applier, Engine
from firmware.engine.errors import EngineError
from firmware.engine.pending import remaining_s
from firmware.features.pppoe import unit_name
from firmware.features.qos import SHAPE_STATE
from firmware.features.topology import WAN_BITS, WAN_MASK, lines, usable
from firmware.kernel import conntrack, nft
from firmware.kernel.errors import KernelError
from firmware.kernel.queues import read_queues
from firmware.kernel.supervisor import EventKind, Supervisor
from firmware.model.config import Config, PrefixList
from firmware.model.defaults import factory
from firmware.monitor import Monitor
from firmware.version import VERSION

log = logging.getLogger(__name__)

ROOT = Path(firmware.__file__).resolve().parent.parent
STATUS_S = 2.0
WATCH_S = 0.5
CHECK_S = 60.0


class Options(NamedTuple):
    """How rsd was started. ``ports`` ``None`` means all that the box has; ``web_gid`` is rsweb's group."""

    state_dir: Path
    run_dir: Path
    ports: tuple[str, ...] | None = None
    with_web: bool = False
    web_gid: int | None = None
    queues: int | None = None


class Services:
    """Made in the order in which the parts need each other, started by ``start``, ended by ``close``."""

    def __init__(self, options: Options) -> None:
        state, run = options.state_dir, options.run_dir
        queues = options.queues or min(os.cpu_count() or 1, 4)
        self.is_closing = False
        self._stop = threading.Event()
        self._updating = threading.Lock()
        self._dead_lock = threading.Lock()
        self._dead_lines: dict[int, int] = {}  # whose flows are still in conntrack: how often to cut them
        self._certificates = Certificates(state, run)
        self._with_web = options.with_web
        self.journal = Journal(state / "log.db")
        build = ROOT / "fastpath" / "build"
        self.database = Database(build, state, run)
        self.prefixes = Prefixes(state, run, self._prefix_lists, self._refresh)
        self.fastpath = FastpathDoor(run, self.database, queues)
        self.facts = FactsSource(
            run,
            options.ports,
            applications=self.fastpath.applications,
            database=lambda: self.database.in_force.version,
            passwords=lambda: self.authority.secrets.lines_with_password,
            signs=self.database.signs,
            prefix_lists=self.prefixes.facts,
            queues=queues,
            with_web=options.with_web,
        )
        places = {
            "run": str(run),
            "state": str(state),
            "lib": str(Path(__file__).parent / "lib"),
            "static": str(ROOT / "webui" / "static"),
            "build": str(build),
        }
        self.supervisor = Supervisor(run, places, self._unit_event)
        applier = Applier(run, places, self.supervisor, self.fastpath, always=(self.fastpath.unit,), queues=queues)
        self.engine = Engine(
            state, run, applier, self.facts, factory=lambda: factory(list(self.facts.ports())), listener=self
        )
        self.authority = Authority(state, run, lambda: self.engine.config)
        self.dialling = Dialling(run, self.authority.secrets)
        self.monitor = Monitor(
            state,
            self.fastpath.runtime,
            self.database.names,
            shape_state=run / SHAPE_STATE,
            on_line_change=self._line_changed,
            on_alarm=self._monitor_alarm,
            match_host=self.fastpath.match_host,
        )
        self.fastpath.on_numbering = self.monitor.renumber
        self.keeper = Keeper(self.engine, self._configure_monitor)
        self._daily_database = Daily("update", self._fetch_database)
        self._daily_prefixes = Daily("prefixes", self._fetch_prefixes)
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        """Bring the box to its configuration and begin to look after it."""
        self._ensure_certificate(self.engine.config)
        self._prepare_dialling()
        self.prefixes.forget_strangers()
        self.engine.start()
        self._configure_monitor()
        self.monitor.start()
        self.keeper.start()
        self._watcher.start()
        if self.authority.secrets.was_broken:
            message = "The file of passwords was broken; set all passwords anew."
            self.tell("secrets", "critical", message, {})

    def close(self, *, stop_units: bool) -> None:
        """End in the reverse order. The box goes on forwarding; its services end only with ``stop_units``."""
        self.is_closing = True
        self._stop.set()
        self._watcher.join()
        self.keeper.close()
        self.monitor.close()
        self.supervisor.close(stop_units=stop_units)
        self.engine.close()
        self.fastpath.close()
        self.journal.close()

    def status(self) -> dict[str, Any]:
        """The verb ``status`` (docs/design/contracts.md)."""
        waiting = self.engine.pending
        last = self.engine.revisions.revision(self.engine.running)
        ports = [{"name": name, "mac": port.mac, "carrier": port.carrier} for name, port in self.facts.ports().items()]
        return {
            "hostname": self.engine.config.system.hostname,
            "version": VERSION,
            **self.monitor.status(),
            "pending": waiting
            and {
                "revision": waiting.revision,
                "deadline_s": max(0.0, remaining_s(waiting)),
                "author": waiting.author,
            },
            "last_change": {
                "revision": last.id,
                "time": last.time,
                "author": last.author,
                "message": last.message,
            },
            "alarms": self.journal.open_alarms,
            "ports": ports,
            "units": [
                {"name": unit.name, "running": unit.pid is not None, "restarts": unit.restarts}
                for unit in self.supervisor.states()
            ],
        }

    def is_still(self, identity: Identity) -> bool:
        """Whether somebody who was let in may stay."""
        if identity.kind == "session":
            again = self.authority.identify(-1, identity.session, None)
            return again is not None and again.role == identity.role
        return identity.kind == "local" or any(
            f"token.{token.name}" == identity.user for token in self.authority.secrets.tokens()
        )

    def set_line_password(self, line: str, password: str) -> None:
        """Keep the password of a dialled line and dial with it at once."""
        try:
            self.dialling.set_password(line, password)
        except OSError as error:
            raise InvalidError("The password cannot be kept: %(reason)s.", reason=str(error)) from error
        self.facts.forget_given(line)
        self.supervisor.renew(unit_name(line))
        self.keeper.poke()

    # ---- the application database ----

    def update_applications(self, data: bytes) -> dict[str, Any]:
        """Put a signed database in force. InvalidError says why not; what was in force then stays."""
        with self._updating, self.database.checked(data, self.engine.config.recognition.publishers) as fresh:
            self._use_database(fresh, self.database.take)
        return self.applications_state()

    def roll_back_applications(self) -> dict[str, Any]:
        """Put the application database before in force again; InvalidError says why not."""
        with self._updating, self.database.before() as earlier:
            self._use_database(earlier, self.database.roll_back)
        return self.applications_state()

    def _use_database(self, wanted: Version, put: Callable[[Version], None]) -> None:
        if self.engine.pending is not None:  # what it would go back to is not looked at
            raise InvalidError("A change waits for its confirmation; confirm it or take it back first.")
        config = self.engine.config
        facts = msgspec.structs.replace(self.facts(config), applications=wanted.categories)
        if problems := [problem for problem in features.verify(config, facts) if problem.severity == "error"]:
            raise InvalidError("The configuration needs what this database has not.", problems=problems)
        try:
            put(wanted)
            self.monitor.catalogue.read_from(self.database.names)
            self.engine.refresh()
        except (EngineError, OSError) as error:
            raise InvalidError("The database could not be put in force: %(reason)s.", reason=str(error)) from error
        if self.fastpath.version != wanted.version:
            raise InvalidError("The fastpath has refused the database; see the alarms.")

    def applications_state(self) -> dict[str, Any]:
        """The verb ``applications.database``."""
        now = self.database.in_force
        return {
            "version": now.version,
            "source": "update" if now.is_update else "firmware",
            "applications": len(now.categories),
            "previous": self.database.previous,
        }

    # ---- prefix lists, and what is fetched daily ----

    def _prefix_lists(self) -> dict[str, PrefixList]:
        return self.engine.config.prefix_lists

    def _refresh(self) -> None:
        self.engine.refresh()

    def _look_at_daily(self) -> None:
        config = self.engine.config
        self._daily_database.look(WATCH_S, config.recognition.update_daily)
        self._daily_prefixes.look(WATCH_S, any(item.daily for item in config.prefix_lists.values()))

    def _fetch_database(self) -> bool:
        """Take the database that is published; trouble is an alarm until it went well."""
        try:
            data = fetch(self.engine.config.recognition.update_url)
            if self.database.is_wanted(data):
                self.update_applications(data)
        except (InvalidError, OSError) as error:
            message = "The application database could not be updated: %(reason)s"
            self.tell("applications", "warning", message, {"reason": str(error)})
            return False
        self.alarm("applications", None)
        return True

    def _fetch_prefixes(self) -> bool:
        """Take the prefix lists that are published, each for itself."""
        is_well = True
        for name in [name for name, item in self.engine.config.prefix_lists.items() if item.daily]:
            try:
                self.prefixes.update(name)
            except (VerbError, EngineError, OSError) as error:
                message = "The prefix list %(name)s could not be updated: %(reason)s"
                self.tell(f"prefixes.{name}", "warning", message, {"name": name, "reason": str(error)})
                is_well = False
            else:
                self.alarm(f"prefixes.{name}", None)
        return is_well

    # ---- what the parts tell ----

    def alarm(self, key: str, message: str | None, **params: str) -> None:
        """The engine's alarms (``Listener``)."""
        if message is not None:
            self.tell(key, "critical" if key in {"configuration", "storage"} else "warning", message, params)
        elif self.journal.clear_alarm(key):
            self._publish_alarms()

    def changed(self, what: str, revision: int) -> None:
        """Another revision is in force or confirmed (``Listener``)."""
        self.journal.audit("rsd", f"revision.{what}", {"revision": revision}, "ok")
        if not hasattr(self, "keeper"):
            return  # still starting
        self._configure_monitor()
        self.keeper.look()
        if self.engine.pending is None:
            self._forget_users()
        self._ensure_certificate(self.engine.config)
        self.monitor.broadcaster.publish("commit", {"what": what, "revision": revision})

    def tell(self, key: str, level: Level, message: str, params: dict[str, str]) -> None:
        """Raise an alarm and tell whoever listens, once."""
        log.warning("alarm: %s", message % params if params else message)
        if self.journal.raise_alarm(key, level, message, params):
            self._publish_alarms()

    def _publish_alarms(self) -> None:
        if hasattr(self, "monitor"):
            alarms = self.journal.alarms()
            self.monitor.broadcaster.publish("alarm", alarms[0] if alarms else {})

    def _unit_event(self, unit: str, kind: EventKind, reason: str) -> None:
        line = unit.removeprefix(unit_name(""))
        if line != unit and kind != "missing":
            self._session_ended(line, kind, reason)
            return
        key = f"unit.{unit}"
        params = {"unit": unit, "reason": reason}
        if kind == "missing":
            self.tell(key, "critical", "The service %(unit)s cannot be started: %(reason)s.", params)
        elif kind == "failing":
            self.tell(key, "critical", "The service %(unit)s ends again and again: %(reason)s.", params)
        elif kind == "well":
            self.alarm(key, None)
        elif unit == UNIT:
            message = "The fastpath ended (%(reason)s) and was started again; meanwhile all traffic went on."
            self.tell(f"{key}.ended", "warning", message, params)

    def _session_ended(self, line: str, kind: EventKind, reason: str) -> None:
        """pppd has ended: the line has lost what it was given, and its alarm says why."""
        if kind != "ended" or not hasattr(self, "dialling"):  # the line's alarm says more than the unit's would
            return
        why = self.dialling.ended(line, reason, self.supervisor.end_of_log(unit_name(line)))
        self.facts.forget_given(line)
        if hasattr(self, "keeper"):
            self.keeper.poke()
            if line in self.engine.config.wans and not self.monitor.lines_up().get(line):
                self._tell_line_down(line, why)

    def _monitor_alarm(self, level: str, message: str, params: dict[str, str]) -> None:
        key = f"monitor {message}"
        if level == "well":
            self.alarm(key, None)
        else:
            self.tell(key, "critical" if level == "critical" else "warning", message, params)

    def _line_changed(self, name: str, is_up: bool, reason: str) -> None:
        self.facts.line_is(name, is_up)
        wan = self.engine.config.wans.get(name)
        if wan is not None:
            with self._dead_lock:
                self._dead_lines.pop(wan.number, None)
                if not is_up:
                    self._dead_lines[wan.number] = 2
        if is_up:
            self.alarm(f"line.{name}", None)
        else:
            self._tell_line_down(name, reason)
        self.keeper.poke()

    def _tell_line_down(self, name: str, reason: str) -> None:
        message = "The line %(line)s does not work: %(reason)s"
        self.tell(f"line.{name}", "warning", message, {"line": name, "reason": reason})

    def _configure_monitor(self) -> None:
        config = self.engine.config
        dialled = [name for name, wan in config.wans.items() if wan.protocol == "pppoe"]
        troubles = {name: self.dialling.trouble(name) for name in dialled}
        self.monitor.configure(config, self.facts.lines(config), troubles)
        self._cut_dead_lines()

    def _cut_dead_lines(self) -> None:
        """What was on a line that died begins anew on another, as soon as there is one.

        Twice: the first time may follow a refresh that did not know yet, and flows then come back to the dead line.
        """
        config = self.engine.config
        if not self._dead_lines or not usable(lines(config, self.facts(config))):
            return  # when the line comes back soon its connections go on
        with self._dead_lock:
            dead, self._dead_lines = self._dead_lines, {}
            self._dead_lines.update({number: times - 1 for number, times in dead.items() if times > 1})
        for number in dead:
            try:
                flows = self.monitor.flows_of_line(number)
                conntrack.forget(number << WAN_BITS, WAN_MASK)
                self.monitor.nudge(flows)
            except (KernelError, OSError) as error:
                log.error("line %d: %s", number, error)
        if self._dead_lines:
            self.keeper.poke()

    def _prepare_dialling(self) -> None:
        try:
            self.dialling.forget_lines(self.engine.config.wans)
            self.dialling.write()
        except OSError as error:
            log.error("passwords of the lines: %s", error)

    def _forget_users(self) -> None:
        try:
            self.authority.secrets.keep_users(set(self.engine.config.users))
            self.dialling.forget_lines(self.engine.config.wans)
        except OSError as error:
            log.error("secrets.json: %s", error)
        self.authority.prepare_first_password()

    def _ensure_certificate(self, config: Config) -> None:
        """A certificate for the front, which takes up a new one without losing a connection."""
        if not self._with_web:
            return
        try:
            is_new = self._certificates.ensure(config)
        except (KernelError, OSError) as error:
            message = "The certificate of the page cannot be made: %(reason)s."
            self.tell("certificate", "critical", message, {"reason": str(error)})
        else:
            self.alarm("certificate", None)
            if is_new:
                self.supervisor.reload("lighttpd")

    # ---- what must happen all the time ----

    def _watch(self) -> None:
        """The fastpath's heartbeat, and the state for whoever looks at it live."""
        jobs: list[Callable[[], None]] = [
            self._watch_fastpath,
            self.monitor.tell_delays,
            self._publish_status,
            self._look_at_daily,
            self._check_itself,
        ]
        while not self._stop.wait(WATCH_S):
            for job in jobs:
                try:
                    job()
                except Exception:
                    log.exception("watch")

    def _watch_fastpath(self) -> None:
        if self.fastpath.watch(self.supervisor):
            self._well_s += WATCH_S
            if self._well_s >= 60:
                self.alarm(f"unit.{UNIT}.ended", None)
        else:
            self._well_s = 0.0

    def selfcheck(self) -> list[Finding]:
        """What is not as the configuration says (daemon/selfcheck.py)."""
        config = self.engine.config
        facts = self.facts(config)
        seen = Seen(
            takers=usable(lines(config, facts)),
            connections={row["key"]: row["connections"] for row in self.monitor.usage("wan", WINDOW_S, 16)},
            bandwidth=self.monitor.bandwidth(),
            read_queues=read_queues(),
            queues=facts.queues if self._well_s else 0,
            flowtables=nft.flowtables(),
        )
        return selfcheck(config, seen)

    def _check_itself(self) -> None:
        """Each minute; what is found twice in a row is an alarm, so that a moment between two states is none."""
        self._until_check_s -= WATCH_S
        if self._until_check_s > 0:
            return
        self._until_check_s = CHECK_S
        found = {finding.key: finding for finding in self.selfcheck()}
        for key, finding in found.items():
            if key in self._found_before:
                self.tell(f"selfcheck.{key}", "warning", finding.message, finding.params)
                if key == "queue":
                    self.supervisor.restart(UNIT)
        for key in self._found_before - found.keys():
            self.alarm(f"selfcheck.{key}", None)
        self._found_before = frozenset(found)

    def _publish_status(self) -> None:
        self._until_status_s -= WATCH_S
        if self._until_status_s <= 0:
            self._until_status_s = STATUS_S
            if self.monitor.broadcaster.has_listeners:
                self.monitor.broadcaster.publish("status", self.status())

    _well_s = 0.0
    _until_check_s = 60.0
    _found_before: frozenset[str] = frozenset()
    _until_status_s = STATUS_S
