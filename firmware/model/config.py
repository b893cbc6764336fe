"""The typed configuration: what a person said, nothing derived.

Every named collection is a mapping from identifier to object, so that a path such as
``policies.no-games.action`` names one value everywhere: in problems, ``rsctl set``, REST and differences.
Structures are frozen; an unknown key is an error; absent is ``None``, never 0 or ``""``.
Addresses stay text here (``features.verify`` reads them by ``values.py``), rates are bits per second,
times of day are ``HH:MM`` in the site's zone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

FORMAT = 1
PREFIX_LINES_MAX, PREFIX_BYTES_MAX = 200_000, 4 << 20  # of the contents of a prefix list

# Python's "$" also matches before a final newline, which must not get into files and rulesets.
Identifier = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$(?!\n)")]
Device = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,15}$(?!\n)")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Role = Literal["owner", "admin", "department_manager", "clerk", "worker", "auditor", "hq"]
Language = Literal["zh", "en"]
Bps = Annotated[int, Meta(ge=8_000, le=400_000_000_000)]  # bits per second
MonthlyBytes = Annotated[int, Meta(ge=1_000_000, le=10**18)]
BackupPart = Literal["configuration", "applications", "prefixes", "statistics", "business"]
Service = Literal["dhcp", "dns", "ntp", "ping", "ssh", "web"]


class Node(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of every configuration structure."""


class System(Node, frozen=True):
    hostname: str = "rs-router"
    timezone: str = "Asia/Shanghai"
    language: Language = "zh"
    ntp_servers: tuple[str, ...] = ("ntp.aliyun.com", "ntp.tencent.com")
    headquarters: str | None = None  # address of whoever looks after many boxes, https://...


class Interface(Node, frozen=True):
    """A port of the box; the key is the kernel's device name."""

    description: str = ""
    enabled: bool = True
    mtu: Annotated[int, Meta(ge=576, le=9216)] | None = None
    mac: str | None = None


class Reservation(Node, frozen=True):
    mac: str
    address: str


class Dhcp(Node, frozen=True):
    """DHCPv4 on a LAN; ``start`` and ``end`` bound the pool, both inclusive."""

    enabled: bool = True
    start: str | None = None
    end: str | None = None
    lease_s: Annotated[int, Meta(ge=120, le=2_592_000)] = 43_200
    reservations: dict[Identifier, Reservation] = field(default_factory=dict)


class Lan(Node, frozen=True):
    """A bridge of ports with the router's address in it; ``subnet_id`` picks its /64 of a delegated prefix."""

    ports: tuple[Device, ...]
    address: str
    zone: Identifier = "lan"
    ipv6: bool = True
    subnet_id: Annotated[int, Meta(ge=0, le=65535)] = 0
    dhcp: Dhcp = field(default_factory=Dhcp)


class Health(Node, frozen=True):
    """How a line is watched: a round of questions each ``interval_ms``; ``fall`` rounds without an answer and it is
    down, ``rise`` rounds with one and it is up again. A line that loses or delays more than the limits is down too.

    ``require``: ``any`` answer proves it, or one to each kind of question that is asked (``all_kinds``), so that a line
    which passes pings and nothing else is found dead. ``health_targets`` of the line are as ``targets.py`` reads them.
    """

    require: Literal["any", "all_kinds"] = "any"
    interval_ms: Annotated[int, Meta(ge=200, le=5000)] = 1000
    fall: Annotated[int, Meta(ge=1, le=20)] = 3
    rise: Annotated[int, Meta(ge=1, le=20)] = 2
    max_loss_percent: Annotated[int, Meta(ge=1, le=99)] | None = None
    max_delay_ms: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class Wan(Node, frozen=True):
    """A line to the internet. ``number`` is its place in the mark plan (ct mark bits 12-15) and never changes.

    ``vlan`` is the 802.1Q tag that the line has on its port, ``vlan_priority`` the 802.1p class of what is sent.
    A line that is dialled (``pppoe``) has the account ``username``; its password is in the secrets file, not here.
    ``service_name`` and ``ac_name`` choose among several servers. ``mtu`` is of a line with a device of its own (VLAN,
    PPPoE); a port's is said at the port.

    A ``backup`` line gets connections only while no other works. ``draining``: connections in use stay, new ones go
    elsewhere, so that it can be unplugged. ``monthly_bytes`` is what may be moved, up and down together, from midnight
    of each month's ``billing_day`` on; a line that has spent it is used only when no other works.
    """

    interface: Device
    number: Annotated[int, Meta(ge=1, le=7)]
    protocol: Literal["static", "dhcp", "pppoe"] = "dhcp"
    enabled: bool = True
    zone: Identifier = "wan"
    vlan: Annotated[int, Meta(ge=1, le=4094)] | None = None
    vlan_priority: Annotated[int, Meta(ge=0, le=7)] | None = None
    mtu: Annotated[int, Meta(ge=576, le=9216)] | None = None
    username: str | None = None
    service_name: str | None = None
    ac_name: str | None = None
    address: str | None = None
    gateway: str | None = None
    dns: tuple[str, ...] = ()
    ipv6: Literal["off", "dhcp", "static"] = "dhcp"
    ipv6_address: str | None = None
    ipv6_gateway: str | None = None
    ipv6_prefix: str | None = None
    weight: Annotated[int, Meta(ge=1, le=100)] = 1
    health_targets: tuple[str, ...] = ()
    health: Health = field(default_factory=Health)
    role: Literal["active", "backup"] = "active"
    draining: bool = False
    up_bps: Bps | None = None  # what the line really carries; without it the line is not shaped
    down_bps: Bps | None = None
    monthly_bytes: MonthlyBytes | None = None
    billing_day: Annotated[int, Meta(ge=1, le=28)] = 1
    isp: Annotated[str, Meta(max_length=32)] = ""
    offload: bool = True  # what is decided goes past the rules, where the kernel can and nothing of the line is shaped


