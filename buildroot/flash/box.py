"""On the box, started by the installation medium or by network: choose the disk, install, tell everybody."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from buildroot.flash import disks, label, protocol, provision
from buildroot.flash.image import Packed, Remote
from buildroot.flash.run import Installed, Progress, install
from buildroot.flash.words import Say
from buildroot.flash.write import MediumError

SETTINGS = "install.json"
_WAIT_S = 10
_TELL_S = 2.0
_TIMEOUT_S = 30
_REPORTS = 10  # a laptop that is busy or was just plugged in again
_GONE = 410


class Consoles:
    """Every console that the kernel has. Its own screen cannot draw Chinese, so it is spoken to in English."""

    def __init__(self, language: str, names: list[str]) -> None:
        self._fds = [os.open(f"/dev/{name}", os.O_RDWR | os.O_NOCTTY) for name in names]
        # Line endings are ours: the serial line may be raw.
        self._outs = [os.fdopen(os.dup(fd), "w", encoding="utf-8", newline="\r\n") for fd in self._fds]
        self._says = [Say("en" if name.startswith("tty") and name[3:].isdigit() else language) for name in names]
        self._progress = [Progress(say, out) for say, out in zip(self._says, self._outs, strict=True)]

    def tell(self, text: str, **params: object) -> None:
        for say, out in zip(self._says, self._outs, strict=True):
            self._print(out, say(text, **params))

    def progress(self, stage: str, done: int, whole: int) -> None:
        for progress in self._progress:
            progress(stage, done, whole)

    def label(self, made: label.Label) -> None:
        for say, out in zip(self._says, self._outs, strict=True):
            self._print(out, label.text(made, say))

    def ask(self, text: str, wait_s: float | None = None, **params: object) -> str:
        """A line from whichever console answers first; empty when none does in time."""
        self.tell(text, **params)
        got, _, _ = select.select(self._fds, [], [], wait_s)
        return os.read(got[0], 256).decode(errors="replace").strip() if got else ""

    def beep(self, times: int) -> None:
        for _ in range(times):
            for out in self._outs:
                self._print(out, "\a", end="")
            time.sleep(0.4)

    @staticmethod
    def _print(out: Any, text: str, end: str = "\n") -> None:
        print(text, end=end, file=out, flush=True)


def run(medium: Path, laptop: str, say: Say) -> int:
    """Install this box; 0 when it is verified. Whoever called switches the power off then."""
    settings = _settings(medium)
    names = Path("/sys/class/tty/console/active").read_text().split()
    consoles = Consoles(settings.get("language", say.language), names)
    consoles.tell("R-Series: installing")
    try:
        made, is_kept = _by_network(laptop, consoles) if laptop else _by_medium(medium, settings, consoles)
    except (MediumError, OSError, ValueError) as error:
        consoles.tell("Not installed: %(reason)s", reason=str(error))
        consoles.beep(3)
        if not laptop:
            consoles.ask("Press Enter to switch off.")
        return 1
    consoles.tell("Installed. Note the first password now: it is shown only here.")
    consoles.label(made)
    if not is_kept:
        consoles.beep(3)
        consoles.ask("This label could not be kept anywhere: write it down, then press Enter to switch off.")
        return 0
    consoles.tell("Remove the installation medium; the box switches off.")
    consoles.beep(1)
    time.sleep(_WAIT_S)
    return 0


def macs(sys: Path = Path("/sys")) -> tuple[str, ...]:
    """The box's ports, the first first; only what has hardware."""
    found = sorted(path for path in (sys / "class/net").iterdir() if (path / "device").exists())
    return tuple((path / "address").read_text().strip() for path in found)


def choose(free: list[disks.Disk], consoles: Consoles | None) -> disks.Disk:
    """The disk to install to: built in; of several a person names one. :raise MediumError:"""
    internal = [disk for disk in free if not disk.in_use and not disk.removable]
    if not internal or (len(internal) > 1 and consoles is None):
        raise MediumError("There is no disk to install to. Remove nothing, look at the disk's cable.")
    if len(internal) == 1 or consoles is None:
        if consoles is not None:
            text = "Only one disk: %(name)s. Installing begins in %(seconds)s s; switch off to stop."
            consoles.ask(text, _WAIT_S, name=internal[0].name, seconds=_WAIT_S)
        return internal[0]
    for disk in internal:
        consoles.tell(
            "%(name)s: %(size)s GB, %(model)s, serial number %(serial)s, with: %(content)s",
            name=disk.name, size=f"{disk.size / 1e9:.1f}", model=disk.model or "–", serial=disk.serial or "–",
            content=", ".join(disk.content) or "–",
        )  # fmt: skip
    while True:
        answer = consoles.ask("Which disk? Type its name: ")
        if found := [disk for disk in internal if disk.name == answer]:
            return found[0]


