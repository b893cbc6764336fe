"""The Plan: everything that applying a configuration does to the box, as plain data.

``features`` produce it, ``engine`` compares two of them, ``kernel`` carries the difference out.
Pure and deterministic: the same configuration and facts give the same bytes.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field


class NftSet(Struct, frozen=True, kw_only=True, order=True):
    """A set or map of table ``inet rs``. Changing only ``elements`` reloads no rules.

    With ``elements_file`` (below the state directory, a prefix a line) its contents are loaded from there, those of
    one ``family``; the name tells contents apart. With ``timeout_s`` others fill it. Both outlive a reload of rules.
    """

    name: str
    kind: Literal["set", "map", "vmap"]
    type: str  # nft's own words: "ipv4_addr", "ipv4_addr : verdict", "mark . inet_service"
    flags: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    elements_file: str = ""
    family: Literal[4, 6] = 4
    timeout_s: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether the contents are more than the Plan says."""
        return bool(self.elements_file or self.timeout_s)


class Link(Struct, frozen=True, kw_only=True, order=True):
    """A network device. ``kind`` "port" exists already; "bridge" and "vlan" are made; "ppp" comes with its session.

    A VLAN has the ``vlan`` of its ``parent``, which is a port, and sends in the 802.1p class ``priority``.
    ``addresses`` is the whole list wanted.
    """

    name: str
    kind: Literal["port", "bridge", "vlan", "ppp"]
    up: bool = True
    mtu: int | None = None
    mac: str | None = None
    master: str | None = None
    addresses: tuple[str, ...] = ()
    parent: str | None = None
    vlan: int | None = None
    priority: int | None = None


class Route(Struct, frozen=True, kw_only=True, order=True):
    """``to`` is a network (``0.0.0.0/0``, ``::/0`` for the default); ``table`` 254 is main."""

    to: str
    table: int
    device: str = ""
    via: str | None = None
    metric: int = 0
    kind: Literal["unicast", "unreachable", "blackhole"] = "unicast"


class Rule(Struct, frozen=True, kw_only=True, order=True):
    """An ip rule: by mark and mask, by source, or plain; to a table. ``family`` is 4 or 6."""

    priority: int
    family: Literal[4, 6]
    table: int
    mark: int | None = None
    mask: int | None = None
    source: str | None = None
    suppress_prefixlength: int | None = None


class File(Struct, frozen=True, kw_only=True, order=True):
    """A file below the run directory that a service reads; ``path`` is relative to it.

    ``{run}`` ``{state}`` ``{lib}`` ``{static}`` in ``content`` stand for the directories, as in ``Unit.argv``.
    """

    path: str
    content: str
    mode: int = 0o644


class Unit(Struct, frozen=True, kw_only=True, order=True):
    """A process that rsd keeps alive.

    ``{run}`` ``{state}`` ``{lib}`` (own programs) and ``{static}`` (the page's files) in ``argv`` stand for the
    directories. A change of ``argv`` or of a file in ``restart_on`` restarts it; of one in ``reload_on`` sends it
    ``reload_signal``.
    """

    name: str
    argv: tuple[str, ...]
    restart_on: tuple[str, ...] = ()
    reload_on: tuple[str, ...] = ()
    reload_signal: str = "HUP"


class PolicyGroup(Struct, frozen=True, kw_only=True, order=True):
    """Hosts of one group: inclusive address ranges (first, last; either family) and MACs, sorted."""

    name: str
    ranges: tuple[tuple[str, str], ...] = ()
    macs: tuple[str, ...] = ()


class PolicyRow(Struct, frozen=True, kw_only=True):
    """A policy in force now. Group numbers index ``FastpathTables.groups``; no groups means everybody.

    ``applications`` empty and ``categories`` empty means all traffic.
    """

    name: str
    action: Literal["allow", "block", "normal", "first"]  # the last two in ``FastpathTables.lanes``
    groups: tuple[int, ...] = ()
    except_groups: tuple[int, ...] = ()
    applications: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    except_applications: tuple[str, ...] = ()


class CustomPattern(Struct, frozen=True, kw_only=True, order=True):
    """As :class:`firmware.model.config.Pattern`, the hexadecimal text without blanks; ``length`` 0: any."""

    transport: str
    hex: str
    offset: int
    length: int


class CustomApplication(Struct, frozen=True, kw_only=True, order=True):
    id: str
    name_zh: str
    name_en: str
    category: str
    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    ports: tuple[tuple[int, int], ...] = ()  # inclusive
    patterns: tuple[CustomPattern, ...] = ()


class FastpathTables(Struct, frozen=True, kw_only=True):
    """What the fastpath decides by: rows in order, first match wins; ``local_networks`` are the LANs' own."""

    groups: tuple[PolicyGroup, ...] = ()
    rows: tuple[PolicyRow, ...] = ()
    lanes: tuple[PolicyRow, ...] = ()  # what goes first on a line
    local_networks: tuple[str, ...] = ()
    applications: tuple[CustomApplication, ...] = ()
    block_page_url: str = ""
    database: str = ""  # version of the application database


class Plan(Struct, frozen=True, kw_only=True):
    nft_rules: str = ""  # body of table inet rs without the sets: chains only
    nft_sets: tuple[NftSet, ...] = ()
    nft_shape: str = ""  # body of table inet rs_shape, whose maps rs-shape fills; empty: no such table
    nft_offload: str = ""  # body of table inet rs_offload; empty: no such table
    queue_by_iptables: bool = False  # the kernel lacks nft's queue statement
    links: tuple[Link, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict)  # path below /proc/sys -> value
    files: tuple[File, ...] = ()
    units: tuple[Unit, ...] = ()
    fastpath: FastpathTables = field(default_factory=FastpathTables)
    hostname: str = ""
    timezone: str = ""