class Balance(Node, frozen=True):
    """How new connections are dealt out to the lines: by ``weight``, by ``rate`` (``down_bps``), or by what is ``free``
    of it now; the last only while nothing sticks, else it is as by rate.

    ``sticky``: ``no`` deals each anew; ``host`` keeps all of a host's on one line; ``server`` those of a host to one
    server; ``site`` those of a host to all servers of a site (``example.com``), so that a bank sees one address. When a
    line fails only what was on it moves.
    """

    sticky: Literal["no", "host", "server", "site"] = "no"
    by: Literal["weight", "rate", "free"] = "weight"


class PrefixList(Node, frozen=True):
    """Networks of a provider, say; the contents are imported and are no configuration (firmware/daemon/prefixes.py).

    ``sha256``: only a file with this hash is taken. ``daily``: what lies at ``url`` is fetched every day.
    """

    url: str = ""
    sha256: str = ""
    daily: bool = False
    description: str = ""


class LineGroup(Node, frozen=True):
    """Lines bound into one, those of one provider say: what a policy gives to the group is shared among those of its
    lines that work, as all connections are among all lines."""

    lines: tuple[Identifier, ...]
    description: str = ""


class LinePolicy(Node, frozen=True):
    """New connections leave by the first of ``lines`` (or groups of lines) that works; the policy of the lowest
    ``position`` decides.

    A policy matches when every kind that is given does: who (``groups``), where to (``prefix_lists``,
    ``applications``, ``domains``), ``ports`` (``"tcp/443"``, ``"udp/5000-5010"``), ``dscp`` (``"ef"``, ``"46"``);
    within a kind any will do. When no line of it works the next policy is asked, or, with ``strict``, the connection
    goes nowhere; and never by IPv6, whose addresses are the hosts' own.

    With ``router`` it is for what the router itself opens (tunnels, updates) and not for the hosts'.
    """

    position: Annotated[int, Meta(ge=1, le=1_000_000)]
    lines: tuple[Identifier, ...]
    groups: tuple[Identifier, ...] = ()
    prefix_lists: tuple[Identifier, ...] = ()
    applications: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    dscp: tuple[str, ...] = ()
    router: bool = False
    strict: bool = False
    enabled: bool = True
    description: str = ""


class Zone(Node, frozen=True):
    """Who may reach what: the box's own services from here, and the zones that traffic from here may enter."""

    services: tuple[Service, ...] = ()
    forward_to: tuple[Identifier, ...] = ()
    masquerade: bool = False


class PortForward(Node, frozen=True):
    """Connections from outside to ``ports`` (``"443"`` or ``"8000-8010"``) of a WAN go to a LAN address."""

    ports: str
    to_address: str
    to_port: Port | None = None
    protocol: Literal["tcp", "udp", "both"] = "tcp"
    wan: Identifier | None = None
    enabled: bool = True
    description: str = ""


class Dns(Node, frozen=True):
    """Name service for the LANs; without ``upstreams`` the lines' own servers are asked.

    ``redirect``: questions to other servers are answered here. ``canary``: browsers and phones are told not to take
    encrypted ways round it. ``hide_ech_keys``: sites' keys for encrypting their name are left out of the answers.
    """

    domain: str = "lan"
    upstreams: tuple[str, ...] = ()
    records: dict[str, str] = field(default_factory=dict)
    rebind_protection: bool = True
    redirect: bool = False
    canary: bool = False
    hide_ech_keys: bool = False


