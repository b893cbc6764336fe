"""DNS messages (RFC 1035): a question, and what an answer holds. Pure; an answer may be all that a stranger sends."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address
from typing import NamedTuple

from firmware.model.tools import Record

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
RECORDS_MAX, VALUE_LETTERS = 60, 300
_NAMES = {number: name for name, number in TYPES.items()}
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_IN = 1
_RECURSE, _REPLY, _TRUNCATED, _RCODE = 0x0100, 0x8000, 0x0200, 0x000F
_POINTERS_MAX, _NAME_BYTES = 20, 255


class Message(NamedTuple):
    """An answer; ``rcode`` as RFC 1035 has it (0 no error, 2 server failure, 3 no such name, 5 refused)."""

    rcode: int
    is_truncated: bool
    records: tuple[Record, ...]


def question(number: int, name: str, kind: str) -> bytes:
    """A recursive question. An address asked as PTR is turned round. :raise ValueError: the name cannot be asked."""
    if kind == "PTR":
        name = _reverse(name)
    labels = [label.encode("idna") if not label.isascii() else label.encode() for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels) or sum(map(len, labels)) + len(labels) >= _NAME_BYTES:
        raise ValueError(name)
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return _HEADER.pack(number, _RECURSE, 1, 0, 0, 0) + encoded + struct.pack("!HH", TYPES[kind], _IN)


def answer(data: bytes, asked: bytes) -> Message | None:
    """The answer to a question as it was sent, ``None`` when it is none. :raise ValueError: it is broken."""
    if len(data) < _HEADER.size or data[:2] != asked[:2]:
        return None
    _, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
    if not flags & _REPLY:
        return None
    rcode, is_truncated = flags & _RCODE, bool(flags & _TRUNCATED)
    if questions == 0 and rcode:  # some servers leave the question out when they refuse
        return Message(rcode, is_truncated, ())
    sent = asked[_HEADER.size :]
    if questions != 1 or data[_HEADER.size : _HEADER.size + len(sent)].lower() != sent.lower():
        return None
    offset, records = _HEADER.size + len(sent), []
    for _ in range(min(answers, RECORDS_MAX)):
        if offset >= len(data) and is_truncated:
            break
        name, offset = _name(data, offset)
        if offset + _RECORD.size > len(data):
            raise ValueError("cut off")
        kind, _, ttl_s, length = _RECORD.unpack_from(data, offset)
        offset += _RECORD.size
        if offset + length > len(data):
            raise ValueError("cut off")
        value = _value(data, kind, offset, length)
        records.append(Record(name, _NAMES.get(kind, f"TYPE{kind}"), ttl_s, value[:VALUE_LETTERS]))
        offset += length
    return Message(rcode, is_truncated, tuple(records))


def _value(data: bytes, kind: int, offset: int, length: int) -> str:
    rest = data[offset : offset + length]
    if kind == TYPES["A"] and length == 4:
        return socket.inet_ntop(socket.AF_INET, rest)
    if kind == TYPES["AAAA"] and length == 16:
        return socket.inet_ntop(socket.AF_INET6, rest)
    if kind in (TYPES["NS"], TYPES["CNAME"], TYPES["PTR"]):
        return _name(data, offset)[0]
    if kind == TYPES["MX"] and length > 2:
        return f"{int.from_bytes(rest[:2], 'big')} {_name(data, offset + 2)[0]}"
    if kind == TYPES["SRV"] and length > 6:
        priority, weight, port = struct.unpack("!HHH", rest[:6])
        return f"{priority} {weight} {port} {_name(data, offset + 6)[0]}"
    if kind == TYPES["SOA"]:
        server, after = _name(data, offset)
        return f"{server} {_name(data, after)[0]}"
    if kind == TYPES["TXT"]:
        return " ".join(_strings(rest))
    return rest[: VALUE_LETTERS // 2].hex()


def _strings(data: bytes) -> list[str]:
    found, offset = [], 0
    while offset < len(data):
        length = data[offset]
        found.append(f'"{_printable(data[offset + 1 : offset + 1 + length])}"')
        offset += length + 1
    return found


def _name(data: bytes, offset: int) -> tuple[str, int]:
    """The name at a place and the place behind it. :raise ValueError: it is too long or leads in circles."""
    labels: list[str] = []
    end, jumps, size = 0, 0, 0
    while True:
        if offset >= len(data):
            raise ValueError("cut off")
        length = data[offset]
        if length >= 0xC0:
            if offset + 1 >= len(data):
                raise ValueError("cut off")
            end = end or offset + 2
            offset = (length & 0x3F) << 8 | data[offset + 1]
            jumps += 1
            if jumps > _POINTERS_MAX:
                raise ValueError("it leads in circles")
            continue
        if length >= 0x40:
            raise ValueError("no name")
        offset += 1
        if not length:
            return ".".join(labels) or ".", end or offset
        size += length + 1
        if size > _NAME_BYTES or offset + length > len(data):
            raise ValueError("cut off")
        labels.append(_printable(data[offset : offset + length]))
        offset += length


def _printable(data: bytes) -> str:
    return "".join(chr(byte) if 0x20 < byte < 0x7F or byte == 0x20 else "?" for byte in data)


def _reverse(name: str) -> str:
    try:
        return ip_address(name).reverse_pointer
    except ValueError:
        return name
