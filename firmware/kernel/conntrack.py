"""A line's flows out of conntrack by one message, however many (linux/netfilter/nfnetlink_conntrack.h)."""

from __future__ import annotations

import errno
import socket
import struct

from firmware.kernel.errors import NetlinkError

_NETFILTER = 12
_DELETE = 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
_REQUEST_ACK = 0x1 | 0x4
_MARK, _MARK_MASK = 8, 21
_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_TIMEOUT_S = 5.0


def forget(mark: int, mask: int) -> None:
    """Drop every flow with this mark under the mask; the next packet of each begins anew. Raises NetlinkError."""
    body = struct.pack("!BBH", socket.AF_UNSPEC, 0, 0)
    for kind, value in ((_MARK, mark), (_MARK_MASK, mask)):
        body += struct.pack("=HH", 8, kind) + struct.pack("!I", value)
    message = _HEADER.pack(_HEADER.size + len(body), _DELETE, _REQUEST_ACK, 1, 0) + body
    what = "delete of conntrack entries"
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER) as door:
            door.settimeout(_TIMEOUT_S)
            door.sendto(message, (0, 0))
            reply = door.recv(4096)
    except OSError as error:
        raise NetlinkError(what, error.errno or errno.EIO) from error
    _, kind, _, _, _ = _HEADER.unpack_from(reply)
    number = -struct.unpack_from("=i", reply, _HEADER.size)[0] if kind == _ERROR else 0
    if number:
        raise NetlinkError(what, number)
