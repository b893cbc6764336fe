"""Shapes of requests and answers: requests are checked against them, the OpenAPI document is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from firmware.model.config import Application, BackupPart, Config, Role
from firmware.model.sections import Section

Limit = Annotated[int, Meta(ge=1, le=10_000)]
Seconds = Annotated[int, Meta(ge=1, le=63_072_000)]


class Input(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of what is sent to us; what is not given is not handed on."""


class Output(Struct, kw_only=True):
    """Base of what we answer."""


# -- requests ---------------------------------------------------------------------------------------------------------


class Which(Input):
    which: Annotated[str, Meta(description="candidate, running, or the number of a revision")] | UnsetType = UNSET


class Comparison(Input):
    old: Annotated[str, Meta(description="candidate, running, or the number of a revision")] | UnsetType = UNSET
    new: Annotated[str, Meta(description="candidate, running, or the number of a revision")] | UnsetType = UNSET


class Rows(Input):
    limit: Limit | UnsetType = UNSET


class Commit(Input):
    message: Annotated[str, Meta(max_length=500)] = ""
    confirm_s: Annotated[int, Meta(ge=5, le=86_400, description="undo by itself unless confirmed")] | None = None
    base: Annotated[int, Meta(description="refuse when another revision than this is in force")] | None = None


class Rollback(Input):
    revision: int
    confirm_s: Annotated[int, Meta(ge=5, le=86_400)] | None = None


class Text(Input):
    text: str


class FlowsQuery(Input):
    host: Annotated[str, Meta(description="address, MAC or name")] | UnsetType = UNSET
    application: str | UnsetType = UNSET
    limit: Limit | UnsetType = UNSET


class PostureQuery(Input):
    since_s: Seconds = 86_400


class UsageQuery(Input):
    by: Literal["host", "application", "category", "wan"]
    since_s: Seconds = 86_400
    host: Annotated[str, Meta(description="address, MAC or name")] | UnsetType = UNSET
    application: str | UnsetType = UNSET
    limit: Limit | UnsetType = UNSET


class SeriesQuery(Input):
    kind: Literal["line", "host", "application"]
    key: str
    window_s: Seconds = 600


class WhyQuery(Input):
    ip: Annotated[str, Meta(description="address of the host in the LAN")]
    host: Annotated[str, Meta(description="site, address or application that it wants to reach")]


class Trial(Input):
    application: Application
    limit: Limit | UnsetType = UNSET


class DatabaseUpdate(Input):
    """One of the two; without either the configured address is asked."""

    url: str | UnsetType = UNSET
    content: Annotated[str, Meta(description="the signed database in base64")] | UnsetType = UNSET


class InstallUpdate(Input):
    """``upload`` answers with the address that takes the file, by PUT, once; ``url`` is by default the configured one,
    or what the list of versions there names."""

    source: Literal["upload", "url", "usb"]
    url: Annotated[str, Meta(max_length=1024)] = ""
    downgrade: Annotated[bool, Meta(description="also a version that is not newer")] = False


class PrefixImport(Input):
    """Without ``content`` and ``url``: what was previewed under ``sha256``, else what lies at the list's address."""

    content: Annotated[str, Meta(description="the list as text, a prefix a line")] | UnsetType = UNSET
    url: str | UnsetType = UNSET
    sha256: Annotated[str, Meta(description="take only a list with this hash")] | UnsetType = UNSET


class NewToken(Input):
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    role: Role = "auditor"


class LinePassword(Input):
    """What a dialled line's provider asks for; it is never given back. An empty one is forgotten."""

    password: Annotated[str, Meta(max_length=256)]


class StartSpeedTest(Input):
    shaped: Annotated[bool, Meta(description="only the upload, through the shaper")] = False


class NewPassword(Input):
    new: str
    old: str | UnsetType = UNSET
    user: str | UnsetType = UNSET


# -- answers ----------------------------------------------------------------------------------------------------------


class MakeBackup(Input):
    parts: list[BackupPart]
    passphrase: str


class OpenBackup(Input):
    upload: Annotated[str, Meta(description="what PUT /uploads/file answered")]
    passphrase: str


class RestoreBackup(Input):
    """Without ``sections`` all of the configuration; ``map`` says which port of the backup is which port here."""

    id: str
    parts: list[BackupPart]
    sections: list[Section] | UnsetType = UNSET
    map: dict[str, str] | UnsetType = UNSET


