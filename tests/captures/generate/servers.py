"""What servers and clusters say to each other: queues, databases, storage, hospitals' images, remote management."""

from __future__ import annotations

from struct import pack

from tests.captures.generate.case import Case, Truth


def kafka() -> bytes:
    """ApiVersions version 3 of a producer."""
    body = pack(">hhih", 18, 3, 1, 10) + b"producer-1" + b"\0"
    return pack(">i", len(body)) + body


def drda() -> bytes:
    """EXCSAT with one parameter."""
    ddm = pack(">HH", 12, 0x1041) + pack(">HH", 8, 0x115E) + b"db2c"
    return pack(">HBBH", 6 + len(ddm), 0xD0, 0x41, 1) + ddm


def dicom() -> bytes:
    """A-ASSOCIATE-RQ: called and calling title, 32 reserved bytes, no items."""
    body = pack(">HH", 1, 0) + b"ARCHIVE".ljust(16) + b"SCANNER".ljust(16) + bytes(32)
    return pack(">BBI", 1, 0, len(body)) + body


def clusters() -> Case:
    case = Case("servers", "First words of queues, databases, storage and management, made by their specifications.")
    samples = [
        (9092, "apachekafka", "cloud", kafka()),
        (61616, "openwire", "cloud", pack(">i", 15) + b"\x01ActiveMQ" + pack(">i", 12) + b"\0\0"),
        (5555, "zeromq", "cloud", b"\xff" + bytes(8) + b"\x7f\x03\x01NULL".ljust(55, b"\0")),
        (9000, "fastcgi", "network", bytes.fromhex("01010001000800000001000000000000")),
        (8888, "haproxy", "network", b"PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n"),
        (8889, "haproxy", "network", bytes.fromhex("0d0a0d0a000d0a515549540a2111000c") + bytes(12)),
        (9001, "clickhouse", "cloud", b"\0\x11ClickHouse client\x17\x03\xb2\xa9\x03\0"),
        (50000, "drda", "cloud", drda()),
        (988, "lustre", "cloud", pack("<IIQ", 0xACCE7100, 1, 0x20000C0000201)),
        (104, "dicom", "office", dicom()),
        (
            210,
            "z3950",
            "education",
            bytes.fromhex("b4268302 0020".replace(" ", "")) + b"\x84\x02\0\x40".ljust(34, b"\0"),
        ),
        (854, "dlep", "network", pack(">HH", 1, 8) + bytes(8)),
        (7680, "msdo", "download", b"\x0eSwarm protocol" + bytes(60)),
        (411, "directconnect", "p2p", b"$Lock EXTENDEDPROTOCOL Pk=hub|"),
        (1511, "directconnect", "p2p", b"HSUP ADBASE ADTIGR\n"),
    ]
    for port, application, category, data in samples:
        case.tcp(port, Truth(application, application, category, after=4)).say(data).close()
    for port, application, category, data in [
        (7001, "rx", "cloud", pack(">IIIIIBBBBHH", 0x65000000, 0x10, 1, 1, 1, 1, 5, 0, 0, 0, 4)),
        (623, "rmcp", "system", bytes.fromhex("0600ff07 00000000000000000009 2018c88100388e04b5".replace(" ", ""))),
        (854, "dlep", "network", b"DLEP" + pack(">HH", 1, 0)),
        (1044, "uftp", "download", bytes.fromhex("50010001") + bytes(12)),
        (7351, "merakicloud", "network", bytes.fromhex("fef72891") + bytes(28)),
        (10001, "ubntac2", "network", bytes.fromhex("01000000")),
        (41641, "tailscale", "vpn", b"TS\xf0\x9f\x92\xac" + bytes(range(56))),
    ]:
        case.udp(port, Truth(application, application, category)).say(data)
    speed = Truth("ookla", "ookla", "network", after=4)
    case.tcp(8080, speed).say(b"HI 2f1c-8d\n").hear(b"HELLO 2.9 (2.9.1) 2023\n").close()
    return case


def plants() -> Case:
    case = Case("plants", "Machines, buildings and things: field buses over IP, made by their specifications.")
    phasor = pack(">HHHIIH", 0xAA41, 18, 7, START, 0, 2) + b"\x12\x34"
    melsec = bytes.fromhex("500000ffff03000c00100001040000640000a80100")
    for port, application, data in [
        (4712, "ieee-c37118", phasor),
        (5007, "melsec", melsec),
        (10001, "atg", b"\x01I20100\n"),
        (6668, "tuyalp", bytes.fromhex("000055aa00000001000000090000000800000000 0000aa55".replace(" ", ""))),
        (11095, "nestlogsink", bytes.fromhex("0001100000000001ff")),
    ]:
        case.tcp(port, Truth(application, application, "iot", after=4)).say(data).close()
    s7 = Truth("s7commplus", "s7commplus", "iot", after=6)
    connect = bytes.fromhex("0300001611e00000000100c0010ac1020100c2020102")
    confirm = bytes.fromhex("0300001611d00001000100c0010ac1020100c2020102")
    case.tcp(102, s7).say(connect).hear(confirm).say(bytes.fromhex("0300001002f0807201000131000004ca")).close()
    for port, application, data in [
        (4713, "ieee-c37118", phasor),
        (5006, "melsec", melsec),
        (4343, "controller_area_network", b"ISO11898" + bytes.fromhex("0100000123080102030405060708")),
        (1628, "cnp-ip", bytes.fromhex("00100101000000000000000000000000")),
        (6667, "tuyalp", bytes.fromhex("000055aa0000000000000013")),
        (6060, "ethersio", b"ESIO" + bytes(20)),
    ]:
        case.udp(port, Truth(application, application, "iot")).say(data)
    return case


START = 1_700_000_000
CASES = [clusters, plants]
