"""How new connections are dealt out among lines: one map of slots, and what chooses the slot.

``shares.py`` says how many slots a line has; ``balance.sticky`` what stays together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from math import gcd

from firmware.features import nft
from firmware.features.shares import weighted
from firmware.features.topology import Line, usable
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import NftSet

_SEED = "seed 0x52532d31"
_BY_SERVER = f"jhash ip saddr . ip daddr mod {{count}} {_SEED}"
# What is asked in turn; a condition that fails leaves it to the next.
_STICKY = {
    "no": (("", "numgen inc mod {count}"),),
    "host": (("", f"jhash ip saddr mod {{count}} {_SEED}"),),
    "server": (("", _BY_SERVER),),
    "site": (("meta mark != 0", f"jhash ip saddr . meta mark mod {{count}} {_SEED}"), ("ct mark 0", _BY_SERVER)),
}
# The fastpath tells the site of a server (fastpath/src/sites.h); what is used stays known. The line's mark comes later.
_FIND_SITE = "meta mark set ip daddr map @site4 update @site4 { ip daddr : meta mark }"
_SITE_KEPT_S = 3600


def deal(config: Config, facts: Facts, among: Sequence[Line]) -> tuple[str, ...]:
    """The rules that deal new IPv4 flows out among lines by their shares, over those that work; none when none does."""
    sticky = config.balance.sticky
    takers = weighted(config, facts, usable(among))
    if not takers:
        return ()
    if len(takers) == 1:
        return (f"meta nfproto ipv4 ct mark set {nft.mark(takers[0].mark)}",)
    if sticky == "no":
        slots = _in_turn(takers)
    else:
        # A line that is down, drained or spent keeps its slots: it comes back.
        taking = {line.name for line in takers}
        away = [line for line in among if line.name not in taking and config.wans[line.name].role == "active"]
        known = sorted([*takers, *weighted(config, facts, away)], key=lambda line: line.number)
        slots = _slots(known, takers)
    ways = f"map {{ {', '.join(_runs(slots))} }}"
    found = [
        " ".join(("meta nfproto ipv4", *condition.split(), "ct mark set", key.format(count=len(slots)), ways))
        for condition, key in _STICKY[sticky]
    ]
    return (_FIND_SITE, *found) if sticky == "site" else tuple(found)


def _by_weight(lines_: Sequence[Line]) -> list[Line]:
    """Each line as often as it weighs."""
    return [line for line in lines_ for _ in range(line.weight)]


def _in_turn(takers: Sequence[Line]) -> list[Line]:
    """Each line as often as it weighs, well mixed: a page's connections come together, and numgen begins with the first
    slot again whenever the rules change."""
    turns, due = [], dict.fromkeys(takers, 0)
    total = sum(line.weight for line in takers)
    for _ in range(total // gcd(*(line.weight for line in takers))):
        for line in takers:
            due[line] += line.weight
        most = max(takers, key=due.__getitem__)
        due[most] -= total
        turns.append(most)
    return turns


def _slots(known: Sequence[Line], takers: Sequence[Line]) -> list[Line]:
    """Slots of all lines, also of those that are down: theirs are dealt out among the others, so that nobody whose line
    works is moved when another fails or comes back."""
    share = itertools.cycle(_by_weight(takers))
    return [line if line in takers else next(share) for line in _by_weight(known)]


def _runs(slots: Sequence[Line]) -> list[str]:
    """Map elements of equal neighbours."""
    runs, first = [], 0
    for line, group in itertools.groupby(slots):
        last = first + len(list(group)) - 1
        runs.append(f"{first} : {nft.mark(line.mark)}" if first == last else f"{first}-{last} : {nft.mark(line.mark)}")
        first = last + 1
    return runs


def site_sets(config: Config) -> Iterator[NftSet]:
    """The map that the fastpath fills."""
    if config.balance.sticky == "site":
        flags = ("dynamic", "timeout")
        yield NftSet(name="site4", kind="map", type="ipv4_addr : mark", flags=flags, timeout_s=_SITE_KEPT_S)
