"""What the monitor asks of the fastpath: the part of ``fastpath.binding.runtime.Runtime`` that it uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Usage(Protocol):
    """``rs_usage``: sums of one host, application and line; ``host`` is "" for the router itself."""

    host: str
    mac: str
    application: str
    wan: int
    up_bytes: int
    down_bytes: int
    up_packets: int
    down_packets: int
    connections: int


class Drain(Protocol):
    instance: int
    epoch: int
    rows: Sequence[Usage]


class BlockedEvent(Protocol):
    """``rs_event``; only those whose ``kind`` is "blocked" matter here."""

    kind: str
    client: str
    server: str
    mac: str
    application: str
    host: str
    policy: str


class SeenHost(Protocol):
    address: str
    mac: str
    last_ms: int


class Flow(Protocol):
    transport: str
    client: str
    client_port: int
    server: str
    server_port: int
    application: str
    protocol: str
    host: str
    stage: str
    action: str
    wan: int
    up_bytes: int
    down_bytes: int
    age_ms: int


class Decision(Protocol):
    policy: str
    action: str


class Stats(Protocol):
    pid: int
    starts: int
    heartbeat_ms: int
    packets: int
    decided: int
    queue_dropped: int
    dumps: int
    dump_flows: int


class Runtime(Protocol):
    def stats(self) -> Stats: ...
    def events(self) -> Sequence[BlockedEvent]: ...
    def hosts(self) -> Sequence[SeenHost]: ...
    def flows(self, host: str | None, application: str | None, limit: int) -> Sequence[Flow]: ...
    def set_interval(self, interval_ms: int) -> None: ...
    def usage(self) -> Drain: ...
    def accounting_drain(self) -> Drain: ...
    def accounting_drained(self, epoch: int) -> None: ...
    def decide(self, address: str, mac: str, application: str) -> Decision: ...
    def match_host(self, host: str) -> str: ...
