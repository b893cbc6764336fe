"""What the shaper does now, from the state that rs-shape writes each second (fastpath/src/shape_state.c)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from firmware.model.config import Config
from firmware.monitor.hosts import ROUTER

STALE_S = 5.0
NOTHING: dict[str, Any] = {"running": False, "queue": "", "hosts": 0, "refused": 0, "errors": 0, "error": ""}

Row = dict[str, Any]


def bandwidth(path: Path, config: Config, host_of: Callable[[str], tuple[str, str | None]]) -> Row:
    """The state by names: lines with both directions, and hosts that use them now, the busiest first.

    ``host_of`` gives an address's key and name. A state that is not written any more is none.
    """
    state = _read(path)
    names = {str(wan.number): name for name, wan in config.wans.items()}
    if not config.qos.enabled or state is None:
        return {**NOTHING, "enabled": config.qos.enabled, "lines": [], "shares": []}
    lines = [{"name": names[number], **line} for number, line in state["lines"].items() if number in names]
    shares = [
        {**share, "line": names[str(share["line"])], **who}
        for share in state["shares"]
        if str(share["line"]) in names and (who := _who(share["address"], host_of))["key"] != ROUTER
    ]
    shares.sort(key=lambda share: (-(share["up"]["used_bps"] + share["down"]["used_bps"]), share["address"]))
    counts = {key: state[key] for key in NOTHING if key != "running"}
    return {**counts, "enabled": True, "running": True, "lines": lines, "shares": shares}


def _read(path: Path) -> Row | None:
    try:
        if time.time() - path.stat().st_mtime > STALE_S:
            return None
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _who(packed: str, host_of: Callable[[str], tuple[str, str | None]]) -> Row:
    address = IPv6Address(bytes.fromhex(packed))
    text = str(address.ipv4_mapped or address)
    key, name = host_of(text)
    return {"address": text, "key": key, "host_name": name}
