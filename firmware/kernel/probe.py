"""What the box has and can do, asked once or cheaply."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from firmware.kernel import command, links
from firmware.kernel.errors import CommandError
from firmware.kernel.netlink import Netlink

_CAP_SYS_TIME = 25
_AF_PPPOX = 24
_QUEUE_RULESET = """add table inet rs_probe
add chain inet rs_probe c { type filter hook forward priority 0; }
add rule inet rs_probe c queue flags bypass to 0
"""
_FLOWTABLE_RULESET = """add table inet rs_probe
add flowtable inet rs_probe f { hook ingress priority 0; devices = { lo }; counter; }
add chain inet rs_probe c { type filter hook forward priority 0; }
add rule inet rs_probe c flow add @f
"""


def has_nft_queue() -> bool:
    """Ask the kernel, without loading anything, whether it takes nft's queue statement."""
    return _takes(_QUEUE_RULESET)


def has_flowtable() -> bool:
    """Likewise, whether it has flowtables."""
    return _takes(_FLOWTABLE_RULESET)


def _takes(ruleset: str) -> bool:
    try:
        command.run(("nft", "-c", "-f", "-"), stdin=ruleset, quiet=True)
    except CommandError:
        return False
    return True


def has_pppoe() -> bool:
    """Whether the kernel has PPPoE; asking loads its module, which also makes ``/dev/ppp``."""
    try:
        socket.socket(_AF_PPPOX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, 0).close()
    except OSError:
        return False
    return True


def ports(names: tuple[str, ...] | None = None) -> list[links.Device]:
    """The box's ports: those named, else all hardware devices, in order of their names."""
    with Netlink() as door:
        devices = links.read(door)
    if names is not None:
        return [devices[name] for name in names if name in devices]
    return [device for name, device in sorted(devices.items()) if not device.kind and not device.is_loopback]


def owns_network() -> bool:
    """Whether this network namespace is the machine's own, and not one of several sites on one machine."""
    machine = _namespace("net", "1")
    return machine is not None and _namespace("net") == machine


def owns_hostname() -> bool:
    """Whether the host name is this box's alone: of its own UTS namespace, or of the machine that it is."""
    machine = _namespace("uts", "1")
    return owns_network() or (machine is not None and _namespace("uts") != machine)


def can_set_clock() -> bool:
    """Whether this box may set the machine's clock."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return owns_network() and bool(int(line.split()[1], 16) >> _CAP_SYS_TIME & 1)
    return False


def boot_id() -> str:
    """A name for this run of the kernel."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _namespace(kind: str, pid: str = "self") -> str | None:
    """The name of a process's namespace; ``None`` where even root may not look (we are in a container)."""
    with contextlib.suppress(PermissionError):
        return str(Path(f"/proc/{pid}/ns/{kind}").readlink())
    return None
