"""The segment that makes a client speak is sound: scapy reads it and its checksums are right."""

from __future__ import annotations

from scapy.layers.inet import IP, TCP

from firmware.monitor.nudge import segment


def test_the_segment_is_sound() -> None:
    data = segment("203.0.113.5", 443, "192.168.8.10", 40000)
    packet = IP(data)
    assert (packet.src, packet.dst, packet.ttl) == ("203.0.113.5", "192.168.8.10", 64)
    assert (packet[TCP].sport, packet[TCP].dport, packet[TCP].flags) == (443, 40000, "A")
    again = IP(data)
    del again.chksum, again[TCP].chksum
    assert bytes(again) == data


def test_its_number_is_another_each_time() -> None:
    assert len({IP(segment("203.0.113.5", 443, "192.168.8.10", 40000))[TCP].seq for _ in range(20)}) == 20
