"""What ping, traceroute, name servers and drivers say, as rows and sentences; hostile sayings too."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.daemon.tools import cable, dns, lookup, ping, port, trace
from firmware.daemon.tools.task import ToolError
from firmware.kernel import cable as driver
from firmware.kernel.netlink import attribute
from firmware.model.tools import Reply

IPUTILS = """PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.
64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.152 ms
64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.160 ms (DUP!)
From 198.51.100.9 icmp_seq=2 Destination Host Unreachable

--- 192.0.2.1 ping statistics ---
2 packets transmitted, 1 received, +1 duplicates, +1 errors, 50% packet loss, time 1003ms
"""
BUSYBOX = """PING 2001:db8::1 (2001:db8::1): 56 data bytes
64 bytes from 2001:db8::1: seq=0 ttl=64 time=12.5 ms
64 bytes from 2001:db8::1: seq=1 ttl=64 time=13.5 ms

--- 2001:db8::1 ping statistics ---
2 packets transmitted, 2 packets received, 0% packet loss
round-trip min/avg/max = 12.5/13.0/13.5 ms
"""
TRACED = """traceroute to 192.0.2.1 (192.0.2.1), 24 hops max, 46 byte packets
 1  192.168.8.1  0.345 ms  0.210 ms
 2  *  *
 3  198.51.100.1  5.1 ms 198.51.100.2  6.2 ms
 4  192.0.2.1  9 ms  9.25 ms
"""


def test_ping_of_iputils() -> None:
    found = ping.read(IPUTILS, "192.0.2.1")
    assert found.replies == (
        Reply(1, "192.0.2.1", 0.152),
        Reply(1, "192.0.2.1", 0.16, "DUP"),
        Reply(2, "198.51.100.9", None, "Destination Host Unreachable"),
    )
    assert (found.sent, found.received, found.loss_percent, found.most_ms) == (2, 1, 50.0, 0.152)
    assert [said.level for said in found.said] == ["warning", "info", "warning"]


def test_ping_of_busybox_counts_from_one_too() -> None:
    found = ping.read(BUSYBOX, "2001:db8::1")
    assert [reply.number for reply in found.replies] == [1, 2]
    assert (found.least_ms, found.mean_ms, found.most_ms, found.said[0].level) == (12.5, 13.0, 13.5, "ok")


def test_ping_that_cannot_leave_says_why() -> None:
    with pytest.raises(ToolError) as error:
        ping.read("/usr/bin/ping: connect: Network is unreachable\n", "192.0.2.1")
    assert error.value.said.params == {"reason": "connect: Network is unreachable"}
    with pytest.raises(ToolError):
        ping.read("", "192.0.2.1")


@given(st.text(max_size=300), st.integers(0, 400))
def test_a_mangled_ping_is_read_or_refused(noise: str, at: int) -> None:
    text = IPUTILS[:at] + noise + IPUTILS[at:]
    try:
        found = ping.read(text, "192.0.2.1")
    except ToolError:
        return
    assert all(reply.trouble.isprintable() and len(reply.trouble) <= 120 for reply in found.replies)
    assert 0 <= found.received <= found.sent


def test_a_flood_of_answers_is_cut() -> None:
    row = "64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=1 ms (DUP!)\n"
    found = ping.read(row * 5000 + "1 packets transmitted, 1 received, 0% packet loss\n", "192.0.2.1")
    assert len(found.replies) == ping.REPLIES_MAX


def test_trace_knows_silence_and_two_routers_of_one_step() -> None:
    found = trace.read(TRACED, "192.0.2.1")
    assert [(hop.address, hop.delays_ms) for hop in found.hops] == [
        ("192.168.8.1", (0.345, 0.21)), ("", ()), ("198.51.100.1", (5.1, 6.2)), ("192.0.2.1", (9.0, 9.25)),
    ]  # fmt: skip
    assert found.is_reached
    assert found.said[0].level == "ok"


def test_trace_says_where_it_ends() -> None:
    refused = trace.read(" 1  192.168.8.1  0.3 ms  0.2 ms\n 2  203.0.113.1  4 ms !X  *\n", "192.0.2.1")
    assert refused.said[0].params == {"router": "203.0.113.1", "hop": "2", "words": "forbidden by a firewall"}
    silent = trace.read(
        " 1  192.168.8.1  0.3 ms  0.2 ms\n" + "".join(f" {n}  *  *\n" for n in range(2, 25)), "192.0.2.1"
    )
    assert len(silent.hops) == 2, "one silent row says as much as twenty"
    assert silent.said[0].level == "warning"
    nobody = trace.read(" 1  *  *\n 2  *  *\n", "192.0.2.1")
    assert nobody.said[0].level == "bad"
    with pytest.raises(ToolError):
        trace.read("traceroute: can't connect to remote host: Network is unreachable\n", "192.0.2.1")


@given(st.text(max_size=300), st.integers(0, 200))
def test_a_mangled_trace_is_read_or_refused(noise: str, at: int) -> None:
    try:
        found = trace.read(TRACED[:at] + noise + TRACED[at:], "192.0.2.1")
    except ToolError:
        return
    assert [hop.number for hop in found.hops] == list(range(1, len(found.hops) + 1))


# -- names


def reply(asked: bytes, records: bytes, count: int, flags: int = 0x8180) -> bytes:
    return asked[:2] + struct.pack("!HHHHH", flags, 1, count, 0, 0) + asked[12:] + records


def record(kind: int, value: bytes, name: bytes = b"\xc0\x0c") -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 300, len(value)) + value


ASKED = dns.question(0x1234, "www.example.com", "A")


def test_records_of_every_type_are_words() -> None:
    name = b"\x02ns\xc0\x10"  # ns.example.com
    values = {
        1: b"\xc0\x00\x02\x01", 28: socket.inet_pton(socket.AF_INET6, "2001:db8::1"), 5: name, 15: b"\0\x0a" + name,
        16: b"\x03a b\x01\xff", 33: struct.pack("!HHH", 1, 2, 443) + name, 6: name + name + b"\0" * 20, 99: b"\x01\x02",
    }  # fmt: skip
    found = dns.answer(reply(ASKED, b"".join(record(*item) for item in values.items()), len(values)), ASKED)
    assert found is not None
    assert [(row.type, row.value) for row in found.records] == [
        ("A", "192.0.2.1"), ("AAAA", "2001:db8::1"), ("CNAME", "ns.example.com"), ("MX", "10 ns.example.com"),
        ("TXT", '"a b" "?"'), ("SRV", "1 2 443 ns.example.com"), ("SOA", "ns.example.com ns.example.com"),
        ("TYPE99", "0102"),
    ]  # fmt: skip
    assert {row.name for row in found.records} == {"www.example.com"}


def test_another_answer_is_none_and_circles_end() -> None:
    assert dns.answer(reply(dns.question(0x1235, "www.example.com", "A"), b"", 0), ASKED) is None
    assert dns.answer(reply(ASKED, b"", 0, flags=0x0100), ASKED) is None, "a question"
    circle = len(ASKED)
    with pytest.raises(ValueError, match="circles"):
        dns.answer(reply(ASKED, record(1, b"\0" * 4, struct.pack("!H", 0xC000 | circle)), 1), ASKED)
    with pytest.raises(ValueError, match="cut off"):
        dns.answer(reply(ASKED, record(1, b"\0" * 4)[:-1], 1), ASKED)


@given(st.binary(max_size=200))
def test_any_answer_is_read_or_refused(noise: bytes) -> None:
    try:
        found = dns.answer(reply(ASKED, noise, 5), ASKED)
    except ValueError:
        return
    assert found is not None
    assert all(row.value.isprintable() and row.name.isprintable() for row in found.records)


def test_names_that_cannot_be_asked() -> None:
    for name in ("a..b", "x" * 64, ".".join(["x" * 60] * 5)):
        with pytest.raises(ValueError):
            dns.question(1, name, "A")
    assert b"\x04arpa" in dns.question(1, "192.0.2.1", "PTR")


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """A name server of the test's own: answers with the flags and records that it is given, in turn."""
    flags: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                asked, who = door.recvfrom(512)
                if asked == b"end":
                    return
                if flags:
                    door.sendto(asked[:2] + flags[0] + asked[12:], who)

        thread = threading.Thread(target=serve)
        thread.start()
        yield str(door.getsockname()[1]), flags
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"end", door.getsockname())
        thread.join()