class BackupPassphrase(Input):
    passphrase: str


class BackupLogin(Input):
    secret: Annotated[str, Meta(description="the share's password, or HQ's token; empty: forget it")]


class Problem(Output):
    """One thing to mend."""

    path: str
    message: str
    value: str
    remedy: str
    severity: Literal["error", "warning"]


class ErrorBody(Output):
    code: Literal[
        "invalid",
        "forbidden",
        "unauthenticated",
        "conflict",
        "not_found",
        "busy",
        "internal",
        "unavailable",
        "method_not_allowed",
        "too_large",
        "unsupported_media_type",
        "not_kept",
    ]
    message: str
    problems: list[Problem]


class Error(Output):
    """Every refusal has this shape."""

    error: ErrorBody


class Changed(Output):
    """``problems`` is what verification says now: errors would refuse a commit, warnings would not."""

    problems: list[Problem]


class Change(Output):
    path: str
    kind: Literal["add", "remove", "change"]
    before: Any
    after: Any


class Committed(Output):
    revision: int
    deadline_s: float | None
    warnings: list[str]


class Confirmed(Output):
    revision: int | None


class Revision(Output):
    id: int
    time: float
    author: str
    message: str
    confirmed: bool
    parent: int | None
    changes: int


class FullRevision(Revision):
    config: Config


class Document(Output):
    text: str


class BusinessPlace(Output):
    database: str  # empty: on the box
    timezone: str


class Identity(Output):
    user: str
    role: Role
    language: str
    kind: Literal["local", "session", "token"]
    business: BusinessPlace | None  # null while it is off


class KnownApplication(Output):
    id: str
    name_zh: str
    name_en: str
    category: str
    suspected: bool = False  # only ever told by behaviour


class Applications(Output):
    applications: list[KnownApplication]
    categories: list[str]


class LineTarget(Output):
    target: str
    kind: Literal["ping", "tcp", "dns", "http"]
    answered: bool  # in the last round
    last: float | None  # when it answered last
    delay_ms: float | None
    loss_percent: float | None  # of the last twenty rounds
    trouble: str  # what came instead of an answer


class Offload(Output):
    """Of the last minute or so: what went through the kernel's flowtable, and why nothing does."""

    obstacle: str | None
    connections: int
    offloaded: int
    share_percent: int | None  # of the bytes


class LineMonth(Output):
    """What a line with a cap has moved in its month, up and down together; looked at each minute."""

    used_bytes: int
    cap_bytes: int
    since: float
    until: float
    spent: bool  # until then it is used only when no other line works


class Line(Output):
    """``streak`` rounds in a row contradict the state; ``needed`` of them change it."""

    name: str
    number: int
    device: str
    enabled: bool
    up: bool
    state: Literal["waiting", "up", "failing", "down", "recovering"]
    streak: int
    needed: int
    reason: str
    targets: list[LineTarget]
    role: Literal["active", "backup"]
    draining: bool
    share_percent: int  # of the new connections that no rule binds to a line
    rtt_ms: float | None
    loss_percent: float | None  # of the last twenty rounds
    month: LineMonth | None  # of a line with a cap
    address: str | None
    gateway: str | None
    up_bps: int
    down_bps: int
    since: float | None
    offload: Offload


class SuggestedRates(Output):
    down_bps: int | None
    up_bps: int | None


class SpeedResult(Output):
    """``None``: not measured. Grades are by the delay that the busy line adds."""

    time: float
    down_bps: int | None
    up_bps: int | None
    idle_ms: float | None
    down_ms: float | None  # delay while downloads run
    up_ms: float | None
    down_grade: Literal["A+", "A", "B", "C", "D", "F"] | None
    up_grade: Literal["A+", "A", "B", "C", "D", "F"] | None
    grade: Annotated[Literal["A+", "A", "B", "C", "D", "F"] | None, Meta(description="of the worse way")]
    suggested: Annotated[SuggestedRates, Meta(description="for wans.NAME.down_bps and up_bps")]
    errors: Annotated[dict[str, str], Meta(description="why a way could not be measured: down, up")]


