"""BitTorrent (BEP 3, 5, 14, 15, 29) and eDonkey with Kad (opcodes of the eMule project's documentation)."""

from __future__ import annotations

from struct import pack

from tests.captures.generate.case import UNKNOWN, Case, Truth
from tests.captures.generate.tls import noise
from tests.captures.generate.web import request

INFO_HASH = noise("torrent", 20)
BITTORRENT = Truth("bittorrent", "bittorrent", "p2p")
EDONKEY = Truth("edonkey", "edonkey", "p2p")


def _after(truth: Truth, packets: int) -> Truth:
    return Truth(truth.application, truth.protocol, truth.category, after=packets)


def utp(kind: int, sequence: int, acknowledged: int, data: bytes = b"") -> bytes:
    return pack(">BBHIIIHH", kind << 4 | 1, 0, 700, 90_000, 40, 1 << 20, sequence, acknowledged) + data


def bittorrent() -> Case:
    case = Case(
        "bittorrent",
        "Peer handshake over TCP (IPv4, and IPv6 cut in two), over uTP, DHT ping and get_peers, UDP tracker, HTTP "
        "tracker by info_hash, local discovery. All on odd ports.",
    )
    shake = b"\x13BitTorrent protocol" + bytes(8) + INFO_HASH + b"-RS0001-" + noise("peer", 12)
    case.tcp(51413, _after(BITTORRENT, 4)).say(shake).hear(shake).close()
    case.tcp6(34567, _after(BITTORRENT, 5)).say(shake[:12], shake[12:]).hear(shake).close()
    flow = case.udp(34568, BITTORRENT).say(utp(4, 1, 0)).hear(utp(2, 1, 1)).say(utp(0, 2, 1, shake))
    flow.hear(utp(2, 1, 2))
    node = noise("node", 20)
    ping = b"d1:ad2:id20:" + node + b"e1:q4:ping1:t2:aa1:y1:qe"
    case.udp(6881, BITTORRENT).say(ping).hear(b"d1:rd2:id20:" + noise("other", 20) + b"e1:t2:aa1:y1:re")
    peers = b"d1:ad2:id20:" + node + b"9:info_hash20:" + INFO_HASH + b"e1:q9:get_peers1:t2:ab1:v4:RS011:y1:qe"
    case.udp6(49001, BITTORRENT).say(peers)
    connect = pack(">QII", 0x41727101980, 0, 77)
    announce = pack(">QII", 123456789, 1, 78) + INFO_HASH + node + bytes(40)
    case.udp(6969, BITTORRENT).say(connect).hear(pack(">IIQ", 0, 77, 123456789)).say(announce)
    target = "/announce?info_hash=%9A%BC&peer_id=-RS0001-123456789012&port=51413&left=0"
    case.tcp(6969, Truth("bittorrent", "http", "p2p", "tracker.example.net", after=4)).say(
        request(target, "tracker.example.net:6969", agent="aria2/1.36.0")
    ).hear(b"HTTP/1.0 200 OK\r\n\r\nd8:intervali60e5:peers0:e").close()
    search = (
        "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 51413\r\nInfohash: "
        + INFO_HASH.hex()
        + "\r\n\r\n\r\n"
    )
    case.flow("UDP", ("192.0.2.10", 6771), ("239.192.152.143", 6771), BITTORRENT).say(search.encode())
    return case


def edonkey() -> Case:
    case = Case("edonkey", "eMule's hello to a peer and login at a server over TCP, server status and Kad over UDP.")
    tags = pack("<I", 1) + b"\x02\x01\x00\x01" + pack("<H", 5) + b"rs-01"
    hello = b"\x01\x10" + noise("user", 16) + pack("<IH", 0x0A0200C0, 4662) + tags + bytes(6)
    case.tcp(4662, _after(EDONKEY, 4)).say(b"\xe3" + pack("<I", len(hello)) + hello).hear(
        b"\xe3" + pack("<I", len(hello) - 1) + b"\x4c" + hello[2:]
    ).close()
    login = b"\x01" + noise("user", 16) + pack("<IH", 0, 4662) + tags
    case.tcp6(5661, _after(EDONKEY, 4)).say(b"\xe3" + pack("<I", len(login)) + login).close()
    case.udp(4665, EDONKEY).say(b"\xe3\x96" + pack("<I", 0x55AA0001))
    case.udp(4672, EDONKEY).say(b"\xe4\x21\x02" + noise("kad", 16) + noise("to", 16))
    return case


def thunder() -> Case:
    case = Case("thunder", "Xunlei between peers: three datagrams of its version; one alone is no sign.")
    words = [bytes([0x32, 0, 0, 0, kind]) + noise(f"thunder {kind}", 30) for kind in (6, 7, 8)]
    case.udp(12345, _after(Truth("thunder", "thunder", "p2p"), 3)).say(words[0]).hear(words[1]).say(words[2])
    case.udp(12346, UNKNOWN).say(words[0])
    return case


CASES = [bittorrent, edonkey, thunder]