def test_what_a_server_says_is_told_in_words(server: tuple[str, list[bytes]]) -> None:
    number, flags = server
    for rcode, outcome in ((3, "no_such_name"), (5, "refused"), (2, "failed"), (0, "nothing")):
        flags[:] = [struct.pack("!HHHHH", 0x8180 | rcode, 1, 0, 0, 0)]
        found = lookup.ask("www.example.com", "A", "127.0.0.1", None, port=int(number))
        assert (found.outcome, found.server) == (outcome, "127.0.0.1")
    flags.clear()
    assert lookup.ask("x.example", "A", "127.0.0.1", None, port=int(number), wait_s=0.05).outcome == "silent"


# -- ports


def test_a_port_is_open_or_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        number = door.getsockname()[1]
        assert port.check("127.0.0.1", number, None).outcome == "open"
    assert port.check("127.0.0.1", number, None).outcome == "refused"


def link(**bits: tuple[int, ...]) -> bytes:
    """A driver's answer with three masks of one word each."""
    masks = [sum(1 << bit for bit in bits.get(name, ())) for name in ("can", "offers", "partner")]
    return struct.pack("=IIBBBBBBBbBBBB28x", 0x4C, 100, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0) + struct.pack("=3I", *masks)


def port_state(settings: driver.LinkSettings, changes: int = 1, errors: int = 0) -> list[str]:
    found = driver.Port(2, 0, True, changes, driver.Counters(errors, 0, 0, 0))
    return [said.message for said in cable.judged(cable.state("eth0", found, settings, {}))]


def test_a_broken_wire_is_told_from_a_slow_partner() -> None:
    slow = driver.read_settings(link(can=(3, 5, 6), partner=(3,)), 1)
    assert (slow.speed_mbps, slow.duplex, slow.negotiates, slow.can_mbps, slow.partner_mbps) == (
        100,
        "full",
        True,
        1000,
        100,
    )
    assert "offers no more" in port_state(slow)[0]
    assert (
        "wire of the cable may be broken" in port_state(driver.read_settings(link(can=(3, 5, 6), partner=(3, 5)), 1))[0]
    )
    assert "or a wire" in port_state(driver.read_settings(link(can=(3, 5, 6)), 1))[0]
    assert "well, at" in port_state(driver.read_settings(link(can=(3, 6)), 1))[0]
    worn = port_state(driver.read_settings(link(can=(3, 6)), 1), changes=40, errors=5000)
    assert len(worn) == 2


def test_a_port_is_read_from_netlink() -> None:
    stats = struct.pack("=8Q", 1, 2, 3, 4, 5, 6, 7, 8)
    body = struct.pack("=BBHiII", 0, 0, 1, 7, 0, 0) + attribute(3, "eth0") + attribute(23, stats) + attribute(33, b"\1")
    assert driver.read_port(body) == ("eth0", driver.Port(7, 0, True, 0, driver.Counters(5, 6, 7, 8)))
    assert driver.read_port(body[:16] + os.urandom(0))[1].has_carrier is False
