"""Quality of service: the shaper's configuration, and the rules that give each packet its class.

rs-shape (fastpath/src/shape.h) grows one HTB tree per line and direction and makes a host's class when it is first
seen; here is only what does not depend on who is there. The maps host4 and host6 are rs-shape's: their table is apart,
so that a change of other rules does not load it anew. Class 1:LNNN is the same in both directions, L being the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from firmware.features import limits, nft
from firmware.features.applications import CATEGORIES, custom_applications
from firmware.features.part import Part
from firmware.features.problems import problem, unknown
from firmware.features.topology import WAN_MASK, Line, bridge, lines
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import File, Unit
from firmware.model.problem import Problem

DOWN = "rs-down"  # the intermediate device of several LANs
SHAPE_CONF = "shape.conf"
SHAPE_STATE = "shape.json"
# A queue must form here and not at the provider, where nobody sorts it.
MARGIN_PERMILLE = 985
_FIRST, _OTHERS = 0xFFF, 0xFFE
_LANE, _LANE_FIRST = "0x000f0000", "0x00010000"
_LINE_BITS = f"ct mark and {WAN_MASK:#x}"
_JUST_DECIDED = "meta mark and 0xc0000000 == 0x80000000"  # contracts.md: the verdict is still in the packet's mark
# The speed test measures the line and not the shaper: HTB sends at once what has its own handle, and any class that
# we gave such a packet would put it into the tree again (daemon/speedtest.py).
_PAST_THE_TREE = "1:0"
_OWN_SMALL_BYTES = 256  # of the box's own packets: questions, answers to probes
_PRIORITIES = {"high": 2, "normal": 4, "low": 6}


def shaped_lines(config: Config, facts: Facts) -> tuple[Line, ...]:
    """The lines whose rates are known."""
    if not config.qos.enabled or not config.lans:
        return ()
    known = {name for name, wan in config.wans.items() if wan.up_bps and wan.down_bps}
    return tuple(line for line in lines(config, facts) if line.name in known)


def render(config: Config, facts: Facts) -> Part:
    shaped = shaped_lines(config, facts)
    if not shaped:
        return Part()
    return Part(
        nft_shape=_table(config, facts, shaped),
        files=(File(path=SHAPE_CONF, content=_shape_conf(config, facts, shaped), mode=0o600),),
        units=(
            Unit(
                name="rs-shape",
                argv=(
                    *("{build}/rs-shape", "--shm", "{run}/fastpath.shm"),
                    *("--config", f"{{run}}/{SHAPE_CONF}", "--state", f"{{run}}/{SHAPE_STATE}"),
                ),
                reload_on=(SHAPE_CONF,),
            ),
        ),
    )


# ---- rs-shape's configuration (the format: fastpath/src/shape_config.c) ----


def _shape_conf(config: Config, facts: Facts, shaped: Iterable[Line]) -> str:
    return "".join(f"{line}\n" for line in _conf_lines(config, facts, shaped))


def _conf_lines(config: Config, facts: Facts, shaped: Iterable[Line]) -> Iterator[str]:
    qos = config.qos
    lans = sorted(map(bridge, config.lans))
    yield "rs-shape 1"
    yield f"down {lans[0]}" if len(lans) == 1 else f"down {DOWN} {' '.join(lans)}"
    for line in shaped:
        wan = config.wans[line.name]
        yield f"line {line.number} {line.device} {_usable(wan.up_bps)} {_usable(wan.down_bps)}"
    if qos.smart.enabled:
        yield f"smart {qos.smart.full_percent} {qos.smart.max_delay_ms or 0}"
    if qos.priority.enabled:
        yield f"first {qos.priority.share_percent}"
    wanted = limits.in_force(config, facts)
    shared = [name for name, limit in wanted if limits.has_shared(limit)]
    for name, limit in wanted:
        if name in shared:
            rates = _four(*limits.rates(limit, "up", "shared_"), *limits.rates(limit, "down", "shared_"))
            yield f"group {name} {int(limit.always)} {rates}"
    for name, limit in wanted:
        group = shared.index(name) if name in shared else "-"
        rates = _four(*limits.rates(limit, "up"), *limits.rates(limit, "down"))
        yield f"limit {name} {group} {_PRIORITIES[limit.priority]} {int(limit.always)} {rates}"
    ranges, macs = limits.owners(config, [limit for _, limit in wanted])
    for owned in ranges:
        yield f"range {owned.first} {owned.last} {owned.limit}"
    for mac, number in macs:
        yield f"mac {mac} {number}"
    if wanted and limits.is_for_everybody(wanted[-1][1]):
        yield f"default {len(wanted) - 1}"


def _usable(rate_bps: int | None) -> int:
    return (rate_bps or 0) * MARGIN_PERMILLE // 1000


def _four(*rates: int | None) -> str:
    return " ".join(str(rate or 0) for rate in rates)


# ---- table inet rs_shape ----


def _table(config: Config, facts: Facts, shaped: tuple[Line, ...]) -> str:
    lans = ", ".join(nft.device(bridge(name)) for name in sorted(config.lans))
    own = ", ".join(f"{nft.device(line.device)} : {_class(line, _OTHERS)}" for line in shaped)
    counted = _counted(config, facts)
    chains = {
        "first": (f"meta priority set {_LINE_BITS} map {{ {_classes(shaped, _FIRST)} }}",),
        # Until a host's class is there it is one of the others.
        "others": (f"meta priority set {_LINE_BITS} map {{ {_classes(shaped, _OTHERS)} }}",),
        "up": (
            "jump others",
            f"meta priority set ip saddr . ({_LINE_BITS}) map @host4",
            f"meta priority set ip6 saddr . ({_LINE_BITS}) map @host6",
        ),
        "down": (
            "jump others",
            f"meta priority set ip daddr . ({_LINE_BITS}) map @host4",
            f"meta priority set ip6 daddr . ({_LINE_BITS}) map @host6",
        ),
        **_connection_chains(counted),
        "classify": (
            "type filter hook forward priority 10; policy accept;",
            *_connection_rules(config, counted, lans),
            f"{_LINE_BITS} == 0 return",
            *_first_rules(config),
            f"oifname {{ {lans} }} goto down",
            "goto up",
        ),
        "own": (
            "type filter hook output priority 10; policy accept;",
            f"meta priority {_PAST_THE_TREE} return",
            f"meta length > {_OWN_SMALL_BYTES} meta priority set oifname map {{ {own} }}",
        ),
    }
    sets = ("connections", *(f"counted{place}_" for place in range(len(counted))))
    bodies = (nft.chain(name, rules) for name, rules in chains.items())
    return _MAPS + "".join(_counters(name) for name in sets) + "".join(bodies)


_MAPS = (
    "map host4 { type ipv4_addr . mark : classid; }\n"
    "map host6 { type ipv6_addr . mark : classid; }\n"
)  # fmt: skip


def _counters(name: str) -> str:
    return "".join(
        f"set {name}{version} {{ type ipv{version}_addr; size 65535; flags dynamic; }}\n" for version in (4, 6)
    )


def _class(line: Line, slot: int) -> str:
    return f"1:{line.number << 12 | slot:x}"


def _classes(shaped: Iterable[Line], slot: int) -> str:
    return ", ".join(f"{nft.mark(line.mark)} : {_class(line, slot)}" for line in shaped)


def _first_rules(config: Config) -> Iterator[str]:
    priority = config.qos.priority
    if not priority.enabled:
        return
    if priority.rules:
        yield f"ct mark and {_LANE} == {_LANE_FIRST} goto first"
    if priority.packet_bytes:
        yield f"meta length <= {priority.packet_bytes} goto first"
    if priority.dscp:
        codes = ", ".join(f"{code:#04x}" for code in sorted(set(priority.dscp)))
        yield f"ip dscp {{ {codes} }} goto first"
        yield f"ip6 dscp {{ {codes} }} goto first"
    if priority.connection_bytes:
        yield f"ct bytes < {priority.connection_bytes} goto first"


# ---- how many connections an address may have ----


def _counted(config: Config, facts: Facts) -> dict[str, tuple[list[int], int]]:
    """Applications and categories whose connections are counted: their numbers, and how many are allowed."""
    elastic = config.qos.elastic
    if not elastic.enabled or not elastic.application_connections:
        return {}
    categories = [*facts.applications.items(), *((own.id, own.category) for own in custom_applications(config))]
    found: dict[str, tuple[list[int], int]] = {}
    # An application's own number before that of its category.
    counted = sorted(elastic.application_connections.items(), key=lambda item: (item[0] in CATEGORIES, item[0]))
    for name, most in counted:
        numbers = [n for n, (id_, category) in enumerate(categories, 1) if name in (id_, category)]
        found[name] = (numbers, most)
    return found


def _connection_chains(counted: dict[str, tuple[list[int], int]]) -> dict[str, tuple[str, ...]]:
    chains: dict[str, tuple[str, ...]] = {
        "refuse": (
            "meta l4proto tcp reject with tcp reset",
            "reject with icmpx admin-prohibited",
        ),
        # Its application is known only now that it is a connection: from here on it is refused like a blocked one.
        "too_many": (
            "ct mark set ct mark and 0xff0fffff or 0x00100000",
            "goto refuse",
        ),
    }
    for place, (_, most) in enumerate(counted.values()):
        chains[f"counted{place}"] = (
            f"add @counted{place}_4 {{ ct original ip saddr ct count over {most} }} goto too_many",
            f"add @counted{place}_6 {{ ct original ip6 saddr ct count over {most} }} goto too_many",
        )
    return chains


def _connection_rules(config: Config, counted: dict[str, tuple[list[int], int]], lans: str) -> Iterator[str]:
    most = config.qos.elastic.connections
    if config.qos.elastic.enabled and most:
        yield f"ct state new iifname {{ {lans} }} add @connections4 {{ ip saddr ct count over {most} }} goto refuse"
        yield f"ct state new iifname {{ {lans} }} add @connections6 {{ ip6 saddr ct count over {most} }} goto refuse"
    chain_by_number: dict[int, int] = {}
    for place, (numbers, _) in enumerate(counted.values()):
        for number in numbers:
            chain_by_number.setdefault(number, place)
    if chain_by_number:
        verdicts = ", ".join(f"{number:#x} : jump counted{place}" for number, place in sorted(chain_by_number.items()))
        yield f"{_JUST_DECIDED} ct mark and 0x00000fff vmap {{ {verdicts} }}"


# ---- verify ----


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems = limits.verify(config, facts)
    known = facts.applications.keys() | config.applications.keys() | set(CATEGORIES)
    for name in sorted(config.qos.elastic.application_connections):
        if name not in known:
            path = ("qos", "elastic", "application_connections", name)
            problems.append(unknown(*path, value=name, known=known, message="There is no application %(value)s."))
    if config.qos.enabled:
        problems += _verify_lines(config)
    return problems


def _verify_lines(config: Config) -> list[Problem]:
    problems = []
    wans = {name: wan for name, wan in sorted(config.wans.items()) if wan.enabled}
    for name, wan in wans.items():
        for key, rate in (("up_bps", wan.up_bps), ("down_bps", wan.down_bps)):
            if rate is None:
                message = "The rate of this line is not known, so it is not shaped."
                remedy = "Measure it by the speed test, or write what the provider promises."
                problems.append(problem("wans", name, key, message=message, remedy=remedy, severity="warning"))
    for way in ("up", "down"):
        known = {name: getattr(wan, f"{way}_bps") for name, wan in wans.items() if getattr(wan, f"{way}_bps")}
        if known:
            problems += _verify_minimums(config, way, known)
    return problems


def _verify_minimums(config: Config, way: str, rate_by_line: dict[str, int]) -> list[Problem]:
    """Guarantees that a line cannot give: one by one an error, together a warning that says what they come to."""
    slowest = min(rate_by_line, key=lambda name: rate_by_line[name])
    room = _usable(rate_by_line[slowest])
    problems = []
    total = 0
    for name, limit in sorted(config.qos.limits.items()):
        for key in (f"{way}_min_bps", f"shared_{way}_min_bps"):
            rate = getattr(limit, key)
            if rate is not None and rate > room:
                message = "Line %(line)s carries only %(most)s bit/s; nobody can be guaranteed %(value)s."
                remedy = "Guarantee less, or let these hosts use faster lines only."
                place = ("qos", "limits", name, key)
                problems.append(problem(*place, value=rate, message=message, remedy=remedy, line=slowest, most=room))
        total += getattr(limit, f"shared_{way}_min_bps") or 0 if limit.enabled else 0
    if total > room:
        message = "Together the groups are guaranteed %(value)s bit/s, but line %(line)s carries %(most)s."
        remedy = "When all of them are busy there each gets %(percent)s percent of its guarantee; lower some of them."
        percent = room * 100 // total
        params = {"line": slowest, "most": room, "percent": percent}
        problems.append(
            problem("qos", "limits", value=total, message=message, remedy=remedy, severity="warning", **params)
        )
    return problems
