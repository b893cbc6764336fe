"""Everything that runs inside rsd, wired together; the verbs work on this."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import firmware
from firmware.daemon import provision
from firmware.daemon.auth import Authority, Identity
from firmware.daemon.automatic_backups import AutomaticBackups
from firmware.daemon.backups import Backups
from firmware.daemon.balancing import Balancing
from firmware.daemon.business_books import Books
from firmware.daemon.button import ButtonWatch
from firmware.daemon.database import Database
from firmware.daemon.dead_lines import DeadLines
from firmware.daemon.dialling import Dialling
from firmware.daemon.errors import InvalidError
from firmware.daemon.facts import FactsSource
from firmware.daemon.fastpath import UNIT, FastpathDoor
from firmware.daemon.firmware_updates import FirmwareUpdates
from firmware.daemon.journal import Journal, Level
from firmware.daemon.keeper import Keeper
from firmware.daemon.lights import Lights, Shown, read_board
from firmware.daemon.metering import Metering
from firmware.daemon.prefixes import Prefixes
from firmware.daemon.restoring import Restoring
from firmware.daemon.rollout import PUBLISHED
from firmware.daemon.speedtests import SpeedTests
from firmware.daemon.tls import Certificates
from firmware.daemon.tools.jobs import Tools
from firmware.daemon.updates import Updates
from firmware.daemon.watching import Watching
from firmware.engine import Applier, Engine
from firmware.engine.pending import remaining_s
from firmware.features import offload, shares
from firmware.features.backup import destinations
from firmware.features.pppoe import unit_name
from firmware.features.qos import SHAPE_STATE
from firmware.features.topology import Line, bridge, lan_of, lines
from firmware.features.update import is_index
from firmware.kernel.errors import KernelError
from firmware.kernel.supervisor import EventKind, Supervisor
from firmware.model.config import Config, PrefixList
from firmware.model.defaults import factory
from firmware.model.devices import line_device
from firmware.monitor import Monitor
from firmware.version import VERSION

log = logging.getLogger(__name__)

_FOUND_ANEW = ("unit.", "selfcheck.", "monitor ", "secrets", "provision", "restore")  # keys of alarms
ROOT = Path(firmware.__file__).resolve().parent.parent


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
        self._configuring = threading.Lock()
        self.firmware = FirmwareUpdates(state, run)  # before all stores: it may bring back those of another version
        self._certificates = Certificates(state, run)
        self.with_web = options.with_web
        self.journal = Journal(state / "log.db")
        self._begin_anew()
        self.box = provision.take(state, self._not_provisioned)
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
            has_backup_key=lambda: bool(self.authority.secrets.backup_key),
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
            state,
            run,
            applier,
            self.facts,
            factory=lambda: factory(list(self.facts.ports()), self.box.headquarters),
            listener=self,
        )
        self.speed_tests = SpeedTests(state, lambda: self.engine.config, self.facts)
        self.tools = Tools(run, state, lambda: self.engine.config, self.facts)
        self.authority = Authority(state, run, lambda: self.engine.config, first=self.box.first_password)
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
        self.metering = Metering(
            self.monitor, self.facts, tell=self.tell, clear=lambda key: self.alarm(key, None), poke=self.keeper.poke
        )
        self.balancing = Balancing(self.monitor, self.facts, self.keeper.poke)
        self.dead_lines = DeadLines(self.monitor, self.keeper.poke)
        self.updates = Updates(self)
        self.backups, self.restoring = Backups(self, state, run), Restoring(self, state)
        self.automatic_backups = AutomaticBackups(self, state, run)
        self.books = Books(state, run)
        self.lights = Lights(read_board(), self._shown)
        board = self.lights.board
        self._button = ButtonWatch(board.button) if board.button else None
        self.watching = Watching(self, state)

    def start(self) -> None:
        """Bring the box to its configuration and begin to look after it."""
        self._ensure_certificate(self.engine.config)
        self._prepare_dialling()
        if self.engine.pending is None:  # else what it goes back to may need what is no list's now
            self.prefixes.forget_strangers()
        self.metering.look(self.engine.config)  # a line that is spent takes nothing from the first moment on
        self.engine.start()
        if not self.engine.revisions.was_mended and not self.firmware.is_on_trial:  # the gate still has to see it
            self.alarm("configuration", None)
        self._configure_monitor()
        self._close_strangers()
        self.monitor.start()
        self.keeper.start()
        self.watching.start()
        self.restoring.resume()
        if self._button is not None:
            self.lights.ask = self._button.light
            self._button.start()
        if self.authority.secrets.was_broken:
            message = "The file of passwords was broken; set all passwords anew."
            self.tell("secrets", "critical", message, {})

    def close(self, *, stop_units: bool) -> None:
        """End in the reverse order. The box goes on forwarding; its services end only with ``stop_units``."""
        self.is_closing = True
        if self._button is not None:
            self._button.close()
        self.watching.close()
        self.tools.close()
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
            "serial": self.box.serial,
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

    def take_authority(self, folder: Path) -> None:
        """Be the authority whose key and certificate a backup has; browsers that trusted it trust the box again."""
        if self._certificates.take(folder):
            self._ensure_certificate(self.engine.config)

    def renew_certificate(self) -> None:
        """Make the page's certificate anew when its end is near."""
        self._ensure_certificate(self.engine.config)

    def _prefix_lists(self) -> dict[str, PrefixList]:
        return self.engine.config.prefix_lists

    def _refresh(self) -> None:
        self.engine.refresh()

    def _shown(self) -> Shown:
        """What the board's lights tell."""
        config, up = self.engine.config, self.monitor.lines_up()
        wans = [(line_device(wan), up.get(name, False)) for name, wan in config.wans.items() if wan.enabled]
        return Shown(wans, [bridge(name) for name in config.lans], self.journal.open_alarms)

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
        self.restoring.changed(what, revision)
        self._configure_monitor()
        self.metering.look(self.engine.config)  # another cap counts at once
        self.keeper.look()
        if self.engine.pending is None:
            self._forget_users()
        self._close_strangers()
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
            self.dead_lines.line_is(wan.number, is_up)
        if is_up:
            self.alarm(f"line.{name}", None)
        elif wan is not None and wan.enabled:
            self._tell_line_down(name, reason)
        self.keeper.poke()

    def _tell_line_down(self, name: str, reason: str) -> None:
        message = "The line %(line)s does not work: %(reason)s"
        self.tell(f"line.{name}", "warning", message, {"line": name, "reason": reason})

    def _configure_monitor(self) -> None:
        """One at a time: the keeper must not tell what it has read after a commit has told of another."""
        with self._configuring:
            config = self.engine.config
            dialled = [name for name, wan in config.wans.items() if wan.protocol == "pppoe"]
            troubles = {name: self.dialling.trouble(name) for name in dialled}
            facts = self.facts(config)
            not_offloaded, parts = offload.obstacles(config, facts), shares.percents(config, facts)
            self.monitor.configure(config, facts.lines, troubles, not_offloaded, parts)
            self._tell_overlaps(config, lines(config, facts))
            self.dead_lines.cut(lines(config, facts))

    def _tell_overlaps(self, config: Config, active: Iterable[Line]) -> None:
        """A line that was given addresses of a LAN: what its modem answers, names too, is taken for forged."""
        message = "The line %(line)s was given the network %(network)s of the LAN %(lan)s: give the LAN another."
        for line in active:
            key, lan = f"overlap.{line.name}", lan_of(config, line)
            if lan is None:
                self.alarm(key, None)
            elif line.address4 is not None and not self.journal.is_open(key):
                params = {"line": line.name, "network": str(line.address4.network), "lan": lan}
                self.tell(key, "critical", message, params)

    def _not_provisioned(self, reason: str) -> None:
        message = "What the box was told when its disk was written cannot be read: %(reason)s."
        self.tell("provision", "warning", message, {"reason": reason})

    def _prepare_dialling(self) -> None:
        try:
            self.dialling.forget_lines(self.engine.config.wans)
            self.dialling.write()
        except OSError as error:
            log.error("passwords of the lines: %s", error)

    def _forget_users(self) -> None:
        try:
            known = (self.engine.config, *self.engine.candidates())  # who is being made may have his password already
            self.authority.secrets.keep_users({user for config in known for user in config.users})
            self.dialling.forget_lines(self.engine.config.wans)
        except OSError as error:
            log.error("secrets.json: %s", error)
        self.authority.prepare_first_password()

    def _begin_anew(self) -> None:
        """Close what this rsd will raise by itself where it is still wrong; who would have closed it is no more."""
        for key in self.journal.open_keys:
            if key.startswith(_FOUND_ANEW):
                self.journal.clear_alarm(key)

    def _close_strangers(self) -> None:
        """Alarms of what is no more, or is switched off: nobody else would ever say that they are over."""
        config = self.engine.config
        lines_in_use = [name for name, wan in config.wans.items() if wan.enabled]
        wanted = {f"{what}.{name}" for what in ("line", "overlap") for name in lines_in_use}
        wanted |= {f"prefixes.{name}" for name, item in config.prefix_lists.items() if item.daily}
        wanted |= {f"backup.{name}" for name in destinations(config.backup)}
        wanted |= {"applications"} if config.recognition.update_daily else set()
        wanted |= {PUBLISHED} if is_index(config.update.url) else set()
        for key in self.journal.open_keys - wanted:
            if key.startswith(("line.", "overlap.", "prefixes.", "backup.")) or key in {"applications", PUBLISHED}:
                self.alarm(key, None)

    def _ensure_certificate(self, config: Config) -> None:
        """A certificate for the front, which takes up a new one without losing a connection."""
        if not self.with_web:
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