class LineSpeed(Output):
    line: str
    running: bool
    result: Annotated[SpeedResult | None, Meta(description="of the line itself, past the shaper")]
    shaped: Annotated[SpeedResult | None, Meta(description="of its upload, through the shaper")]


class Board(Output):
    name: str
    lights: Annotated[dict[str, bool], Meta(description="power, line, lan, alarm: whether it is there")]
    button: bool


class StartedTool(Output):
    id: int


class Finding(Output):
    key: str
    message: Annotated[str, Meta(description="in English, with places for params")]
    remedy: str
    params: dict[str, str]


class Shaped(Output):
    shaped: bool
    rate_bps: int
    used_bps: int
    congested: bool
    scale_percent: Annotated[int, Meta(description="what of every guarantee can be given")]
    active: Annotated[int, Meta(description="hosts that use it")]
    contenders: Annotated[int, Meta(description="hosts that want more than they are guaranteed")]


class ShapedLine(Output):
    name: str
    plantings: int
    up: Shaped
    down: Shaped


class ShareOfOne(Output):
    used_bps: int
    min_bps: int
    max_bps: int


class Share(Output):
    line: str
    key: str
    address: str
    host_name: str | None
    limit: Annotated[str, Meta(description="of qos.limits; * what everybody has, empty none")]
    up: ShareOfOne
    down: ShareOfOne


class Bandwidth(Output):
    enabled: bool
    running: bool
    queue: str
    hosts: int
    refused: int
    errors: int
    error: str
    lines: list[ShapedLine]
    shares: list[Share]


class Memory(Output):
    total: int
    available: int


class Fastpath(Output):
    alive: bool
    restarts: int
    packets: int
    decided: int
    dropped: int
    heartbeat_ms: int


class Port(Output):
    name: str
    mac: str
    carrier: bool


class Unit(Output):
    name: str
    running: bool
    restarts: int


class Status(Output):
    hostname: str
    version: str
    serial: str
    uptime_s: float
    time: float
    cpu_percent: float
    memory: Memory
    lines: list[Line]
    hosts_active: int
    flows: int
    connections: int
    fastpath: Fastpath
    pending: dict[str, Any] | None
    last_change: dict[str, Any] | None
    alarms: int
    blocked_today: int
    ports: list[Port]
    units: list[Unit]


class Use(Output):
    id: str
    up_bps: int
    down_bps: int


class SeenHost(Output):
    key: str
    address: str
    addresses: list[str]
    mac: str | None
    name: str | None
    groups: list[str]
    up_bps: int
    down_bps: int
    last_seen: float
    applications: list[Use]


class UnknownTraffic(Output):
    application: str
    protocol: str
    transport: str
    port: int
    site: str  # the registered part of the host's name, "" where none was seen
    host: str
    server: str
    flows: int
    up_bytes: int
    down_bytes: int
    hosts: list[str]
    opening: list[str]  # first bytes of client and server, in hexadecimal
    ja4: str
    confidence: int | None  # per cent, of what is only suspected


class Flow(Output):
    transport: str
    a: str
    b: str
    application: str
    protocol: str
    category: str
    host: str
    stage: str
    confidence: int | None  # per cent, where the stage is "behaviour"
    opening: list[str]  # first bytes of client and server, in hexadecimal; "" where they were not kept
    ja4: str
    action: Literal["allow", "block"]
    up_bytes: int
    down_bytes: int
    wan: str
    age_s: float


class HiddenPart(Output):
    kind: Literal["named", "nameless", "encrypted_dns", "tunnel", "suspected", "unknown"]
    bytes: int
    applications: list[str]


class OuterNames(Output):
    """Live connections whose true name is encrypted (ECH)."""

    connections: int
    bytes: int


class Posture(Output):
    parts: list[HiddenPart]
    ech: OuterNames
    levers: dict[str, bool]


class TriedFlow(Flow):
    sign: str  # which of the application's signs the connection has


class Database(Output):
    version: str
    source: Literal["firmware", "update"]
    applications: int
    previous: str | None  # what a rollback brings back


class Release(Output):
    """``first`` are serial numbers of boxes that take it by themselves before all others, which do from
    ``others_from`` on; ``None``: when it is published anew."""

    version: str
    board: str
    file: str
    size_bytes: int
    sha256: str
    notes: dict[str, str]  # by language
    first: list[str]
    others_from: int | None


