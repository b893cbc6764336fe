"""The lines as one picture: how each stands, what it takes, has and carries, and all of it in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any, Literal, NamedTuple

from firmware.model.config import Wan
from webui import words
from webui.figures import rate
from webui.i18n import gettext, marked, ngettext

Place = Literal["takes", "backup", "drained", "spent", "idle", "testing", "dead", "off"]

SHARING = {
    2: marked("Two lines share"),
    3: marked("Three lines share"),
    4: marked("Four lines share"),
    5: marked("Five lines share"),
    6: marked("Six lines share"),
    7: marked("Seven lines share"),
}
ORDER: tuple[Place, ...] = ("backup", "drained", "spent", "idle", "testing", "dead", "off")
# The kind of sign and its words; the others say the line's own state.
STATES: dict[Place, tuple[str, str]] = {
    "backup": ("idle", marked("backup")),
    "drained": ("warn", marked("is being drained")),
    "spent": ("warn", marked("month is spent")),
    "idle": ("idle", marked("waits")),
    "off": ("idle", marked("switched off")),
}


class Load(NamedTuple):
    """One direction of a line: the bar is filled to ``percent``, and ``whole`` says of what."""

    arrow: str
    rate_bps: int
    percent: int
    whole: str


class Pipe(NamedTuple):
    """A line as it is drawn; one that does not work has neither loads nor figures."""

    name: str
    provider: str
    look: str  # takes, waits, dead or off
    sign: str  # ok, warn, bad or idle
    state: str
    why: str
    loads: tuple[Load, ...]
    does: str
    quality: str


class Picture(NamedTuple):
    sentence: str
    hosts: int  # that are active
    down_bps: int
    up_bps: int
    pipes: tuple[Pipe, ...]


def drawn(status: Mapping[str, Any], wans: Mapping[str, Wan]) -> Picture:
    """The picture of rsd's ``status``; ``wans`` are the lines of the configuration in force."""
    rows = status["lines"]
    return Picture(
        sentence=_sentence(rows),
        hosts=status["hosts_active"],
        down_bps=sum(row["down_bps"] for row in rows),
        up_bps=sum(row["up_bps"] for row in rows),
        pipes=tuple(_pipe(row, rows, wans.get(row["name"])) for row in rows),
    )


def _place(row: Mapping[str, Any]) -> Place:
    """What a line is to new connections."""
    if not row["enabled"]:
        return "off"
    if not row["up"]:
        return "testing" if row["state"] == "waiting" else "dead"
    if row["share_percent"]:
        return "takes"
    if row["draining"]:
        return "drained"
    if row["month"] and row["month"]["spent"]:
        return "spent"
    return "backup" if row["role"] == "backup" else "idle"


def _sentence(rows: list[dict[str, Any]]) -> str:
    places: dict[Place, list[str]] = {}
    for row in rows:
        places.setdefault(_place(row), []).append(row["name"])
    takers = places.pop("takes", [])
    if not takers:
        parts = [gettext("No line takes new connections")]
    elif len(takers) == 1:
        parts = [gettext("%(line)s takes all new connections") % {"line": takers[0]}]
    else:
        parts = [gettext(SHARING[len(takers)])]
    parts += [_others(place, places[place]) for place in ORDER if place in places]
    return gettext("%(sentence)s.") % {"sentence": gettext("; ").join(parts)}


def _others(place: Place, names: list[str]) -> str:
    """Those that take nothing, and why."""
    count = len(names)
    said = {
        "backup": ngettext("%(lines)s waits as a backup", "%(lines)s wait as backups", count),
        "drained": ngettext("%(lines)s is being drained", "%(lines)s are being drained", count),
        "spent": ngettext("%(lines)s has spent its month", "%(lines)s have spent their month", count),
        "idle": ngettext("%(lines)s takes nothing", "%(lines)s take nothing", count),
        "testing": ngettext("%(lines)s is being tested", "%(lines)s are being tested", count),
        "dead": ngettext("%(lines)s does not work", "%(lines)s do not work", count),
        "off": ngettext("%(lines)s is switched off", "%(lines)s are switched off", count),
    }
    return said[place] % {"lines": words.listed(names)}


