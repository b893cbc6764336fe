"""Classic BPF (linux/filter.h) for a capture's filter: address, port, protocol. What else arrives is not even copied.

A program is made of steps whose jumps name their targets; ``assemble`` turns the names into distances. Packets come
with an Ethernet header, with or without a VLAN tag in it, or (from a dialled line) begin with their IP header.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import NamedTuple

from firmware.model.tools import Protocol

_LD_W, _LD_H, _LD_B, _LDX_MSH = 0x20, 0x28, 0x30, 0xB1
_IND_H = 0x48
_AND, _JEQ, _JSET, _RET = 0x54, 0x15, 0x45, 0x06
_INSTRUCTION = struct.Struct("=HBBI")
ETHERNET_BYTES, TAG_BYTES = 14, 4
_IPV4, _IPV6, _ARP, _VLAN = 0x0800, 0x86DD, 0x0806, 0x8100
_NUMBERS = {"tcp": (6,), "udp": (17,), "icmp": (1, 58)}


class Filter(NamedTuple):
    host: str | None
    port: int | None
    protocol: Protocol


class _Step(NamedTuple):
    """``yes`` and ``no`` name the step after it; ``""`` is the one that follows."""

    code: int
    value: int
    yes: str = ""
    no: str = ""
    name: str = ""


def compiled(wanted: Filter, snap_bytes: int, *, has_ethernet: bool) -> bytes:
    """The program; what fits is kept up to so many bytes."""
    steps: list[_Step] = []
    if has_ethernet:
        steps.append(_Step(_LD_H, 12))
        steps.append(_Step(_JEQ, _VLAN, "tagged", "plain"))
        steps += _by_type("tagged", 16, ETHERNET_BYTES + TAG_BYTES, wanted)
        steps += _by_type("plain", 12, ETHERNET_BYTES, wanted)
    else:
        steps.append(_Step(_LD_B, 0))
        steps.append(_Step(_AND, 0xF0))
        steps.append(_Step(_JEQ, 0x40, "bare.4", ""))
        steps.append(_Step(_JEQ, 0x60, "bare.6", "drop"))
        steps += [*_four("bare", 0, wanted), *_six("bare", 0, wanted)]
    steps += [_Step(_RET, snap_bytes, name="keep"), _Step(_RET, 0, name="drop")]
    return assemble(steps)


def assemble(steps: list[_Step]) -> bytes:
    """The instructions as the kernel reads them."""
    places = {step.name: number for number, step in enumerate(steps) if step.name}
    program = b""
    for number, step in enumerate(steps):
        yes, no = (places[name] - number - 1 if name else 0 for name in (step.yes, step.no))
        program += _INSTRUCTION.pack(step.code, yes, no, step.value)
    return program


def _by_type(name: str, type_at: int, start: int, wanted: Filter) -> list[_Step]:
    """From the type field on; ``start`` is where the packet begins that the frame carries."""
    return [
        _Step(_LD_H, type_at, name=name),
        _Step(_JEQ, _IPV4, f"{name}.4", ""),
        _Step(_JEQ, _IPV6, f"{name}.6", ""),
        _Step(_JEQ, _ARP, f"{name}.arp", "keep" if wanted == Filter(None, None, "any") else "drop"),
        *_four(name, start, wanted),
        *_six(name, start, wanted),
        *_arp(name, start, wanted),
    ]


def _four(name: str, start: int, wanted: Filter) -> list[_Step]:
    name = f"{name}.4"
    if wanted.protocol == "arp" or _version(wanted) == 6:
        return [_Step(_RET, 0, name=name)]
    steps = [_Step(_LD_B, start + 9, name=name), *_protocol(f"{name}.protocol", wanted)]
    if wanted.host is not None:
        value = int(ip_address(wanted.host))
        steps += [_Step(_LD_W, start + 12), _Step(_JEQ, value, f"{name}.port", "")]
        steps += [_Step(_LD_W, start + 16), _Step(_JEQ, value, f"{name}.port", "drop")]
    if wanted.port is None:
        return [*steps, _Step(_JEQ, 0, "keep", "keep", name=f"{name}.port")]
    # Only a datagram's first fragment has ports.
    steps += [_Step(_LD_H, start + 6, name=f"{name}.port"), _Step(_JSET, 0x1FFF, "drop", "")]
    steps += [_Step(_LDX_MSH, start)]
    steps += [_Step(_IND_H, start), _Step(_JEQ, wanted.port, "keep", "")]
    return [*steps, _Step(_IND_H, start + 2), _Step(_JEQ, wanted.port, "keep", "drop")]


def _six(name: str, start: int, wanted: Filter) -> list[_Step]:
    """Headers of extensions are not followed: of packets that have one only the address can be judged."""
    name = f"{name}.6"
    if wanted.protocol == "arp" or _version(wanted) == 4:
        return [_Step(_RET, 0, name=name)]
    steps = [_Step(_LD_B, start + 6, name=name), *_protocol(f"{name}.protocol", wanted)]
    if wanted.host is not None:
        words = struct.unpack("!4I", ip_address(wanted.host).packed)
        for place, after in ((8, f"{name}.to"), (24, "drop")):
            for number, word in enumerate(words):
                label = f"{name}.to" if place == 24 and not number else ""
                steps.append(_Step(_LD_W, start + place + 4 * number, name=label))
                steps.append(_Step(_JEQ, word, f"{name}.port" if number == 3 else "", after))
    if wanted.port is None:
        return [*steps, _Step(_JEQ, 0, "keep", "keep", name=f"{name}.port")]
    steps += [_Step(_LD_H, start + 40, name=f"{name}.port"), _Step(_JEQ, wanted.port, "keep", "")]
    return [*steps, _Step(_LD_H, start + 42), _Step(_JEQ, wanted.port, "keep", "drop")]


def _arp(name: str, start: int, wanted: Filter) -> list[_Step]:
    name = f"{name}.arp"
    if wanted.protocol not in ("any", "arp") or wanted.port is not None or _version(wanted) == 6:
        return [_Step(_RET, 0, name=name)]
    if wanted.host is None:
        return [_Step(_JEQ, 0, "keep", "keep", name=name)]
    value = int(ip_address(wanted.host))
    steps = [_Step(_LD_W, start + 14, name=name), _Step(_JEQ, value, "keep", "")]
    return [*steps, _Step(_LD_W, start + 24), _Step(_JEQ, value, "keep", "drop")]


def _protocol(after: str, wanted: Filter) -> list[_Step]:
    """Whether the protocol that was loaded is wanted: goes on behind, or drops. The last step only bears the name."""
    numbers = _NUMBERS.get(wanted.protocol, (6, 17) if wanted.port is not None else ())
    if not numbers:
        return []
    *others, last = numbers
    steps = [_Step(_JEQ, number, after, "") for number in others]
    return [*steps, _Step(_JEQ, last, after, "drop"), _Step(_LDX_MSH, 0, name=after)]


def _version(wanted: Filter) -> int | None:
    return ip_address(wanted.host).version if wanted.host is not None else None
