"""The same conversation in other clothes: 802.1Q, 802.1ad, PPPoE (RFC 2516), fragments of IPv4 and IPv6."""

from __future__ import annotations

from scapy.layers.inet import UDP, fragment
from scapy.layers.inet6 import IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Packet, Raw

from tests.captures.generate.case import Case, Flow, Truth, ethernet
from tests.captures.generate.dns import asked, question
from tests.captures.generate.tls import client_hello, record, truth

SOURCE, TARGET = "02:00:00:00:00:01", "02:00:00:00:00:02"


def _ether() -> Packet:
    return Ether(src=SOURCE, dst=TARGET)


def vlan(packet: Packet) -> Packet:
    return _ether() / Dot1Q(vlan=20) / packet


def double(packet: Packet) -> Packet:
    return _ether() / Dot1AD(vlan=100) / Dot1Q(vlan=20) / packet


def pppoe(packet: Packet) -> Packet:
    return _ether() / PPPoE(sessionid=7) / PPP() / packet


def tagged_pppoe(packet: Packet) -> Packet:
    return _ether() / Dot1Q(vlan=35) / PPPoE(sessionid=7) / PPP() / packet


def encapsulated() -> Case:
    case = Case(
        "links", "TLS and DNS under 802.1Q, 802.1ad with 802.1Q, PPPoE, and PPPoE in a tag; IPv4 and IPv6 each."
    )
    for link in (vlan, double, pppoe, tagged_pppoe):
        for host, make in (("h5api.m.taobao.com", case.tcp), ("api.bilibili.com", case.tcp6)):
            make(443, truth(host), link=link).say(record(client_hello(host))).close()
        case.udp(53, asked("live.kuaishou.com", "kuaishou", "video"), link=link).say(question("live.kuaishou.com", "A"))
    return case


def _fragments(flow: Flow, data: bytes, turned: bool = False) -> None:
    """A datagram in fragments: the classifier counts the one with the ports."""
    datagram = flow.ip(True) / UDP(**flow.ports(True)) / Raw(data)
    if ":" in flow.client:
        datagram = flow.ip(True) / IPv6ExtHdrFragment(id=7) / UDP(**flow.ports(True)) / Raw(data)
    pieces = fragment6(datagram, 600) if ":" in flow.client else fragment(datagram, 552)
    first = bytes(pieces[0])
    carried = len(first) - (40 + 8 if ":" in flow.client else 20) - 8
    for piece in reversed(pieces) if turned else pieces:
        if piece is pieces[0]:
            flow.put(piece, carried)
        else:
            flow.case.add(ethernet(piece))


def fragmented() -> Case:
    case = Case(
        "fragments",
        "A SIP invitation of 1,500 bytes in fragments of IPv4 in order and reversed, and of IPv6: the first one, with "
        "the ports, decides; the others belong to no flow.",
    )
    text = b"INVITE sip:bob@example.org SIP/2.0\r\nSubject: " + b"x" * 1450 + b"\r\n\r\n"
    sip = Truth("sip", "sip", "meeting")
    _fragments(case.udp(5060, sip), text)
    _fragments(case.udp(5060, sip), text, turned=True)
    _fragments(case.udp6(5060, sip), text)
    return case


CASES = [encapsulated, fragmented]
