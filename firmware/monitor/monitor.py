"""The monitor as rsd sees it: what the box, its lines, hosts and applications do, now and over time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware.model.config import Config
from firmware.model.devices import ethernet_device, line_device
from firmware.model.facts import LineState
from firmware.model.plan import CustomApplication
from firmware.model.values import parse_address
from firmware.monitor.applications import Applications
from firmware.monitor.bandwidth import bandwidth
from firmware.monitor.broadcast import Broadcaster, Listener
from firmware.monitor.explain import Question, Sources, explain
from firmware.monitor.health import Health, Line, LineHealth, OnLineChange, TargetHealth
from firmware.monitor.history import History
from firmware.monitor.hosts import ROUTER, Host
from firmware.monitor.meter import Meter, Month
from firmware.monitor.neighbours import neighbours
from firmware.monitor.nudge import nudge
from firmware.monitor.numbering import UNKNOWN, Numbering
from firmware.monitor.posture import posture, without
from firmware.monitor.rates import Point
from firmware.monitor.sampler import OnAlarm, Sampler
from firmware.monitor.trial import matching
from firmware.monitor.unknown import CARRIERS, unknown_traffic

if TYPE_CHECKING:
    from fastpath.binding.runtime import Runtime

FLOWS_CUT = 16_384  # as many as the fastpath knows
FLOWS_READ = 2000  # the largest
FLOWS_UNKNOWN = 4000  # likewise, of those without a name
AVERAGED = 3  # steps: six seconds
ACTIVE_S = 300  # a host that was heard of within this time is here

Row = dict[str, Any]


class Monitor:
    """Safe to call from several threads; calls ``on_line_change`` and ``on_alarm`` from threads of its own.

    ``applications`` is the database's ``apps.json``, ``shape_state`` what rs-shape writes, ``match_host`` says which
    application a host name belongs to.
    """

    def __init__(
        self,
        state_dir: Path,
        runtime: Runtime,
        applications: Path,
        *,
        shape_state: Path,
        on_line_change: OnLineChange,
        on_alarm: OnAlarm,
        match_host: Callable[[str], str | None],
    ) -> None:
        self.broadcaster = Broadcaster()
        self.catalogue = Applications(applications)
        self._on_line_change = on_line_change
        self._runtime = runtime
        self._match_host = match_host
        self._shape_state = shape_state
        self._sampler = Sampler(state_dir, runtime, self.broadcaster, on_alarm)
        self._history = History(self._sampler, self.catalogue)
        self.usage, self.series, self.blocked = self._history.usage, self._history.series, self._history.blocked
        self._meter = Meter(self._history, self._sampler.store.clock)
        self._health = LineHealth(self._line_changed)
        self._config = Config()
        self._lines: dict[str, LineState] = {}
        self._not_offloaded: dict[str, str | None] = {}
        self._shares_percent: dict[str, int] = {}

    def start(self) -> None:
        self._sampler.start()
        self._health.start()

    def close(self) -> None:
        """Ends the threads and lets go of every listener; what is accounted is written first."""
        self.broadcaster.close()
        self._health.close()
        self._sampler.close()

    def restore_usage(self, path: Path) -> None:
        """Takes the usage of another file in place of what was counted here. :raise ValueError: it has other tables."""
        self._sampler.store.restore(path)

    def configure(
        self,
        config: Config,
        lines: Mapping[str, LineState],
        troubles: Mapping[str, str] | None = None,
        not_offloaded: Mapping[str, str | None] | None = None,
        shares_percent: Mapping[str, int] | None = None,
    ) -> None:
        """Takes the configuration in force, what the lines have got, why dialled ones have nothing, why lines are not
        offloaded (message identifiers) and which part of the new connections each takes; to be called whenever any of
        them changes."""
        self._config, self._lines, self._not_offloaded = config, dict(lines), dict(not_offloaded or {})
        self._shares_percent = dict(shares_percent or {})
        self.catalogue.configure(config)
        self._history.timezone = config.system.timezone
        self._sampler.configure(config)
        self._health.configure(
            Line(
                name=name,
                number=wan.number,
                device=line_device(wan),
                port=ethernet_device(wan),
                is_dialled=wan.protocol == "pppoe",
                trouble=(troubles or {}).get(name, ""),
                address=state.address or state.ipv6_address,
                gateway=state.gateway or state.ipv6_gateway,
                dns=state.dns,
                targets=wan.health_targets,
                require=wan.health.require,
                interval_s=wan.health.interval_ms / 1000,
                fall=wan.health.fall,
                rise=wan.health.rise,
                max_loss_percent=wan.health.max_loss_percent,
                max_delay_ms=wan.health.max_delay_ms,
            )
            for name, wan in config.wans.items()
            if wan.enabled
            for state in (self._lines.get(name, LineState()),)
        )
        self.tell_lines()

    def renumber(self, applications: Sequence[str], policies: Sequence[str]) -> None:
        """Tells what the loaded tables number: application ids from 1 on, names of the policy rows from 0 on.

        To be called together with ``Runtime.set_policy``; what was accounted before is read by the old numbers first.
        """
        self._sampler.renumber(Numbering(applications, policies))

    def listen(self) -> Listener:
        """A stream of events; :raise TooManyListenersError:"""
        return self.broadcaster.listen()

    # -- now ----------------------------------------------------------------------------------------------------------

    def lines_up(self) -> dict[str, bool]:
        """Whether each line works."""
        return {name: health.is_up for name, health in self._health.state().items()}

    def lines(self) -> list[Row]:
        self._sampler.asked()
        health = self._health.state()
        with self._sampler.lock:
            rates = {name: self._sampler.live.lines.now(name) for name in self._config.wans}
        return [
            {
                **_line_row(name, self._config, self._lines.get(name, LineState()), health.get(name), rates[name]),
                "share_percent": self._shares_percent.get(name, 0),
                "month": _month_row(self._meter.months.get(name)),
                "offload": self._offload_row(name),
            }
            for name in sorted(self._config.wans, key=lambda name: self._config.wans[name].number)
        ]

    def _offload_row(self, name: str) -> Row:
        share = self._runtime.line_share(self._config.wans[name].number)
        return {
            "obstacle": self._not_offloaded.get(name),
            "connections": share.flows,
            "offloaded": share.fast_flows,
            "share_percent": round(share.fast_bytes * 100 / share.bytes) if share.bytes else None,
        }

    def download_rates(self) -> dict[str, int]:
        """What each line receives, averaged over the last steps, in bits per second."""
        with self._sampler.lock:
            found = {name: self._sampler.live.lines.series(name, AVERAGED)[1] for name in self._config.wans}
        return {name: sum(point.down_bps for point in points) // len(points) for name, points in found.items()}

    def look_at_months(self, config: Config) -> dict[str, Month]:
        """What metered lines have moved in their month; cheap, but it reads the store. Works before ``start`` too."""
        return self._meter.look(config, time.time())

    def tell_lines(self) -> None:
        """Tell the fastpath whether lines are chosen by site, and the shaper how slow they are: one that delays is
        full, whatever its rate."""
        self._runtime.want_sites(self._config.balance.sticky == "site")
        for name, health in self._health.state().items():
            if (wan := self._config.wans.get(name)) is not None:
                self._runtime.set_delay(wan.number, round(health.rtt_ms or 0))

    def bandwidth(self) -> Row:
        """What the shaper does: lines, and who uses them now."""
        with self._sampler.lock:
            hosts = self._sampler.hosts

            def who(address: str) -> tuple[str, str | None]:
                host = hosts.find(address)
                return (host.key, hosts.name(host) or None) if host else (hosts.key_of(address), None)

            return bandwidth(self._shape_state, self._config, who)

    def hosts(self) -> list[Row]:
        self._sampler.asked()
        now_s = time.monotonic()
        with self._sampler.lock:
            hosts, live = self._sampler.hosts, self._sampler.live
            rows = []
            for host in hosts.all():
                rate = live.hosts.now(host.key)
                rows.append(
                    {
                        "key": host.key,
                        "address": host.address,
                        "addresses": list(host.addresses),
                        "mac": host.mac or None,
                        "name": hosts.name(host) or None,
                        "groups": hosts.groups(host),
                        "up_bps": rate.up_bps,
                        "down_bps": rate.down_bps,
                        "last_seen": host.last_seen_s,
                        "applications": [
                            {"id": use.application, "up_bps": use.up_bps, "down_bps": use.down_bps}
                            for use in live.uses(host.key, now_s)
                        ],
                    }
                )
        return sorted(rows, key=lambda row: (-(row["up_bps"] + row["down_bps"]), row["key"]))

    def flows(self, host: str | None = None, application: str | None = None, limit: int = 200) -> list[Row]:
        """Live connections, of one host (address, MAC or name) or application if asked."""
        wanted = self._numbers([application]) if application else None
        if wanted == []:
            return []
        addresses: list[str | None] = [None]
        if host is not None:
            found = self._find(host)
            addresses = list(found.addresses) if found else [host]
        flows = itertools.chain.from_iterable(self._runtime.flows(address, wanted, limit) for address in addresses)
        return [self._flow_row(flow) for flow in itertools.islice(flows, limit)]

    def _numbers(self, applications: Iterable[str]) -> list[int]:
        """The numbers of those that the fastpath knows."""
        found = (self._sampler.numbering.number(application) for application in applications)
        return [number for number in found if number is not None]

    def flows_of_line(self, number: int) -> list[Row]:
        """Connections that leave by a line, as the runtime has them; the largest where there are many."""
        found: list[Row] = self._runtime.flows(limit=FLOWS_CUT, line=number)
        return found

    def nudge(self, flows: Sequence[Row]) -> None:
        """Have the clients of connections that were cut notice it."""
        nudge(flows, neighbours())

    def unknown(self, limit: int = 50) -> list[Row]:
        """What has no name, by where it goes: unknown, suspected, or known by no more than how it is carried.

        The router's own connections and those within a LAN never come by the fastpath and are left out.
        """
        kinds = self._numbers((UNKNOWN, *self.catalogue.suspected(), *CARRIERS))
        found = map(self._flow_row, self._runtime.flows(applications=kinds, limit=FLOWS_UNKNOWN))
        return unknown_traffic((flow for flow in found if flow["is_decided"] or any(flow["opening"])), limit)

    def posture(self, since_s: int) -> Row:
        """How much of the hosts' traffic of the last ``since_s`` seconds cannot be seen into."""
        known = {row["id"]: row["category"] for row in self.catalogue.all()}
        whole, own = (self.usage("application", since_s, len(known) + 1, host=host) for host in (None, ROUTER))
        usage = without(whole, own)  # the router's own never comes by the fastpath
        return posture(usage, self.flows(limit=FLOWS_READ), known, self.catalogue.suspected())

    def try_application(self, application: CustomApplication, limit: int = 100) -> list[Row]:
        """Live connections that would be the application's, each with the sign that says so."""
        return matching(application, self.flows(limit=FLOWS_READ))[:limit]

    def _flow_row(self, flow: Row) -> Row:
        application = self._sampler.numbering.application(flow["application"])
        return {
            **flow,
            "application": application,
            "protocol": self._sampler.numbering.application(flow["protocol"]),
            "category": self.catalogue.category(application),
            "lan_host": str(flow["lan_host"]) if flow["lan_host"] else None,
            "wan": self._sampler.wan_name(flow["wan"]),
        }

    def status(self) -> Row:
        """The monitor's part of the verb ``status``."""
        stats = self._runtime.stats()
        since_s = time.time() - ACTIVE_S
        with self._sampler.lock:
            active = sum(host.last_seen_s >= since_s for host in self._sampler.hosts.all())
        return {
            **self._sampler.system.state(),
            "lines": self.lines(),
            "hosts_active": active,
            "flows": stats["dump_flows"],
            "fastpath": {
                "alive": bool(stats["alive"]),
                "restarts": max(0, stats["starts"] - 1),
                "packets": stats["packets"],
                "decided": stats["decided"],
                "dropped": stats["queue_dropped"],
                "heartbeat_ms": stats["heartbeat_ms"],
            },
            "blocked_today": self._history.blocked_today(),
        }

    def why(self, ip: str, host: str, language: str = "en") -> Row:
        """What happens to traffic of the host ``ip`` to ``host`` (name, address or application), step by step.

        :raise ValueError: when ``ip`` is no address.
        """
        with self._sampler.lock:
            asker = self._find(ip) or Host(ip, "", [str(parse_address(ip))])
            groups = self._sampler.hosts.groups(asker)
            label = self._sampler.hosts.label(asker.key)
        sources = Sources(
            self._config, self.catalogue, self._runtime, self._sampler.numbering, self._match_host, self.lines_up(),
            self._sampler.wan_name,
        )  # fmt: skip
        return explain(Question(asker, label, groups, host), sources, language)

    def _find(self, text: str) -> Host | None:
        with self._sampler.lock:
            return self._sampler.hosts.find(text)

    def _line_changed(self, name: str, is_up: bool, reason: str) -> None:
        self._on_line_change(name, is_up, reason)
        self.broadcaster.publish("line", {"name": name, "up": is_up, "reason": reason})


