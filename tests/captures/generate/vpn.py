"""Tunnels: WireGuard, OpenVPN, IKEv2 (RFC 7296, 3948), PPTP and its GRE (RFC 2637), GRE (RFC 2784), L2TP (RFC 2661)."""

from __future__ import annotations

from struct import pack

from scapy.layers.l2 import GRE
from scapy.packet import Raw

from tests.captures.generate.case import Case, Truth
from tests.captures.generate.tls import client_hello, noise, record, truth


def _vpn(name: str, after: int = 1) -> Truth:
    return Truth(name, name, "vpn", after=after)


def modern() -> Case:
    case = Case(
        "vpn",
        "WireGuard's handshake on its own and on an odd port, OpenVPN over UDP and TCP, IKEv2 and its move to UDP 4500 "
        "with ESP inside.",
    )
    start, reply = b"\x01\0\0\0" + noise("initiation", 144), b"\x02\0\0\0" + noise("response", 88)
    data = b"\x04\0\0\0" + noise("receiver", 4) + pack("<Q", 0) + noise("sealed", 96)
    case.udp(51820, _vpn("wireguard")).say(start).hear(reply).say(data)
    case.udp6(4433, _vpn("wireguard")).say(start).hear(reply).say(data)
    hard = b"\x38" + noise("session", 8) + b"\0" + bytes(4)
    answer = b"\x40" + noise("server session", 8) + b"\x01" + bytes(4) + noise("session", 8) + bytes(4)
    case.udp(1194, _vpn("openvpn")).say(hard).hear(answer)
    framed = len(hard).to_bytes(2, "big") + hard
    case.tcp6(1195, _vpn("openvpn", 4)).say(framed).hear(len(answer).to_bytes(2, "big") + answer).close()
    body = pack(">BBH", 0, 0, 8) + bytes(4)
    ike = noise("spi", 8) + bytes(8) + pack(">BBBBII", 33, 0x20, 34, 8, 0, 28 + len(body)) + body
    case.udp(500, _vpn("ipsec")).say(ike)
    case.udp6(4500, _vpn("ipsec")).say(bytes(4) + ike)
    esp = pack(">II", 0xC0FFEE01, 1) + noise("esp", 80)
    case.udp(4500, _vpn("ipsec")).say(esp)
    return case


def old() -> Case:
    case = Case(
        "vpn-old",
        "PPTP's control connection and its enhanced GRE, GRE with IPv4 and with IPv6 inside (what is inside is told), "
        "and L2TP's control message.",
    )
    start = (
        pack(">HHIHHHHIIHH", 156, 1, 0x1A2B3C4D, 1, 0, 0x100, 0, 1, 1, 0, 1)
        + b"pc".ljust(64, b"\0")
        + b"rs".ljust(64, b"\0")
    )
    case.tcp(1723, _vpn("pptp", 4)).say(start).hear(start[:9] + b"\x02" + start[10:]).close()
    tunnel = case.flow("GRE", ("192.0.2.10", 0), ("198.51.100.1", 0), _vpn("gre"))
    ppp = b"\xff\x03\xc0\x21\x01\x01\x00\x04"
    head = pack(">HHHHI", 0x3001, 0x880B, len(ppp), 1, 0)
    tunnel.put(tunnel.ip(True, proto=47) / Raw(head + ppp), len(head + ppp))

    def inside(packet):  # type: ignore[no-untyped-def]
        return case.link(tunnel.ip(True, proto=47) / GRE() / packet)

    case.tcp(443, truth("mp.weixin.qq.com"), link=inside).say(record(client_hello("mp.weixin.qq.com"))).close()
    case.tcp6(443, truth("www.douyin.com"), link=inside).say(record(client_hello("www.douyin.com"))).close()
    attributes = bytes.fromhex("800800000000000180080000000201008008000000070000")
    control = pack(">HHHHHH", 0xC802, 12 + len(attributes), 0, 0, 0, 0) + attributes
    case.udp(1701, _vpn("l2tp")).say(control)
    return case


CASES = [modern, old]
