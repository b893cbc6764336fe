"""Kernel parameters, by difference; one that is no longer wanted gets back the value it had before us."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from firmware.kernel import files
from firmware.kernel.errors import KernelError

ROOT = Path("/proc/sys")
MEMORY = "sysctls.json"


def apply(wanted: Mapping[str, str], run_dir: Path) -> None:
    """Write what differs; ``run_dir`` keeps the values found. Raises KernelError naming the parameter.

    A parameter of a device that is not there now is left out: the device's coming is told, and all is applied again.
    """
    found = _memory(run_dir)
    fresh = {name: value for name in wanted if name not in found and (value := _read(name)) is not None}
    if fresh:
        files.write(run_dir / MEMORY, json.dumps({**found, **fresh}, sort_keys=True))
    for name, value in wanted.items():
        if _read(name) != _normal(value) and (ROOT / name).parent.is_dir():
            _write(name, value)
    stale = {name: value for name, value in found.items() if name not in wanted}
    for name, value in stale.items():
        if _read(name) not in (None, value):
            _write(name, value)
    if stale:
        kept = {name: value for name, value in {**found, **fresh}.items() if name in wanted}
        files.write(run_dir / MEMORY, json.dumps(kept, sort_keys=True))


def _read(name: str) -> str | None:
    try:
        return _normal((ROOT / name).read_text())
    except OSError:
        return None


def _write(name: str, value: str) -> None:
    try:
        (ROOT / name).write_text(value)
    except OSError as error:
        raise KernelError(f"kernel parameter {name} = {value}", error.strerror or str(error)) from error


def _normal(value: str) -> str:
    return " ".join(value.split())


def _memory(run_dir: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        memory: dict[str, str] = json.loads((run_dir / MEMORY).read_bytes())
        return memory
    return {}
