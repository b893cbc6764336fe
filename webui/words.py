"""Policies, schedules and changes as sentences a shop owner reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec import ValidationError, convert

from firmware.model.config import Config, LinePolicy, Policy, Schedule, Wan, Window
from firmware.model.difference import Change, describe
from firmware.model.shape import split
from firmware.model.text import translate
from webui.i18n import gettext, language, marked
from webui.router import router

CATEGORIES = {
    "im": marked("Messaging"), "video": marked("Video"), "live": marked("Live streaming"), "music": marked("Music"),
    "game": marked("Games"), "stock": marked("Stock trading"), "p2p": marked("P2P"), "download": marked("Downloads"),
    "social": marked("Social media"), "shopping": marked("Shopping"), "mail": marked("Mail"),
    "office": marked("Office work"), "meeting": marked("Meetings"), "remote": marked("Remote control"),
    "vpn": marked("VPN and proxies"), "cloud": marked("Cloud services"), "news": marked("News"),
    "search": marked("Search"), "web": marked("Web sites"), "ai": marked("AI assistants"),
    "payment": marked("Payment"), "network": marked("Network services"), "iot": marked("Smart devices"),
    "education": marked("Education"), "ads": marked("Advertising"), "adult": marked("Adult content"),
    "threat": marked("Threats"), "system": marked("System updates"), "other": marked("Other"),
}  # fmt: skip
PROVIDERS = {  # names that the page suggests for prefix lists; nothing else depends on them
    "telecom": marked("China Telecom"),
    "unicom": marked("China Unicom"),
    "mobile": marked("China Mobile"),
    "education": marked("CERNET (education)"),
}
GRADES = {  # of the speed test
    "A+": marked("no delay to speak of"), "A": marked("works very well"), "B": marked("works well"),
    "C": marked("calls and games suffer"), "D": marked("bad"), "F": marked("very bad"),
}  # fmt: skip
LIGHTS = {  # of the board
    "power": marked("Power: on; it blinks when something needs attention and no light of its own is there for that."),
    "line": marked("Lines: on while all work, it flickers with the traffic; it blinks slowly when one does not work."),
    "lan": marked("Local network: on with a link, it flickers with the traffic."),
    "alarm": marked("Alarm: it blinks when something needs attention."),
}
DAYS = {
    "mon": marked("Mon"), "tue": marked("Tue"), "wed": marked("Wed"), "thu": marked("Thu"), "fri": marked("Fri"),
    "sat": marked("Sat"), "sun": marked("Sun"),
}  # fmt: skip
ALL_DAYS = tuple(DAYS)
WORK_DAYS = ALL_DAYS[:5]
# Changes below these can cut off the person who makes them; such a commit waits for "keep it".
RISKY = frozenset({"interfaces", "lans", "wans", "zones", "port_forwards", "users"})


def category(identifier: str) -> str:
    return gettext(CATEGORIES.get(identifier, identifier))


def application(identifier: str) -> str:
    if identifier in ("unknown", ""):
        return gettext("Not recognised")
    return router().names().application(identifier, language())


def group(identifier: str, config: Config) -> str:
    """A group is called by its description where it has one: identifiers cannot be Chinese."""
    found = config.groups.get(identifier)
    return (found.description if found else "") or identifier


def schedule_name(identifier: str, config: Config) -> str:
    found = config.schedules.get(identifier)
    return (found.description if found else "") or identifier


def listed(items: Sequence[str]) -> str:
    """Several names as one phrase."""
    if len(items) <= 4:
        return gettext(", ").join(items)
    return gettext("%(some)s and %(count)s more") % {
        "some": gettext(", ").join(items[:3]),
        "count": len(items) - 3,
    }


def days(window: Window) -> str:
    chosen = tuple(day for day in ALL_DAYS if day in window.days)
    if chosen == ALL_DAYS:
        return gettext("every day")
    if chosen == WORK_DAYS:
        return gettext("Monday to Friday")
    if chosen == ALL_DAYS[5:]:
        return gettext("at weekends")
    return listed([gettext(DAYS[day]) for day in chosen])


def window(item: Window) -> str:
    times = gettext("all day") if (item.start, item.end) == ("00:00", "24:00") else f"{item.start}–{item.end}"
    return gettext("%(days)s %(times)s") % {"days": days(item), "times": times}


def schedule(item: Schedule) -> str:
    return gettext("; ").join(window(one) for one in item.windows)


def policy_parts(policy: Policy, config: Config) -> dict[str, str]:
    """What the template puts side by side: what, who, when, and the exceptions."""
    what = [category(item) for item in policy.categories] + [application(item) for item in policy.applications]
    return {
        "what": listed(what) if what else gettext("all internet traffic"),
        "who": listed([group(item, config) for item in policy.groups]) if policy.groups else gettext("everyone"),
        "when": schedule_name(policy.schedule, config) if policy.schedule else gettext("always"),
        "except_who": listed([group(item, config) for item in policy.except_groups]),
        "except_what": listed([application(item) for item in policy.except_applications]),
    }


def policy_sentence(policy: Policy, config: Config) -> str:
    parts = policy_parts(policy, config)
    if policy.action == "block":
        sentence = gettext("Block %(what)s for %(who)s, %(when)s") % parts
    else:
        sentence = gettext("Allow %(what)s to %(who)s, %(when)s") % parts
    if parts["except_who"]:
        sentence += gettext(" (not for %(except_who)s)") % parts
    if parts["except_what"]:
        sentence += gettext(" (except %(except_what)s)") % parts
    return sentence


def line_policy(policy: LinePolicy, config: Config) -> str:
    """Which connections a rule for lines is for, and by which lines they leave: ``sales · TCP 443 → wan2, wan1``."""
    kinds = (
        [gettext("the router itself")] if policy.router else [],
        [group(item, config) for item in policy.groups],
        [prefix_list(item, config) for item in policy.prefix_lists],
        [application(item) for item in policy.applications],
        policy.domains,
        [item.replace("/", " ").upper() for item in policy.ports],
        [f"DSCP {item}" for item in policy.dscp],
    )
    ways = [line_group(line, config) for line in policy.lines]
    return f"{' · '.join(listed(kind) for kind in kinds if kind)} → {', '.join(ways)}"


def line_group(identifier: str, config: Config) -> str:
    """A group of lines is called by its description, and by what it is made of."""
    found = config.line_groups.get(identifier)
    if found is None:
        return identifier
    return f"{found.description or identifier} ({', '.join(found.lines)})"


def prefix_list(identifier: str, config: Config) -> str:
    """A list is called by its description, else as the providers are, else by its identifier."""
    found = config.prefix_lists.get(identifier)
    if found and found.description:
        return found.description
    return gettext(PROVIDERS[identifier]) if identifier in PROVIDERS else identifier


def changes(rows: list[dict[str, Any]], config: Config) -> list[str]:
    """A sentence per change; policies, hosts and groups in the page's own words, all else in the model's."""
    return [_change(Change(**row), config) for row in rows]


def _change(change: Change, config: Config) -> str:
    head, *rest = split(change.path)
    whole = change.after if change.kind == "add" else change.before
    if len(rest) == 1 and change.kind != "change" and isinstance(whole, dict):
        try:
            said = _object(head, rest[0], whole, config)
        except ValidationError:
            said = None
        if said is not None:
            return (gettext("New: %(what)s") if change.kind == "add" else gettext("Removed: %(what)s")) % {"what": said}
    if head == "policies" and rest[1:] in (["enabled"], ["position"]) and rest[0] in config.policies:
        what = {"what": policy_sentence(config.policies[rest[0]], config)}
        if rest[1] == "position":
            return gettext("Other place in the order: %(what)s") % what
        return (gettext("Switched on: %(what)s") if change.after else gettext("Switched off: %(what)s")) % what
    return describe([change], language())[0]


def _object(head: str, key: str, plain: dict[str, Any], config: Config) -> str | None:
    if head == "policies":
        return policy_sentence(convert(plain, Policy), config)
    if head == "line_policies":
        return gettext("line rule “%(rule)s”") % {"rule": line_policy(convert(plain, LinePolicy), config)}
    if head == "prefix_lists":
        return gettext("prefix list “%(name)s”") % {"name": plain.get("description") or key}
    if head == "hosts":
        return gettext("the device %(mac)s is called “%(name)s”") % plain
    if head == "groups":
        return gettext("group “%(name)s” with %(count)s members") % {
            "name": plain.get("description") or key,
            "count": len(plain.get("members", ())),
        }
    if head == "schedules":
        return gettext("schedule “%(name)s”: %(times)s") % {
            "name": plain.get("description") or key,
            "times": schedule(convert(plain, Schedule)),
        }
    return None


LINE_STATES = {
    "up": marked("works"),
    "failing": marked("works, but round %(streak)s of %(needed)s without an answer"),
    "down": marked("does not work"),
    "recovering": marked("answers again: round %(streak)s of %(needed)s"),
    "waiting": marked("is being tested"),
}
PROTOCOLS = {
    "pppoe": marked("dialled (PPPoE)"),
    "dhcp": marked("address by DHCP"),
    "static": marked("fixed address"),
}


def line_state(line: dict[str, Any]) -> str:
    """How a line is, with the rounds that count towards another state."""
    return gettext(LINE_STATES[line["state"]]) % {"streak": line["streak"], "needed": line["needed"]}


def speed_grade(grade: str) -> str:
    """A grade of the speed test with what it means."""
    return f"{grade}: {gettext(GRADES[grade])}"


def line_way(wan: Wan) -> str:
    """Port, VLAN and how the line gets its address."""
    place = (
        gettext("%(port)s, VLAN %(vlan)s") % {"port": wan.interface, "vlan": wan.vlan} if wan.vlan else wan.interface
    )
    return gettext(", ").join((place, gettext(PROTOCOLS[wan.protocol])))


def told(text: str) -> str:
    """What the router says of itself, in the reader's language."""
    return translate(language(), text)


