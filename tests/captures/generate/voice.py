"""Calls and streams: STUN and TURN (RFC 8489, 8656), RTP and RTCP (RFC 3550), SIP, RTSP, RTMP."""

from __future__ import annotations

from struct import pack

from scapy.layers.rtp import RTP

from tests.captures.generate.case import Case, Truth
from tests.captures.generate.tls import noise

COOKIE = 0x2112A442


def stun(kind: int, attributes: bytes = b"") -> bytes:
    return pack(">HHI", kind, len(attributes), COOKIE) + noise(f"transaction {kind}", 12) + attributes


def attribute(kind: int, value: bytes) -> bytes:
    return pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _rtp(number: int, source: int, size: int = 160) -> bytes:
    return bytes(RTP(version=2, payload_type=8, sequence=number, timestamp=number * 160, sourcesync=source)) + noise(
        str(number), size
    )


def calls() -> Case:
    case = Case(
        "calls",
        "A STUN binding without a sign of whose it is, STUN that names its software and its realm, a TURN allocation, "
        "SIP over UDP, TCP and IPv6, then the RTP and RTCP of the call.",
    )
    case.udp(3478, Truth("stun", "stun", "meeting", after=0)).say(stun(1)).hear(
        stun(0x101, attribute(0x20, pack(">HHI", 1, 0x1234, 0x0A0B0C0D)))
    )
    realm = attribute(0x14, b"turn.example.net") + attribute(0x15, b"nonce123")
    case.udp6(3478, Truth("stun", "stun", "meeting", "turn.example.net", after=2)).say(
        stun(3, attribute(0x19, b"\x11\0\0\0"))
    ).hear(stun(0x113, attribute(9, b"\0\0\x04\x01Unauthorized") + realm))
    case.tcp(3478, Truth("stun", "stun", "meeting", "turn.example.org", after=5)).say(
        stun(3, attribute(0x19, b"\x11\0\0\0"))
    ).hear(stun(0x113, attribute(0x14, b"turn.example.org"))).close()
    invite = (
        b"INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1\r\nFrom: <sip:a@"
        b"example.com>\r\nTo: <sip:bob@example.org>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    sip = Truth("sip", "sip", "meeting")
    case.udp(5060, sip).say(invite).hear(b"SIP/2.0 100 Trying\r\n\r\n")
    case.udp6(15060, sip).say(invite.replace(b"INVITE", b"REGISTER"))
    case.tcp(5060, Truth("sip", "sip", "meeting", after=4)).say(invite).close()
    call = case.udp(20002, Truth("rtp", "rtp", "meeting", after=5))
    call.say(_rtp(1, 7)).hear(_rtp(900, 8)).say(_rtp(2, 7)).hear(_rtp(901, 8)).say(_rtp(3, 7)).hear(_rtp(902, 8))
    report = pack(">BBHIIIIII", 0x80, 200, 6, 7, 0, 0, 0, 3, 480)
    case.udp6(20003, Truth("rtcp", "rtcp", "meeting")).say(report)
    return case


def streams() -> Case:
    case = Case("streams", "RTSP of a camera, RTMP's handshake to its own port over IPv4 and to an odd one over IPv6.")
    describe = b"DESCRIBE rtsp://198.51.100.1/live RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    case.tcp(554, Truth("rtsp", "rtsp", "video", after=4)).say(describe).hear(
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"
    ).close()
    shake = b"\x03" + bytes(8) + noise("rtmp", 1528)
    case.tcp(1935, Truth("rtmp", "rtmp", "live", after=4)).say(shake[:1400], shake[1400:]).hear(shake[:1400]).close()
    case.tcp6(19350, Truth("rtmp", "rtmp", "live", after=5)).say(shake[:1400], shake[1400:]).close()
    return case


def lines() -> Case:
    case = Case("voice-lines", "IAX2, BFCP, H.225 RAS, Mumble's ping, RTP over TCP, and a radio station's Icecast.")
    for port, application, data in [
        (4569, "iax", bytes.fromhex("800100000000000000000601") + b"\x0b\x02\x00\x02"),
        (5070, "bfcp", bytes.fromhex("200b000000000001000100 02".replace(" ", ""))),
        (1719, "h323", bytes.fromhex("0e8000010600080d0002a0")),
        (64738, "mumble", bytes(4) + noise("ident", 8)),
    ]:
        case.udp(port, Truth(application, application, "meeting")).say(data)
    packets = [_rtp(n, 9) for n in range(2)]
    framed = b"".join(pack(">H", len(packet)) + packet for packet in packets)
    case.tcp(5000, Truth("rtp", "rtp", "meeting", after=4)).say(framed).close()
    source = b"SOURCE /live ICE/1.0\r\ncontent-type: audio/mpeg\r\n\r\n"
    case.tcp(8010, Truth("icecast", "icecast", "music", after=4)).say(source).close()
    listen = b"GET /radio HTTP/1.1\r\nHost: 198.51.100.1\r\nIcy-MetaData: 1\r\n\r\n"
    case.tcp(8011, Truth("icecast", "http", "music", "198.51.100.1", after=4)).say(listen).close()
    playlist = b"GET /live/index.m3u8 HTTP/1.1\r\nHost: cdn.example\r\n\r\n"
    case.tcp(80, Truth("hls", "http", "video", "cdn.example", after=4)).say(playlist).close()
    manifest = playlist.replace(b"index.m3u8", b"all.mpd")
    case.tcp6(80, Truth("mpegdash", "http", "video", "cdn.example", after=4)).say(manifest).close()
    job = b"POST /ipp/print HTTP/1.1\r\nHost: printer\r\nContent-Type: application/ipp\r\n\r\n"
    case.tcp(631, Truth("ipp", "http", "office", "printer", after=4)).say(job).close()
    return case


CASES = [calls, streams, lines]
