"""Makes clients of dead connections speak, so that they learn that these are dead.

When a line dies its flows are dropped from conntrack. A client that only listens, to a download say, would wait for
ever: it has nothing to send. So it gets a bare acknowledgement in its server's name whose numbers fit nothing. RFC 9293
(3.10.7.4) has it answer, the answer leaves by another line, and the server, which does not know that address, resets
it. The segments go out by a packet socket: through the IP layer conntrack would take them for flows of their own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from firmware.monitor.neighbours import Neighbour
from firmware.monitor.probe_echo import checksum

log = logging.getLogger(__name__)

_IP = struct.Struct("!BBHHHBBH4s4s")
_TCP = struct.Struct("!HHIIBBHHH")
_ACK, _TTL, _ETHERTYPE = 0x10, 64, 0x0800


def nudge(flows: Iterable[Mapping[str, Any]], stations: Iterable[Neighbour]) -> int:
    """Send one segment to the client of each IPv4 TCP flow (rows of ``Runtime.flows``); returns how many were sent."""
    known = {station.address: station for station in stations if station.mac}
    sent = 0
    with contextlib.closing(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)) as door:
        for flow in flows:
            client, _, client_port = flow["a"].rpartition(":")
            server, _, server_port = flow["b"].rpartition(":")
            station = known.get(client)
            if flow["transport"] != "tcp" or station is None or ":" in server:
                continue
            data = segment(server, int(server_port), client, int(client_port))
            mac = bytes.fromhex(station.mac.replace(":", ""))
            try:
                door.sendto(data, (socket.if_indextoname(station.device), _ETHERTYPE, 0, 0, mac))
                sent += 1
            except OSError as error:
                log.debug("nudge of %s: %s", client, error)
    return sent


def segment(source: str, source_port: int, target: str, target_port: int) -> bytes:
    """An IPv4 packet with an acknowledgement that fits no connection: its sequence number is thrown by dice."""
    addresses = socket.inet_aton(source), socket.inet_aton(target)
    head = [source_port, target_port, int.from_bytes(os.urandom(4), "big"), 0, 5 << 4, _ACK, 0, 0, 0]
    pseudo = b"".join(addresses) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, _TCP.size)
    head[7] = checksum(pseudo + _TCP.pack(*head))
    outer: list[Any] = [0x45, 0, _IP.size + _TCP.size, 0, 0x4000, _TTL, socket.IPPROTO_TCP, 0, *addresses]
    outer[7] = checksum(_IP.pack(*outer))
    return _IP.pack(*outer) + _TCP.pack(*head)