def _by_medium(medium: Path, settings: dict[str, str], consoles: Consoles) -> tuple[label.Label, bool]:
    """The label, and whether the medium has kept it."""
    source = Packed(medium / "firmware.rsi")
    serial = settings.get("serial") or consoles.ask("Type the box's serial number: ")
    told = provision.Provision(
        provision.check_serial(serial),
        provision.draw_password(),
        provision.check_headquarters(settings.get("headquarters", "")),
    )
    disk = choose(disks.disks(), consoles)
    row = protocol.Row(
        time.strftime("%Y-%m-%d %H:%M:%S"), settings.get("engineer", ""), serial, next(iter(macs()), ""),
        f"{disk.name} {disk.model} {disk.serial}".strip(), str(disk.size), source.map.sha256, "", "",
        told.headquarters,
    )  # fmt: skip
    made = label.Label(serial, told.first_password, macs())
    result, seconds, is_kept = protocol.STOPPED, 0.0, False
    try:
        seconds = install(source, disk.path, told, consoles.progress, settings.get("language", "")).seconds
        result = protocol.VERIFIED
    except (MediumError, ValueError, OSError) as error:
        result = str(error)
        raise
    finally:
        row = row._replace(result=result, seconds=f"{seconds:.0f}")
        is_kept = _keep(medium, row, made, Say(settings.get("language", "en")))
    return made, is_kept


def _keep(medium: Path, row: protocol.Row, made: label.Label, say: Say) -> bool:
    """Protocol and label go onto the medium, for the laptop to print; one that is write-protected or full has none."""
    if subprocess.run(["mount", "-o", "remount,rw", str(medium)], check=False).returncode:
        return False
    try:
        if row.result == protocol.VERIFIED:  # first: nobody else knows the password
            (medium / f"label-{made.serial}.svg").write_text(label.svg(made, say), encoding="utf-8")
        protocol.append(medium / "protocol.csv", row)
        page = protocol.page(protocol.rows(medium / "protocol.csv"), say)
        (medium / "protocol.html").write_text(page, encoding="utf-8")
    except OSError:
        return False
    # Only a medium that has taken all of it can be mounted so again
    return subprocess.run(["mount", "-o", "remount,ro", str(medium)], check=False).returncode == 0


def _by_network(laptop: str, consoles: Consoles) -> tuple[label.Label, bool]:
    """The label, and whether the laptop has it."""
    mac, told_s = next(iter(macs()), ""), 0.0

    def post(what: str, **values: object) -> dict[str, str]:
        data = json.dumps({"mac": mac, **values}).encode()
        request = urllib.request.Request(f"{laptop}/{what}", data, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            found = json.loads(answer.read())
        return found if isinstance(found, dict) else {}

    def tell(stage: str, done: int, whole: int) -> None:
        nonlocal told_s
        consoles.progress(stage, done, whole)
        if time.monotonic() - told_s > _TELL_S:
            told_s = time.monotonic()
            with contextlib.suppress(OSError):  # the next one will do
                post("progress", stage=stage, percent=done * 100 // whole)

    def report(**values: str) -> bool:
        for _ in range(_REPORTS):
            try:
                post("report", **values)
            except OSError:
                time.sleep(_TELL_S)
            else:
                return True
        return False

    try:
        given = post("hello", macs=macs())
    except urllib.error.HTTPError as error:
        with error:
            if error.code == _GONE:
                raise MediumError("The laptop's list has no serial number left.") from None
            raise
    try:
        disk = choose(disks.disks(), None)
        told = provision.Provision(given["serial"], given["first_password"], given.get("headquarters", ""))
        with contextlib.closing(Remote(laptop)) as source:
            done: Installed = install(source, disk.path, told, tell, given.get("language", ""))
    except (MediumError, ValueError, OSError) as error:
        report(result=str(error))
        raise
    name, seconds = f"{disk.name} {disk.model} {disk.serial}".strip(), f"{done.seconds:.0f}"
    is_heard = report(result=protocol.VERIFIED, disk=name, size=str(disk.size), seconds=seconds, image=done.sha256)
    return label.Label(told.serial, told.first_password, macs()), is_heard


def _settings(medium: Path) -> dict[str, str]:
    """What the engineer wrote into ``install.json`` on the medium."""
    try:
        found = json.loads((medium / SETTINGS).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