class Host(Node, frozen=True):
    """A device that a person gave a name; its MAC says which one it is."""

    mac: str
    name: Annotated[str, Meta(min_length=1, max_length=64)]


class Group(Node, frozen=True):
    """Hosts: addresses, ranges ``a-b``, networks ``a/n`` of either family, and MACs."""

    members: tuple[str, ...] = ()
    description: str = ""


class Window(Node, frozen=True):
    """Days and a span of time on them; ``end`` before ``start`` runs past midnight, ``"24:00"`` is allowed as end."""

    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    start: str = "00:00"
    end: str = "24:00"


class Schedule(Node, frozen=True):
    windows: tuple[Window, ...]
    description: str = ""


class Pattern(Node, frozen=True):
    """Bytes at an offset of a flow's first payload: ``hex`` such as ``16 03 ?? 01``, ``??`` stands for any byte."""

    transport: Literal["tcp", "udp"]
    hex: str
    offset: Annotated[int, Meta(ge=0, le=1023)] = 0
    length: Annotated[int, Meta(ge=1, le=65535)] | None = None  # of the whole payload


class Application(Node, frozen=True):
    """An application the admin made, beside those of the database."""

    name_zh: str
    name_en: str
    category: Identifier
    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()


class Recognition(Node, frozen=True):
    """Updates of the application database: from where, and whose signature counts.

    ``publishers`` are names and Ed25519 public keys (32 bytes in base64).
    """

    publishers: dict[Identifier, str] = field(default_factory=dict)
    update_url: str = ""
    update_daily: bool = False


class Update(Node, frozen=True):
    """Updates of the firmware by themselves: from where, and between which hours the box may start again for them."""

    url: str = ""
    daily: bool = False
    restart_from: str = "03:00"
    restart_until: str = "05:00"


class Policy(Node, frozen=True):
    """Group x application or category x schedule -> action. The lowest ``position`` that matches decides.

    No groups means everybody; no applications and no categories means all traffic; no schedule means always.
    ``except_groups`` and ``except_applications`` are exceptions: what they name is passed on to the next policy.
    """

    position: Annotated[int, Meta(ge=1, le=1_000_000)]
    action: Literal["allow", "block"]
    groups: tuple[Identifier, ...] = ()
    except_groups: tuple[Identifier, ...] = ()
    applications: tuple[str, ...] = ()
    categories: tuple[Identifier, ...] = ()
    except_applications: tuple[str, ...] = ()
    schedule: Identifier | None = None
    enabled: bool = True
    description: str = ""


class Limit(Node, frozen=True):
    """What hosts may use of a line: each for itself, and, by ``shared``, all together. The lowest ``position`` counts.

    Hosts are those of ``groups`` and ``hosts`` (addresses, ranges, networks, MACs); none of both means everybody. A
    minimum is guaranteed on each line, as far as the minimums of all who are active fit on it. ``priority``: who gets
    first what is left over. Smart QoS lets maximums rest while a line is idle, but not those that are ``always``.
    """

    position: Annotated[int, Meta(ge=1, le=1_000_000)]
    groups: tuple[Identifier, ...] = ()
    hosts: tuple[str, ...] = ()
    up_min_bps: Bps | None = None
    up_max_bps: Bps | None = None
    down_min_bps: Bps | None = None
    down_max_bps: Bps | None = None
    shared_up_min_bps: Bps | None = None
    shared_up_max_bps: Bps | None = None
    shared_down_min_bps: Bps | None = None
    shared_down_max_bps: Bps | None = None
    priority: Literal["high", "normal", "low"] = "normal"
    always: bool = False
    schedule: Identifier | None = None
    until: str | None = None
    enabled: bool = True
    description: str = ""


class Smart(Node, frozen=True):
    """Maximums hold only while a line is congested: ``full_percent`` of its rate is used, or its delay is above
    ``max_delay_ms``, and at least two hosts want more than they are guaranteed."""

    enabled: bool = True
    full_percent: Annotated[int, Meta(ge=50, le=99)] = 92
    max_delay_ms: Annotated[int, Meta(ge=5, le=10_000)] | None = None


class Elastic(Node, frozen=True):
    """What every LAN address gets for which no limit is made, and how many connections it may have: in all, and by
    application or category."""

    enabled: bool = False
    up_min_bps: Bps | None = None
    up_max_bps: Bps | None = None
    down_min_bps: Bps | None = None
    down_max_bps: Bps | None = None
    connections: Annotated[int, Meta(ge=10, le=60_000)] | None = None
    application_connections: dict[str, Annotated[int, Meta(ge=1, le=60_000)]] = field(default_factory=dict)


