"""rsd: owns the kernel, the configuration and the fastpath; everybody else asks it over the control socket."""

from __future__ import annotations

import json
import logging
import os
import signal
from typing import Any

from firmware.daemon import protocol
from firmware.daemon.control import ControlServer
from firmware.daemon.errors import LockedOutError, NotFoundError
from firmware.daemon.services import Options, Services
from firmware.daemon.verbs import Call, Verb
from firmware.daemon.verbs.access import VERBS as ACCESS
from firmware.daemon.verbs.backup import VERBS as BACKUP
from firmware.daemon.verbs.business import VERBS as BUSINESS
from firmware.daemon.verbs.configuration import VERBS as CONFIGURATION
from firmware.daemon.verbs.prefixes import VERBS as PREFIXES
from firmware.daemon.verbs.recognition import VERBS as RECOGNITION
from firmware.daemon.verbs.speedtest import VERBS as SPEED_TEST
from firmware.daemon.verbs.state import VERBS as STATE
from firmware.daemon.verbs.tools import VERBS as TOOLS
from firmware.daemon.verbs.update import VERBS as UPDATE

log = logging.getLogger(__name__)

AUDITED_LETTERS = 400  # of an argument

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verbs in (ACCESS, BACKUP, BUSINESS, CONFIGURATION, PREFIXES, RECOGNITION, SPEED_TEST, STATE, TOOLS, UPDATE)
    for verb in verbs
}


class Daemon:
    """The services and their control socket."""

    def __init__(self, options: Options) -> None:
        self.services = Services(options)
        self._control = ControlServer(options.run_dir / "rsd.sock", self.answer, options.web_gid)

    def start(self) -> None:
        """Bring the box up, then let people ask."""
        self.services.start()
        self._control.start()

    def close(self, *, stop_units: bool) -> None:
        """Stop answering, then end the services."""
        self.services.is_closing = True
        self._control.close()
        self.services.close(stop_units=stop_units)

    def answer(self, call: Call, request: protocol.Request) -> Any:
        """Authorise and carry out one request; the errors are those of ``daemon.errors``, engine and model."""
        verb = VERBS.get(request.verb)
        if verb is None:
            raise NotFoundError("There is no verb %(verb)s.", verb=request.verb[:64])
        call.identity = self.services.authority.identify(call.peer_uid, request.session, request.token)
        if verb.audited is None:
            verb.check(call.identity)
            return verb.handler(self.services, call, **verb.parse(request.args))
        outcome = "ok"
        try:
            verb.check(call.identity)
            return verb.handler(self.services, call, **verb.parse(request.args))
        except Exception as error:
            # Who is shut out may knock as often as he likes: that is no news, and would push what is out of the trail.
            outcome = "" if isinstance(error, LockedOutError) else protocol.code(error)
            raise
        finally:
            if outcome:
                who = call.identity.user if call.identity else "-"
                args = {name: request.args[name] for name in verb.audited if request.args.get(name) is not None}
                details = {name: _short(value) for name, value in args.items()}
                self.services.journal.audit(who, verb.name, details, outcome)


def _short(value: Any) -> Any:
    """What the audit trail keeps of an argument, which may be anything of any size where it was refused."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= AUDITED_LETTERS else f"{text[:AUDITED_LETTERS]}…"


def main(options: Options) -> None:
    """Run until SIGTERM or SIGINT; SIGTERM ends the services too."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    os.umask(0o022)
    daemon = Daemon(options)
    daemon.start()
    log.info("rsd is ready")
    signal.sigwait(signals)
    daemon.close(stop_units=True)
