"""Automatic backups: when one is due, and where it goes to (firmware/daemon/automatic_backups.py makes it)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from firmware.features.downloads import is_address
from firmware.features.part import Part
from firmware.features.problems import problem
from firmware.features.schedules import DAYS
from firmware.model.config import Backup, Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem

SMB_PORT = 445
_NOT_IN_NAMES = set('\\:*?"<>|')  # of files of Windows


class SmbPlace(NamedTuple):
    """A folder of a share of Windows or Samba; ``folder`` is empty at its top."""

    host: str
    port: int
    share: str
    folder: str


def verify(config: Config, facts: Facts) -> list[Problem]:
    wanted, problems = config.backup, []
    for key in ("share_url", "hq_url"):
        url = getattr(wanted, key)
        if key == "share_url" and is_smb(url):
            problems += _smb_problems(wanted)
        elif url and not is_address(url):
            message = "This is no address of a folder."
            remedy = "Write an address that begins with https://, without an account in it."
            if key == "share_url":
                remedy = "Write https:// for WebDAV, smb:// for a share of Windows, without an account in it."
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


def _smb_problems(wanted: Backup) -> list[Problem]:
    if smb_place(wanted.share_url) is None:
        message = "This is no address of a share."
        remedy = "Write it as smb://NAS/SHARE or smb://192.168.8.5/SHARE/FOLDER, without an account in it."
        return [problem("backup", "share_url", value=wanted.share_url, message=message, remedy=remedy)]
    if not wanted.share_user:
        message = "A share of Windows is not written to without a user."
        remedy = r"Give the user of the share, in a domain as DOMAIN\user; the password is set beside it."
        return [problem("backup", "share_user", message=message, remedy=remedy)]
    return []


def is_smb(url: str) -> bool:
    """Whether it is meant as an address of a share of Windows."""
    return url.lower().startswith("smb:")


def smb_place(url: str) -> SmbPlace | None:
    """Which share an address names; ``None`` when it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port  # raises for what is none
    except ValueError:
        return None
    share, _, folder = unquote(parts.path).strip("/").partition("/")
    names = [share, *folder.split("/")] if folder else [share]
    is_plain = url.isprintable() and parts.username is None and not parts.query and not parts.fragment
    is_known = all(name not in {"", ".", ".."} and not set(name) & _NOT_IN_NAMES for name in names)
    if parts.scheme != "smb" or not parts.hostname or not is_plain or not is_known or port == 0:
        return None
    return SmbPlace(parts.hostname, port or SMB_PORT, share, folder)


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
