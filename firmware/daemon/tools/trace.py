"""The way to a host, by the program traceroute: busybox' or another."""

from __future__ import annotations

import re

from firmware.daemon.tools import program
from firmware.daemon.tools.task import Task, ToolError
from firmware.model.tools import Hop, Said, Trace, TraceResult

HOPS_MAX, PROBES, WAIT_S = 24, 2, 1
SECONDS = HOPS_MAX * PROBES * WAIT_S + 4
_ROW = re.compile(r"^\s{0,3}(\d{1,3})\s{1,3}(?=\S)")
_TOKEN = re.compile(
    r"(?P<delay>\d{1,7}(?:\.\d{1,6})?) ms|(?P<silent>\*)|(?P<trouble>![A-Z<>0-9-]{0,5})"
    r"|(?P<address>[0-9A-Fa-f]{0,4}[.:][0-9A-Fa-f.:]{1,45})(?:%\S{1,15})?(?=\s|$)"
)
UNREACHABLE = {
    "!H": "host unreachable",
    "!N": "network unreachable",
    "!P": "protocol unreachable",
    "!X": "forbidden by a firewall",
    "!A": "forbidden by a firewall",
}


def run(task: Task) -> TraceResult:
    asked = task.request
    assert isinstance(asked, Trace)
    address = program.resolve(asked.host, asked.family)
    is_six = ":" in address
    argv = [*program.find("traceroute6" if is_six else "traceroute"), "-n"]
    argv += ["-q", str(PROBES), "-w", str(WAIT_S), "-m", str(HOPS_MAX)]
    if task.place is not None:
        argv += ["-i", task.place.device]
    return read(program.output([*argv, address], SECONDS), address)


def read(text: str, address: str) -> TraceResult:
    """What the program said. :raise ToolError: it named no router."""
    hops: list[Hop] = []
    for line in text.splitlines():
        match = _ROW.match(line)
        if match is None or int(match[1]) != (hops[-1].number + 1 if hops else 1) or len(hops) >= HOPS_MAX:
            continue
        hops.append(_hop(int(match[1]), line[match.end() :]))
    if not hops:
        reason = next((line.strip() for line in text.splitlines() if "can't" in line or "nreach" in line), "")
        if reason:
            raise ToolError("No packet could be sent: %(reason)s.", reason=reason[:120])
        raise ToolError("The program traceroute said nothing that can be read.")
    while len(hops) > 1 and not hops[-1].address and not hops[-2].address:
        hops.pop()  # one silent row says as much as twenty
    is_reached = hops[-1].address == address
    return TraceResult(address=address, hops=tuple(hops), is_reached=is_reached, said=_said(hops, address, is_reached))


def _hop(number: int, words: str) -> Hop:
    address, delays, trouble = "", [], ""
    for token in _TOKEN.finditer(words):
        if token["delay"] is not None:
            delays.append(float(token["delay"]))
        elif token["address"] is not None:
            address = address or token["address"]
        elif token["trouble"] is not None:
            trouble = trouble or UNREACHABLE.get(token["trouble"], token["trouble"])
    return Hop(number, address, tuple(delays[:PROBES]), trouble)


def _said(hops: list[Hop], address: str, is_reached: bool) -> tuple[Said, ...]:
    count = {"address": address, "hops": str(len(hops))}
    if is_reached and not hops[-1].trouble:
        return (Said("ok", "%(address)s is reached by %(hops)s steps.", count),)
    known = next((hop for hop in reversed(hops) if hop.address), None)
    if known is None:
        return (Said("bad", "No router on the way answers, not even the first: check line and cable."),)
    if known.trouble:
        words = "%(router)s, step %(hop)s, lets nothing pass: %(words)s."
        return (Said("bad", words, {"router": known.address, "hop": str(known.number), "words": known.trouble}),)
    words = "The last that answers is %(router)s, step %(hop)s; behind it nobody does, or nobody wants to."
    return (Said("warning", words, {"router": known.address, "hop": str(known.number)}),)
