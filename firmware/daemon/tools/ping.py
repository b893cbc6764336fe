"""Ping, by the program of that name: iputils' or busybox'."""

from __future__ import annotations

import re

from firmware.daemon.tools import program
from firmware.daemon.tools.task import Task, ToolError
from firmware.model.tools import Ping, PingResult, Reply, Said

WAIT_S = 2  # for the last answer
REPLIES_MAX = 100  # duplicates too
_TROUBLE_LETTERS = 120
_SOURCE = r"(?P<source>[0-9A-Fa-f.:]{2,45})(?:%\S{1,15})?"
# 64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.035 ms     (iputils; busybox: seq=0)
_REPLY = re.compile(
    rf"^\d+ bytes from {_SOURCE}: (?P<kind>icmp_seq|seq)=(?P<number>\d{{1,6}})"
    r".*? time[=<](?P<delay>\d{1,7}(?:\.\d{1,6})?) ms"
)
# From 192.0.2.1 icmp_seq=1 Destination Host Unreachable
_TROUBLE = re.compile(rf"^From {_SOURCE}:? icmp_seq=(?P<number>\d{{1,6}}) (?P<words>.+)$")
# 3 packets transmitted, 3 received, 0% packet loss, time 2003ms    (busybox: 3 packets received)
_SUMMARY = re.compile(r"^(?P<sent>\d{1,6}) packets transmitted, (?P<received>\d{1,6}) (?:packets )?received")
_NO_WAY = ("unreachable", "Operation not permitted", "not available", "No such device", "can't set")


def run(task: Task) -> PingResult:
    asked = task.request
    assert isinstance(asked, Ping)
    address = program.resolve(asked.host, asked.family)
    argv = [*program.find("ping"), "-c", str(asked.count), "-W", str(WAIT_S), "-s", str(asked.size_bytes)]
    if task.place is not None:
        argv += ["-I", task.place.device]
    said = program.output([*argv, "-6" if ":" in address else "-4", address], asked.count + WAIT_S + 5)
    return read(said, address)


def read(text: str, address: str) -> PingResult:
    """What the program said. :raise ToolError: it said nothing of packets, but why."""
    replies: list[Reply] = []
    sent = received = 0
    for line in text.splitlines():
        if match := _REPLY.match(line):
            number = int(match["number"]) + (match["kind"] == "seq")  # busybox counts from 0
            replies.append(Reply(number, match["source"], float(match["delay"]), "DUP" if "DUP!" in line else ""))
        elif match := _TROUBLE.match(line):
            words = _printable(match["words"])
            replies.append(Reply(int(match["number"]), match["source"], None, words))
        elif match := _SUMMARY.match(line):
            sent, received = int(match["sent"]), min(int(match["received"]), int(match["sent"]))
    if not sent:
        reason = next(
            (
                _printable(line.rpartition("ping: ")[2])
                for line in text.splitlines()
                if any(sign in line for sign in _NO_WAY)
            ),
            "",
        )
        if reason:
            raise ToolError("No packet could be sent: %(reason)s.", reason=reason)
        raise ToolError("The program ping said nothing that can be read.")
    delays = [reply.delay_ms for reply in replies if reply.delay_ms is not None and not reply.trouble]
    loss = round(100 * (sent - received) / sent, 1)
    least, most = (min(delays), max(delays)) if delays else (None, None)
    mean = round(sum(delays) / len(delays), 3) if delays else None
    return PingResult(
        address=address, replies=tuple(replies[:REPLIES_MAX]), sent=sent, received=received, loss_percent=loss,
        least_ms=least, mean_ms=mean, most_ms=most, said=tuple(_said(address, sent, received, replies)),
    )  # fmt: skip


def _said(address: str, sent: int, received: int, replies: list[Reply]) -> list[Said]:
    params = {"address": address, "sent": str(sent), "received": str(received)}
    if received == sent:
        said = [Said("ok", "%(address)s answers every packet.", params)]
    elif received:
        said = [Said("warning", "%(address)s answered %(received)s of %(sent)s packets.", params)]
    else:
        words = "%(address)s does not answer. Many hosts never answer pings: check a port of it, or trace the route."
        said = [Said("bad", words, params)]
    for source, trouble in dict.fromkeys((r.source, r.trouble) for r in replies if r.trouble and r.delay_ms is None):
        said.append(Said("info", "%(source)s says: %(words)s.", {"source": source, "words": trouble}))
    if any(reply.trouble == "DUP" for reply in replies):
        words = "Some answers came twice: an address is used twice, or there is a loop in the network."
        said.append(Said("warning", words))
    return said[:8]


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text.strip())[:_TROUBLE_LETTERS]