class PublishedVersions(Output):
    time: float | None  # of the last look
    issued: float | None  # when the list was signed
    reason: str  # why the last look failed; a message whose %(name)s places params fill
    params: dict[str, str]
    newer: Release | None  # than what is running


class UpdateState(Output):
    available: bool  # false: this box was not started from an image
    running: str
    running_slot: Literal["A", "B"] | None
    phase: Literal[
        "idle", "waiting", "checking", "writing", "verifying", "ready", "restarting", "trying", "confirmed",
        "fell_back", "failed",
    ]  # fmt: skip
    version: str | None  # of the update
    slot: Literal["A", "B"] | None  # where it lies
    percent: int  # of writing or verifying
    reason: str  # a message whose %(name)s places params fill
    params: dict[str, str]
    waits_for: Literal["", "rsd", "configuration", "page", "lines"] | None  # while it is on trial
    time: float | None
    published: PublishedVersions | None  # where the configured address is a list of versions


class UpdateBegun(UpdateState):
    upload: str | None  # PUT the file there


class PrefixFacts(Output):
    ipv4: int  # prefixes
    ipv6: int
    addresses: int  # IPv4
    time: float | None
    source: str  # an address, or "" for a file
    sha256: str


class PrefixContents(PrefixFacts):
    name: str
    previous: PrefixFacts | None  # what a rollback brings back


class PrefixPreview(Output):
    facts: PrefixFacts
    added: int
    removed: int
    first_added: list[str]
    first_removed: list[str]


class Usage(Output):
    key: str
    name: str
    up_bytes: int
    down_bytes: int
    packets: int
    connections: int


class Series(Output):
    step_s: int
    t: list[int]
    up_bps: list[int]
    down_bps: list[int]


class Blocked(Output):
    time: float
    host: str
    application: str
    server: str
    policy: str
    count: int


class Alarm(Output):
    id: int
    time: float
    level: str
    message: str
    params: dict[str, str]


class Why(Output):
    groups: list[str]
    application: str
    policy: str | None
    action: Literal["allow", "block"]
    line_rule: str | None
    lines: list[str]
    steps: list[str]


class Token(Output):
    id: int
    name: str
    role: Role
    author: str
    time: float


class CreatedToken(Output):
    """``token`` is shown this once only."""

    id: int
    name: str
    role: Role
    token: str


class NewUpload(Output):
    """``address`` takes one file by PUT within the hour."""

    address: str
    max_bytes: int


class Upload(Output):
    upload: str


class MadeBackup(Output):
    id: str  # for GET /backup/files/{name}
    name: str
    bytes: int


class BackupPort(Output):
    name: str
    mac: str


class OpenedBackup(Output):
    """``ports`` are those that the backup's configuration speaks of; ``map`` is a proposal, and ``fits`` says that none
    is needed."""

    id: str
    product: str
    board: str
    hostname: str
    time: float
    parts: list[BackupPart]
    config_format: int
    ports: list[BackupPort]
    here: list[BackupPort]
    map: dict[str, str]
    fits: bool


class Along(Output):
    path: str
    because: str


class RestoredBackup(Output):
    """``waits``: the configuration is in the candidate; what belongs to it follows when that is committed."""

    problems: list[Problem]
    along: list[Along]
    waits: bool


class BackupDestination(Output):
    name: Literal["usb", "share", "hq"]
    wanted: bool
    has_login: bool
    time: float | None  # of the last one that is there
    file: str
    tried: float | None
    reason: str  # why the last try failed


class BusinessCompany(Output):
    name: str
    bytes: int
    users: Annotated[int, Meta(description="who have a role there")]
    modules: Annotated[dict[str, bool], Meta(description="whether each is on")]
    demo: Annotated[bool, Meta(description="the pages show the demo company")]


class BusinessState(Output):
    enabled: bool
    database: Literal["sqlite", "postgresql"]
    company: BusinessCompany | None


class BusinessPoint(Output):
    """What was looked at, of how much, and what is wrong."""

    name: Literal["file", "entries", "balances", "stock", "values"]
    count: int
    problems: list[str]


class BusinessCheck(Output):
    is_sound: bool
    points: list[BusinessPoint]


class AutomaticBackups(Output):
    has_passphrase: bool
    running: bool
    destinations: list[BackupDestination]
