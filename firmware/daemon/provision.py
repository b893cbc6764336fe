"""What rsflash told this box once (docs/design/flashing.md): taken at the first start, kept in ``STATE/box.json``.

That file is the box's identity, not its configuration: a factory reset leaves it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from firmware.daemon.secrets_file import hash_password
from firmware.kernel import files

log = logging.getLogger(__name__)


_Kind = TypeVar("_Kind")


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """Who this box is; empty where nobody said. ``first_password`` is a hash: in clear it stands on the label only."""

    serial: str = ""
    headquarters: str = ""
    first_password: str = ""


class _Provision(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    serial: str
    headquarters: str = ""
    first_password: str = ""


def take(state_dir: Path, on_trouble: Callable[[str], None]) -> Box:
    """The box's identity, after taking in what lies ready; ``on_trouble`` hears why that could not be taken in."""
    told, kept = state_dir / "provision.json", state_dir / "box.json"
    box = Box()
    try:
        box = _read(kept, Box) or box
        found = _read(told, _Provision)
        if found is None:
            return box
        if found.format != 1:
            raise ValueError(f"format {found.format}")
        first = hash_password(found.first_password) if found.first_password else box.first_password
        box = Box(serial=found.serial, headquarters=found.headquarters or box.headquarters, first_password=first)
        files.write(kept, msgspec.json.encode(box), 0o600)
    except OSError as error:  # a full or a worn disk: it stays for the next start, or the label would never be true
        log.error("box.json: %s", error)
        on_trouble(str(error))
        return box
    except ValueError as error:  # msgspec's
        log.error("provision.json: %s", error)
        on_trouble(str(error))
    with contextlib.suppress(OSError):
        told.unlink(missing_ok=True)  # it holds a password in clear
    return box


def _read(path: Path, kind: type[_Kind]) -> _Kind | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
