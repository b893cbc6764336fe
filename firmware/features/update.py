"""Updates of the firmware by themselves: where they come from, and when the box may start again for them."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from firmware.features.downloads import no_address
from firmware.features.part import Part
from firmware.features.problems import problem, unreadable
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem
from firmware.model.values import parse_time
from firmware.model.zone import site_zone


def is_index(url: str) -> bool:
    """Whether it is the address of a signed list of versions and not of one bundle."""
    return urlsplit(url).path.endswith(".json")


def may_restart(config: Config, now: datetime) -> bool:
    """Whether an aware moment lies in the hours that are given for it; they may run past midnight."""
    local = now.astimezone(site_zone(config.system.timezone))
    start, end = parse_time(config.update.restart_from), parse_time(config.update.restart_until)
    minute = local.hour * 60 + local.minute
    return start <= minute < end if start < end else minute >= start or minute < end


def verify(config: Config, facts: Facts) -> list[Problem]:
    wanted = config.update
    problems = no_address(wanted.url, "update", "url")
    if wanted.daily and not wanted.url:
        message = "Updates shall come daily, but nothing says from where."
        remedy = "Give the address of the list of versions or of a bundle, or switch daily updates off."
        problems.append(problem("update", "daily", value="true", message=message, remedy=remedy))
    for key, text in (("restart_from", wanted.restart_from), ("restart_until", wanted.restart_until)):
        remedy = "Write hours and minutes as 08:30; 24:00 is the end of the day."
        problems += unreadable(parse_time, text, "update", key, message="This is no time of day.", remedy=remedy)[1]
    if not problems and wanted.restart_from == wanted.restart_until:
        message = "The box could never start again for an update."
        remedy = "Let the hours for it end later than they begin."
        problems.append(problem("update", "restart_until", value=wanted.restart_until, message=message, remedy=remedy))
    return problems


def render(config: Config, facts: Facts) -> Part:
    """Nothing of it is the kernel's."""
    return Part()