def _pipe(row: dict[str, Any], rows: list[dict[str, Any]], wan: Wan | None) -> Pipe:
    place = _place(row)
    is_up = bool(row["enabled"] and row["up"])
    sign, state = _state(place, row)
    loads = (
        _load("down", row, rows, wan.down_bps if wan else None),
        _load("up", row, rows, wan.up_bps if wan else None),
    )
    return Pipe(
        name=row["name"],
        provider=wan.isp if wan else "",
        look=place if place in ("takes", "dead", "off") else "waits",
        sign=sign,
        state=state,
        why=_why(place, row),
        loads=loads if is_up else (),
        does=_does(row, rows) if is_up else "",
        quality=_quality(row) if is_up else "",
    )


def _state(place: Place, row: dict[str, Any]) -> tuple[str, str]:
    if place in STATES:
        sign, state = STATES[place]
        return sign, gettext(state)
    sign = {"takes": "ok", "dead": "bad"}.get(place, "idle")
    return "warn" if row["state"] == "failing" else sign, words.line_state(row)


def _why(place: Place, row: dict[str, Any]) -> str:
    """Why a line takes nothing, or takes some although it is the last to be asked."""
    if place == "takes":
        if row["draining"]:
            return gettext("is being drained, but no other line works")
        if row["month"] and row["month"]["spent"]:
            return gettext("its month is spent, but no other line works")
        return gettext("steps in as the backup: no other line works") if row["role"] == "backup" else ""
    if place in ("dead", "testing"):
        return words.told(row["reason"]) if row["reason"] else ""
    why = {
        "backup": gettext("takes over when no other line works"),
        "drained": gettext("New connections go elsewhere; those in use stay until they end."),
        "spent": gettext("used only when no other line works"),
        "idle": "" if row["gateway"] else gettext("has no IPv4 gateway"),
        "off": gettext("switched off in its settings"),
    }[place]
    return f"{why} ({words.line_state(row)})" if row["state"] == "failing" else why


def _load(direction: Literal["down", "up"], row: Mapping[str, Any], rows: Any, full_bps: int | None) -> Load:
    """The bar is the line's rate, or where that is not known all that goes this way now."""
    rate_bps = row[f"{direction}_bps"]
    arrow = {"down": "↓", "up": "↑"}[direction]
    if full_bps:
        percent = _percent(rate_bps, full_bps)
        whole = gettext("%(percent)s %% of %(rate)s") % {"percent": percent, "rate": rate(full_bps)}
        return Load(arrow, rate_bps, min(percent, 100), whole)
    percent = _percent(rate_bps, sum(other[f"{direction}_bps"] for other in rows))
    whole = {
        "down": gettext("%(percent)s %% of all that comes in"),
        "up": gettext("%(percent)s %% of all that goes out"),
    }[direction]
    return Load(arrow, rate_bps, percent, whole % {"percent": percent})


def _does(row: Mapping[str, Any], rows: list[dict[str, Any]]) -> str:
    """What the line takes, has and carries; nothing is said of what there is none of."""
    parts = [gettext("takes no new connections")]
    if row["share_percent"]:
        parts = [gettext("takes %(percent)s %% of new connections") % {"percent": row["share_percent"]}]
    if connections := sum(other["offload"]["connections"] for other in rows):
        percent = _percent(row["offload"]["connections"], connections)
        parts.append(gettext("has %(percent)s %% of the connections now") % {"percent": percent})
    if traffic := sum(other["down_bps"] + other["up_bps"] for other in rows):
        percent = _percent(row["down_bps"] + row["up_bps"], traffic)
        parts.append(gettext("carries %(percent)s %% of the traffic") % {"percent": percent})
    return reduce(lambda said, more: gettext("%(said)s, %(more)s") % {"said": said, "more": more}, parts)


def _quality(row: Mapping[str, Any]) -> str:
    parts = []
    if row["rtt_ms"] is not None:
        parts.append(gettext("delay %(ms)s ms") % {"ms": row["rtt_ms"]})
    if row["loss_percent"] is not None:
        parts.append(gettext("loss %(percent)s %%") % {"percent": f"{row['loss_percent']:g}"})
    return " · ".join(parts)


def _percent(part: float, whole: float) -> int:
    return round(part * 100 / whole) if whole else 0