def said(sentence: dict[str, Any]) -> str:
    """What a field tool says of its result; some of what its places hold are words too."""
    places = {name: translate(language(), value) for name, value in sentence["params"].items()}
    return translate(language(), sentence["message"], places)


def tool_target(asked: dict[str, Any]) -> str:
    """Whom a field tool was set on, and over which line."""
    port = f":{asked['port']}" if asked.get("port") and asked["tool"] == "port" else ""
    target = str(asked.get("where") or asked.get("host") or asked.get("name") or "") + port
    if asked.get("line"):
        return gettext("%(target)s over %(line)s") % {"target": target, "line": asked["line"]}
    return target


def message(text: str) -> str:
    """A revision's message; those that the router writes itself are translated."""
    if found := re.fullmatch(r"rollback to revision (\d+)", text):
        return gettext("Back to revision %(number)s") % {"number": found[1]}
    known = {
        "": marked("without a message"),
        "first set-up": marked("First set-up"),
        "factory settings": marked("As delivered"),
    }
    return gettext(known[text]) if text in known else text


def alarm(row: dict[str, Any]) -> str:
    """An alarm in words; its parameters may be messages themselves."""
    params = row.get("params") or {}
    return translate(language(), row["message"], {name: translate(language(), value) for name, value in params.items()})


def is_risky(rows: list[dict[str, Any]]) -> bool:
    """Tell whether these changes could lock the person out."""
    return any(split(row["path"])[0] in RISKY for row in rows)
