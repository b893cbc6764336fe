"""Field tools: what may be asked of the box on the spot, and what comes of it.

A request is told apart by its ``tool``, and so is its result. What a result means stands in ``said``, as message
identifiers for page and ``rsctl`` alike. Nothing here changes the box.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from firmware.model.config import Identifier, Port

PACKETS_MAX, BYTES_MAX, SECONDS_MAX = 20_000, 5_000_000, 60  # of a capture
SNAP_BYTES, WHOLE_BYTES = 96, 65_535
PINGS_MAX = 20

# A name or an address: nothing that a program could take for an option, a path or two words.
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}$(?!\n)")]
Address = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f:][0-9A-Fa-f.:]{0,44}$(?!\n)")]
Where = Annotated[str, Meta(pattern=r"^(line|lan|port):[A-Za-z0-9_.-]{1,32}$(?!\n)")]
Family = Literal["any", "ipv4", "ipv6"]
RecordType = Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"]
Protocol = Literal["any", "arp", "icmp", "tcp", "udp"]


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="tool"):
    """Base of all requests."""


class Ping(Request, frozen=True, tag="ping"):
    """Whether a host answers, how fast and how reliably. Without ``line`` the router's own choice of line counts."""

    host: Host
    line: Identifier | None = None
    family: Family = "any"
    count: Annotated[int, Meta(ge=1, le=PINGS_MAX)] = 5
    size_bytes: Annotated[int, Meta(ge=0, le=8_000)] = 56


class Trace(Request, frozen=True, tag="trace"):
    """Which routers lie on the way to a host."""

    host: Host
    line: Identifier | None = None
    family: Family = "any"


class Lookup(Request, frozen=True, tag="lookup"):
    """A question to a name server: ``server``, else that of ``line``, else the router's own."""

    name: Host
    type: RecordType = "A"
    server: Address | None = None
    line: Identifier | None = None


class PortCheck(Request, frozen=True, tag="port"):
    """Whether a server takes connections at a TCP port."""

    host: Host
    port: Port
    line: Identifier | None = None
    family: Family = "any"


class Cable(Request, frozen=True, tag="cable"):
    """How the ports and their cables are, and who is behind them."""


class Capture(Request, frozen=True, tag="capture"):
    """Packets at a place (``line:NAME``, ``lan:NAME``, ``port:NAME``), for Wireshark and its like.

    Of each packet only the first 96 bytes are kept, which is headers and next to nothing of what people say, unless
    ``whole`` packets are asked for.
    """

    where: Where
    host: Address | None = None
    port: Port | None = None
    protocol: Protocol = "any"
    whole: bool = False
    seconds: Annotated[int, Meta(ge=1, le=SECONDS_MAX)] = 30
    packets: Annotated[int, Meta(ge=1, le=PACKETS_MAX)] = 5_000


class Diagnosis(Request, frozen=True, tag="diagnosis"):
    """All that somebody far away needs to help, in one file, without passwords and keys.

    ``anonymise``: addresses and MACs are replaced, the same by the same.
    """

    anonymise: bool = False


AnyRequest = Ping | Trace | Lookup | PortCheck | Cable | Capture | Diagnosis


class Said(Struct, frozen=True):
    """A sentence about a result; ``level`` says how good the news is."""

    level: Literal["ok", "info", "warning", "bad"]
    message: str
    params: dict[str, str] = field(default_factory=dict)


class Result(Struct, frozen=True, kw_only=True, tag_field="tool"):
    """Base of all results."""

    said: tuple[Said, ...] = ()


class Reply(Struct, frozen=True):
    """One answer to a ping, or what came instead of it (``trouble``, as the program words it)."""

    number: int
    source: str
    delay_ms: float | None
    trouble: str = ""


class PingResult(Result, frozen=True, tag="ping"):
    address: str
    replies: tuple[Reply, ...]
    sent: int
    received: int
    loss_percent: float
    least_ms: float | None
    mean_ms: float | None
    most_ms: float | None


class Hop(Struct, frozen=True):
    """A router on the way; ``address`` is empty where none answered."""

    number: int
    address: str
    delays_ms: tuple[float, ...]
    trouble: str = ""


class TraceResult(Result, frozen=True, tag="trace"):
    address: str
    hops: tuple[Hop, ...]
    is_reached: bool


class Record(Struct, frozen=True):
    name: str
    type: str
    ttl_s: int
    value: str


class LookupResult(Result, frozen=True, tag="lookup"):
    server: str
    outcome: Literal["answer", "nothing", "no_such_name", "refused", "failed", "silent", "unreachable"]
    took_ms: float | None
    records: tuple[Record, ...]


class PortResult(Result, frozen=True, tag="port"):
    address: str
    outcome: Literal["open", "refused", "silent", "unreachable"]
    took_ms: float | None


class Neighbour(Struct, frozen=True):
    mac: str
    addresses: tuple[str, ...]


class PortState(Struct, frozen=True, kw_only=True):
    """A port and its cable; ``None``: the driver does not tell. Counts are since the box started."""

    name: str
    has_carrier: bool
    speed_mbps: int | None
    duplex: Literal["full", "half"] | None
    negotiates: bool | None
    can_mbps: int | None  # the most that the port itself can
    partner_mbps: int | None  # the most that the other end offers
    receive_errors: int
    send_errors: int
    receive_drops: int
    send_drops: int
    carrier_changes: int
    neighbours: tuple[Neighbour, ...]
    neighbours_left: int  # that are not listed


class CableResult(Result, frozen=True, tag="cable"):
    ports: tuple[PortState, ...]


class CaptureResult(Result, frozen=True, tag="capture"):
    packets: int
    size_bytes: int
    dropped: int
    ended_by: Literal["time", "packets", "size", "stop"]


class DiagnosisResult(Result, frozen=True, tag="diagnosis"):
    files: tuple[str, ...]
    masked: int  # secrets that had got into a log, and are not in the file
    size_bytes: int


AnyResult = PingResult | TraceResult | LookupResult | PortResult | CableResult | CaptureResult | DiagnosisResult


class Job(Struct, frozen=True, kw_only=True):
    """A tool at work, or what came of it. ``trouble``: why nothing did. ``file``: its name as long as it is there."""

    id: int
    request: AnyRequest
    who: str
    begun: float
    running: bool
    trouble: Said | None = None
    result: AnyResult | None = None
    file: str | None = None
    file_bytes: int = 0
