"""Automatic backups: when one is due, and where it goes to (firmware/daemon/automatic_backups.py makes it)."""

from __future__ import annotations

from datetime import datetime, timedelta

from firmware.features.downloads import is_address
from firmware.features.part import Part
from firmware.features.problems import problem
from firmware.features.schedules import DAYS
from firmware.model.config import Backup, Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem


def verify(config: Config, facts: Facts) -> list[Problem]:
    wanted, problems = config.backup, []
    for key in ("share_url", "hq_url"):
        url = getattr(wanted, key)
        if url and not is_address(url):
            message = "This is no address of a folder."
            remedy = "Write an address that begins with https://, without an account in it."
            problems.append(problem("backup", key, value=url, message=message, remedy=remedy))
        elif url.startswith("http://"):
            message = "By http the password goes over the line in clear; the backup itself is encrypted."
            remedy = "Use https:// where the server has it."
            problems.append(problem("backup", key, value=url, message=message, remedy=remedy, severity="warning"))
    if wanted.every == "never":
        return problems
    if not destinations(wanted):
        message = "Backups shall be made by themselves, but nothing says where to."
        remedy = "Choose the USB stick, or give the address of a share or of HQ."
        problems.append(problem("backup", "every", value=wanted.every, message=message, remedy=remedy))
    if not wanted.parts:
        message = "Backups shall be made by themselves, but of nothing."
        problems.append(problem("backup", "parts", message=message, remedy="Choose at least one part."))
    if not facts.has_backup_key:
        message = "No passphrase is set for automatic backups, so none is made."
        remedy = "An owner sets one on the page Backup, or with: rsctl backups passphrase"
        problems.append(
            problem("backup", "every", value=wanted.every, message=message, remedy=remedy, severity="warning")
        )
    return problems


def render(config: Config, facts: Facts) -> Part:
    """Nothing of it is the kernel's."""
    return Part()


def destinations(wanted: Backup) -> tuple[str, ...]:
    """Where backups go to: ``usb``, ``share``, ``hq``."""
    chosen = (("usb", wanted.usb), ("share", bool(wanted.share_url)), ("hq", bool(wanted.hq_url)))
    return tuple(name for name, is_wanted in chosen if is_wanted)


def last_due(wanted: Backup, local: datetime) -> datetime:
    """The latest moment up to ``local`` (the site's wall clock) at which a backup was due."""
    due = local.replace(hour=wanted.hour, minute=0, second=0, microsecond=0)
    if due > local:
        due -= timedelta(days=1)
    while wanted.every == "weekly" and DAYS[due.weekday()] != wanted.day:
        due -= timedelta(days=1)
    return due
