"""The MTU and MAC that ports and VLANs had before a configuration gave them others.

The kernel does not keep them, so a file of the run directory does: a setting that is taken out, or a change that nobody
confirms, leaves a device as it was. What belongs to a device that has gone (its number is another) is forgotten.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from firmware.kernel import files
from firmware.model.plan import Link

if TYPE_CHECKING:
    from firmware.kernel.links import Device

MEMORY = "links.json"
_SETTINGS = ("mtu", "mac")
_KINDS = ("port", "vlan")


def completed(wanted: Iterable[Link], present: Mapping[str, Device], run_dir: Path) -> list[Link]:
    """The links, with what was there before us where nothing is wanted any more.

    To be called before they are settled. Raises OSError when what is there now cannot be noted.
    """
    path = run_dir / MEMORY
    known = _read(path)
    noted, links = dict(known), []
    for link in wanted:
        if link.kind not in _KINDS or link.name not in present:
            links.append(link)
            continue
        found = noted[link.name] = _noted(link, present[link.name], known.get(link.name, {}))
        links.append(msgspec.structs.replace(link, mtu=link.mtu or found.get("mtu"), mac=link.mac or found.get("mac")))
    noted = {name: found for name, found in noted.items() if len(found) > 1}
    if noted != known:
        files.write(path, json.dumps(noted, sort_keys=True))
    return links


def _noted(link: Link, device: Device, known: dict[str, Any]) -> dict[str, Any]:
    """What is to be known of a device: what it had before us, for as long as that is not what it has."""
    if known.get("index") != device.index:
        known = {}
    found: dict[str, Any] = {"index": device.index}
    for name in _SETTINGS:
        now = getattr(device, name)
        if getattr(link, name) is not None:
            found[name] = known.get(name, now)
        elif known.get(name, now) != now:
            found[name] = known[name]
    return found


def _read(path: Path) -> dict[str, dict[str, Any]]:
    with contextlib.suppress(OSError, ValueError):
        memory: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
        return memory
    return {}
