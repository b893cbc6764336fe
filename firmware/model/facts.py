"""Facts of the box and of the moment, handed to ``verify`` and ``render`` so that both stay pure."""

from __future__ import annotations

from msgspec import Struct, field


class PortFact(Struct, frozen=True, kw_only=True):
    mac: str = ""
    mtu_max: int = 9216
    carrier: bool = True


class LineState(Struct, frozen=True, kw_only=True):
    """What a line has got (by DHCP, PPP, router advertisement or delegation) and whether it works now."""

    up: bool = False
    address: str | None = None  # with prefix length
    gateway: str | None = None
    dns: tuple[str, ...] = ()
    ipv6_address: str | None = None
    ipv6_gateway: str | None = None
    ipv6_prefix: str | None = None  # delegated


class PrefixFact(Struct, frozen=True, kw_only=True):
    """The contents of a prefix list: their digest, and how many prefixes of each family."""

    digest: str
    ipv4: int = 0
    ipv6: int = 0


class Signs(Struct, frozen=True, kw_only=True):
    """What the servers of an application of the database are known by before the first packet."""

    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


class Facts(Struct, frozen=True, kw_only=True):
    ports: dict[str, PortFact] = field(default_factory=dict)
    applications: dict[str, str] = field(default_factory=dict)  # id -> category, of the database
    database: str = ""  # its version
    signs: dict[str, Signs] = field(default_factory=dict)  # of those that line policies name
    prefix_lists: dict[str, PrefixFact] = field(default_factory=dict)  # those that have contents
    lines: dict[str, LineState] = field(default_factory=dict)  # by WAN
    spent_lines: frozenset[str] = frozenset()  # which have moved all of their month's bytes
    free_bps: dict[str, int] = field(default_factory=dict)  # down, by WAN, where connections are dealt out by it
    active_schedules: frozenset[str] = frozenset()
    ended_limits: frozenset[str] = frozenset()  # those of ``qos.limits`` whose time is over
    nft_queue: bool = True
    has_flowtable: bool = True
    can_set_clock: bool = True
    has_pppoe: bool = True
    passwords: frozenset[str] = frozenset()  # lines of which the secrets file has one
    has_backup_key: bool = True  # automatic backups can be encrypted
    web_argv: tuple[str, ...] = ()  # how to start the TLS front, empty when not installed
    policy_generation: int = 0  # 0..63, see docs/design/contracts.md
    fastpath_packets: int = 32  # of a flow that may be queued; rs-fastpath decides by the 8th that is
    queues: int = 1