def _month_row(month: Month | None) -> Row | None:
    return month and {
        "used_bytes": month.used_bytes,
        "cap_bytes": month.cap_bytes,
        "since": month.start_s,
        "until": month.end_s,
        "spent": month.is_spent,
    }


def _target_row(target: TargetHealth) -> Row:
    return {
        "target": target.target,
        "kind": target.kind,
        "answered": target.answered,
        "last": target.answered_s,
        "delay_ms": None if target.delay_ms is None else round(target.delay_ms, 1),
        "loss_percent": None if target.loss_percent is None else round(target.loss_percent, 1),
        "trouble": target.trouble,
    }


def _line_row(name: str, config: Config, state: LineState, health: Health | None, rate: Point) -> Row:
    wan = config.wans[name]
    return {
        "name": name,
        "number": wan.number,
        "interface": wan.interface,
        "device": line_device(wan),
        "enabled": wan.enabled,
        "up": bool(health and health.is_up),
        "role": wan.role,
        "draining": wan.draining,
        "reason": health.reason if health else "",
        "since": health.since_s if health else None,
        "state": health.state if health else "waiting",
        "streak": health.streak if health else 0,
        "needed": health.needed if health else 0,
        "rtt_ms": round(health.rtt_ms, 1) if health and health.rtt_ms is not None else None,
        "loss_percent": round(health.loss_percent, 1) if health and health.loss_percent is not None else None,
        "targets": [_target_row(target) for target in health.targets] if health else [],
        "address": state.address,
        "gateway": state.gateway,
        "dns": list(state.dns),
        "ipv6_address": state.ipv6_address,
        "ipv6_gateway": state.ipv6_gateway,
        "ipv6_prefix": state.ipv6_prefix,
        "up_bps": rate.up_bps,
        "down_bps": rate.down_bps,
    }
