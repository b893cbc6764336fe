"""The facts of the moment: ports, lines, schedules that hold, and what this box can do."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firmware.features import limits, schedules
from firmware.kernel import probe
from firmware.model.config import Config, Wan
from firmware.model.devices import line_device
from firmware.model.facts import Facts, LineState, PortFact, PrefixFact, Signs
from firmware.model.values import can_be_gateway, parse_address, parse_interface

log = logging.getLogger(__name__)


class FactsSource:
    """Called by the engine before each rendering; what never changes is asked once."""

    def __init__(
        self,
        run_dir: Path,
        port_names: tuple[str, ...] | None,
        *,
        applications: Callable[[], dict[str, str]],
        database: Callable[[], str],
        passwords: Callable[[], frozenset[str]],
        has_backup_key: Callable[[], bool],
        signs: Callable[[Collection[str]], dict[str, Signs]],
        prefix_lists: Callable[[], dict[str, PrefixFact]],
        queues: int,
        with_web: bool,
    ) -> None:
        self._lines_dir = run_dir / "lines"
        self._lines_dir.mkdir(parents=True, exist_ok=True)
        self._port_names = port_names
        self._applications, self._database, self._signs = applications, database, signs
        self._passwords, self._has_backup_key = passwords, has_backup_key
        self._prefix_lists = prefix_lists
        self._queues = queues
        self._nft_queue, self._has_flowtable = probe.has_nft_queue(), probe.has_flowtable()
        self._can_set_clock = probe.can_set_clock()
        self._web_argv = _front() if with_web else ()
        self._lock = threading.Lock()
        self._down: frozenset[str] = frozenset()
        self.free_bps: dict[str, int] = {}  # what is free on each line (balancing.py)
        self.spent_lines: frozenset[str] = frozenset()  # which have moved their month's bytes (metering.py)

    def __call__(self, config: Config) -> Facts:
        """Facts for a configuration; its policy generation is the engine's business."""
        return Facts(
            ports=self.ports(),
            applications=self._applications(),
            database=self._database(),
            signs=self._signs({name for policy in config.line_policies.values() for name in policy.applications}),
            prefix_lists=self._prefix_lists(),
            lines=self.lines(config),
            spent_lines=self.spent_lines,
            free_bps=self.free_bps,
            active_schedules=schedules.active(config, datetime.now(UTC)),
            ended_limits=limits.ended(config, datetime.now(UTC)),
            nft_queue=self._nft_queue,
            has_flowtable=self._has_flowtable,
            can_set_clock=self._can_set_clock,
            has_pppoe=all(wan.protocol != "pppoe" for wan in config.wans.values()) or probe.has_pppoe(),
            passwords=self._passwords(),
            has_backup_key=self._has_backup_key(),
            web_argv=self._web_argv,
            queues=self._queues,
        )

    def ports(self) -> dict[str, PortFact]:
        """The box's ports by name."""
        return {
            port.name: PortFact(mac=port.permanent_mac, mtu_max=port.mtu_max or 9216, carrier=port.has_carrier)
            for port in probe.ports(self._port_names)
        }

    def lines(self, config: Config) -> dict[str, LineState]:
        """What each line that is switched on has got. A line works until its health says otherwise."""
        return {
            name: _state(wan, self._read(name), is_up=name not in self._down)
            for name, wan in config.wans.items()
            if wan.enabled
        }

    def line_is(self, name: str, is_up: bool) -> None:
        """What the health check has found."""
        with self._lock:
            self._down = self._down - {name} if is_up else self._down | {name}

    def forget_given(self, name: str) -> None:
        """The line's session has ended, and with it all that it was given."""
        (self._lines_dir / f"{name}.json").unlink(missing_ok=True)

    def _read(self, name: str) -> dict[str, Any]:
        """What the hook of the DHCP client or of pppd wrote; a line that was given nothing yet has no file."""
        try:
            found = json.loads((self._lines_dir / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.error("line %s: what it was given cannot be read: %s", name, error)
            return {}
        return found if isinstance(found, dict) else {}


def _state(wan: Wan, given: dict[str, Any], *, is_up: bool) -> LineState:
    """The line's state of what the person said, where it is static, and of what it was given, where it asks."""
    v4 = {"address": wan.address, "gateway": wan.gateway, "dns": wan.dns}
    if given.get("device") not in (None, line_device(wan)):  # the line lay elsewhere
        given = {}
    if wan.protocol != "static":
        if given.get("protocol", "dhcp") != wan.protocol:  # it was got in another way before
            given = {key: value for key, value in given.items() if key not in ("address", "gateway", "dns4")}
        v4 = {"address": given.get("address"), "gateway": _gateway(wan, given)}
        v4["dns"] = tuple(given.get("dns4") or ())
    v6 = {"ipv6_address": wan.ipv6_address, "ipv6_gateway": wan.ipv6_gateway, "ipv6_prefix": wan.ipv6_prefix}
    if wan.ipv6 == "dhcp":
        v6 = {name: given.get(name) for name in v6}
        v4["dns"] = (*(v4["dns"] or ()), *filter(_is_server, given.get("dns6") or ()))
    if wan.ipv6 == "off":
        v6 = {}
    return LineState(up=is_up, **v4, **v6)  # type: ignore[arg-type]


def _gateway(wan: Wan, given: dict[str, Any]) -> str | None:
    """The gateway that a line was given, where it can be one: a route that the kernel refuses would keep all lines from
    following what happens. A session has one neighbour, whatever it is called."""
    address, gateway = given.get("address"), given.get("gateway")
    if not address or not gateway or wan.protocol == "pppoe":
        return gateway
    return gateway if can_be_gateway(parse_address(gateway), parse_interface(address)) else None


def _is_server(text: str) -> bool:
    """Whether a name server can be asked by its address alone: a modem may name itself, ``fe80::1%eth0``."""
    try:
        return not parse_address(text).is_link_local
    except ValueError:
        return False


def _front() -> tuple[str, ...]:
    """How to start the TLS front, where it is installed."""
    program = shutil.which("lighttpd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    return (program,) if program else ()
