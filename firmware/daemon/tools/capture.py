"""Packets of a device into a file in pcap's format (draft-ietf-opsawg-pcap), times in nanoseconds.

The kernel filters, cuts and stamps them; what it had to drop because we were too slow is told.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from firmware.daemon.tools import bpf
from firmware.daemon.tools.task import Task, ToolError
from firmware.model.tools import BYTES_MAX, SNAP_BYTES, WHOLE_BYTES, Capture, CaptureResult, Said
from firmware.model.values import parse_address

LINK_ETHERNET, LINK_RAW = 1, 101
_MAGIC_NS = 0xA1B23C4D
_HEADER = struct.Struct("=IHHiIII")
_RECORD = struct.Struct("=IIII")
_ETH_P_ALL = 3
_ARPHRD_ETHER, _ARPHRD_LOOPBACK = 1, 772
_SIOCGIFHWADDR = 0x8927
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_AUXDATA = 263, 6, 8
_SO_ATTACH_FILTER, _SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 26, 35, 33
_AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata
_STATUS_VLAN_VALID, _STATUS_TPID_VALID = 0x10, 0x40
_BUFFER_BYTES = 4 << 20
_CONTROL_BYTES = 256
_TICK_S = 0.2


def run(task: Task) -> CaptureResult:
    """Until the time is over, the file is full, enough packets have come, or SIGTERM."""
    asked = task.request
    assert isinstance(asked, Capture)
    if asked.host is not None:
        try:
            parse_address(asked.host)
        except ValueError:
            raise ToolError("%(address)s is no address.", address=asked.host) from None
    snap = WHOLE_BYTES if asked.whole else SNAP_BYTES
    with listening(task.device, bpf.Filter(asked.host, asked.port, asked.protocol), snap) as (door, is_ethernet):
        stopped: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
        handle = os.open(task.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(header(snap, is_ethernet=is_ethernet))
            file.flush()
            ended_by = record(door, file, asked, lambda: bool(stopped), is_ethernet=is_ethernet)
        _, dropped = struct.unpack("=II", door.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    return result(Path(task.file), ended_by, dropped)


@contextlib.contextmanager
def listening(device: str, wanted: bpf.Filter, snap: int) -> Iterator[tuple[socket.socket, bool]]:
    """A packet socket of a device, with the filter in force from its first packet on, and whether it is Ethernet's.

    :raise ToolError: there is no such device.
    """
    try:
        is_ethernet = _hardware(device) in (_ARPHRD_ETHER, _ARPHRD_LOOPBACK)
        kind = socket.SOCK_RAW if is_ethernet else socket.SOCK_DGRAM
        with socket.socket(socket.AF_PACKET, kind, 0) as door:
            attach(door, bpf.compiled(wanted, snap, has_ethernet=is_ethernet))
            door.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            door.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
            door.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            door.settimeout(_TICK_S)
            door.bind((device, _ETH_P_ALL))
            yield door, is_ethernet
    except OSError as error:
        words = "The device %(device)s cannot be listened to: %(reason)s."
        raise ToolError(words, device=device, reason=error.strerror or str(error)) from error


def _hardware(device: str) -> int:
    """A device's ARPHRD_*."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        found = fcntl.ioctl(door, _SIOCGIFHWADDR, struct.pack("16s24x", device.encode()))
    return int(struct.unpack_from("=H", found, 16)[0])


def attach(door: socket.socket, program: bytes) -> None:
    """Put a filter in force. :raise OSError: the kernel does not take it."""
    buffer = ctypes.create_string_buffer(program, len(program))
    door.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    )


def record(
    door: socket.socket, file: BinaryIO, asked: Capture, is_stopped: Callable[[], bool], *, is_ethernet: bool
) -> Literal["time", "packets", "size", "stop"]:
    """Write what comes; returns what has ended it."""
    until_s, count, size = time.monotonic() + asked.seconds, 0, _HEADER.size
    snap = WHOLE_BYTES if asked.whole else SNAP_BYTES
    while time.monotonic() < until_s:
        if is_stopped():
            return "stop"
        try:
            data, controls, _, _ = door.recvmsg(WHOLE_BYTES, _CONTROL_BYTES)
        except (TimeoutError, InterruptedError):
            continue
        except OSError:  # the device has gone; it may come back, a line that is dialled does
            time.sleep(_TICK_S)
            continue
        written = packet(data, controls, snap, is_ethernet=is_ethernet)
        if size + len(written) > BYTES_MAX:
            return "size"
        file.write(written)
        size, count = size + len(written), count + 1
        if count >= asked.packets:
            return "packets"
    return "time"


def header(snap: int, *, is_ethernet: bool) -> bytes:
    """The file's."""
    return _HEADER.pack(_MAGIC_NS, 2, 4, 0, 0, snap, LINK_ETHERNET if is_ethernet else LINK_RAW)


def packet(data: bytes, controls: list[tuple[int, int, bytes]], snap: int, *, is_ethernet: bool) -> bytes:
    """One packet's record. A VLAN's tag, which the kernel has put aside, is put back to its place."""
    length, seconds, nanoseconds = len(data), 0, 0
    for level, kind, value in controls:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(value) >= 2 * struct.calcsize("@l"):
            seconds, nanoseconds = struct.unpack_from("@ll", value)
        elif (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(value) >= _AUXDATA.size:
            status, length, _, _, _, tag, tpid = _AUXDATA.unpack_from(value)
            if status & _STATUS_VLAN_VALID and is_ethernet:
                tpid = tpid if status & _STATUS_TPID_VALID else 0x8100
                data = data[:12] + struct.pack("!HH", tpid, tag) + data[12:]
                length += 4
    data = data[:snap]
    return _RECORD.pack(seconds & 0xFFFFFFFF, nanoseconds, len(data), max(length, len(data))) + data


def result(path: Path, ended_by: Literal["time", "packets", "size", "stop"], dropped: int) -> CaptureResult:
    """What is in the file."""
    size = path.stat().st_size
    count = 0
    with path.open("rb") as file:
        file.seek(_HEADER.size)
        while head := file.read(_RECORD.size):
            file.seek(_RECORD.unpack(head)[2], os.SEEK_CUR)
            count += 1
    said = []
    if not count:
        said.append(Said("warning", "Not one packet came by that is as you said."))
    if dropped:
        words = "%(count)s packets came too fast and are missing: say more precisely which you want."
        said.append(Said("warning", words, {"count": str(dropped)}))
    if ended_by in ("packets", "size"):
        said.append(Said("info", "The capture is full; it ended before its time."))
    return CaptureResult(packets=count, size_bytes=size, dropped=dropped, ended_by=ended_by, said=tuple(said))