class PriorityRule(Node, frozen=True):
    """What goes first on every line: applications and categories of hosts in groups. The lowest ``position`` counts.

    No groups means everybody; no applications and no categories means all traffic. ``normal`` makes an exception.
    """

    position: Annotated[int, Meta(ge=1, le=1_000_000)]
    lane: Literal["first", "normal"] = "first"
    groups: tuple[Identifier, ...] = ()
    except_groups: tuple[Identifier, ...] = ()
    applications: tuple[str, ...] = ()
    categories: tuple[Identifier, ...] = ()
    except_applications: tuple[str, ...] = ()
    enabled: bool = True
    description: str = ""


class Priority(Node, frozen=True):
    """Traffic that goes first, up to ``share_percent`` of a line: by rule, by size of packets, by DSCP, and the first
    bytes of every connection (both directions together)."""

    enabled: bool = True
    share_percent: Annotated[int, Meta(ge=10, le=90)] = 50
    packet_bytes: Annotated[int, Meta(ge=40, le=1500)] | None = 128
    connection_bytes: Annotated[int, Meta(ge=1000, le=1_000_000)] | None = None
    dscp: tuple[Annotated[int, Meta(ge=0, le=63)], ...] = (46,)  # EF, RFC 3246: telephones
    rules: dict[Identifier, PriorityRule] = field(default_factory=dict)


class Qos(Node, frozen=True):
    """Who gets how much of the lines: four ways that work together, on every line whose rates are known."""

    enabled: bool = False
    limits: dict[Identifier, Limit] = field(default_factory=dict)
    smart: Smart = field(default_factory=Smart)
    elastic: Elastic = field(default_factory=Elastic)
    priority: Priority = field(default_factory=Priority)


class SpeedTest(Node, frozen=True):
    """The server that a line's speed is measured with, on demand only: what is fetched, and where to is posted.

    One of the line's own provider measures the line alone; one further out measures the way there too.
    """

    download_url: str = "https://speed.cloudflare.com/__down?bytes=200000000"
    upload_url: str = "https://speed.cloudflare.com/__up"


class Backup(Node, frozen=True):
    """Backups that make themselves, at ``hour`` of the site's clock; ``keep`` of them stay at each place but HQ, which
    keeps what it likes. ``share_url`` is a share of Windows (``smb://``) or a folder of WebDAV. Passphrase, password
    and token are in the secrets file.
    """

    every: Literal["never", "daily", "weekly"] = "never"
    day: Day = "sun"
    hour: Annotated[int, Meta(ge=0, le=23)] = 3
    parts: tuple[BackupPart, ...] = ("configuration", "applications", "prefixes", "business")
    keep: Annotated[int, Meta(ge=1, le=100)] = 7
    usb: bool = False
    share_url: str = ""
    share_user: Annotated[str, Meta(max_length=64)] = ""
    hq_url: str = ""


class Business(Node, frozen=True):
    """The business pages on the same box. ``database`` is a PostgreSQL URL without a password; empty is the box's own
    SQLite file in the state directory.
    """

    enabled: bool = False
    database: Annotated[str, Meta(max_length=200)] = ""


class User(Node, frozen=True):
    """Who may log in; the password's hash and the tokens live in the secrets file, not here."""

    role: Role
    full_name: str = ""
    language: Language | None = None
    enabled: bool = True


class Config(Node, frozen=True):
    format: int = FORMAT
    system: System = field(default_factory=System)
    interfaces: dict[Device, Interface] = field(default_factory=dict)
    lans: dict[Identifier, Lan] = field(default_factory=dict)
    wans: dict[Identifier, Wan] = field(default_factory=dict)
    balance: Balance = field(default_factory=Balance)
    prefix_lists: dict[Identifier, PrefixList] = field(default_factory=dict)
    line_groups: dict[Identifier, LineGroup] = field(default_factory=dict)
    line_policies: dict[Identifier, LinePolicy] = field(default_factory=dict)
    qos: Qos = field(default_factory=Qos)
    zones: dict[Identifier, Zone] = field(default_factory=dict)
    port_forwards: dict[Identifier, PortForward] = field(default_factory=dict)
    dns: Dns = field(default_factory=Dns)
    hosts: dict[Identifier, Host] = field(default_factory=dict)
    groups: dict[Identifier, Group] = field(default_factory=dict)
    schedules: dict[Identifier, Schedule] = field(default_factory=dict)
    applications: dict[Identifier, Application] = field(default_factory=dict)
    policies: dict[Identifier, Policy] = field(default_factory=dict)
    recognition: Recognition = field(default_factory=Recognition)
    update: Update = field(default_factory=Update)
    speed_test: SpeedTest = field(default_factory=SpeedTest)
    backup: Backup = field(default_factory=Backup)
    business: Business = field(default_factory=Business)
    users: dict[Identifier, User] = field(default_factory=dict)
