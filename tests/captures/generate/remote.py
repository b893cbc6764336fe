"""Work on another machine and with files: SSH, Telnet, RDP, VNC, SMB 2; NTP, SNMP, MQTT and FIX beside them."""

from __future__ import annotations

from struct import pack

from scapy.layers.snmp import SNMP, SNMPget, SNMPresponse, SNMPvarbind

from tests.captures.generate.case import UNKNOWN, Case, Truth
from tests.captures.generate.tls import noise


def remote() -> Case:
    case = Case(
        "remote",
        "SSH on 22 and on an odd port over IPv6 with the banner cut, Telnet, RDP with a cookie, VNC, and SMB 2 by its "
        "negotiation.",
    )
    ssh = Truth("ssh", "ssh", "remote", after=4)
    case.tcp(22, ssh).hear(b"SSH-2.0-OpenSSH_9.2p1\r\n").say(b"SSH-2.0-OpenSSH_9.2p1\r\n").close()
    flow = case.tcp6(22022, Truth("ssh", "ssh", "remote", after=5)).say(b"SSH", b"-2.0-PuTTY_Release_0.78\r\n")
    flow.hear(b"SSH-2.0-dropbear_2022.83\r\n").close()
    telnet = Truth("telnet", "telnet", "remote", after=4)
    case.tcp(23, telnet).hear(b"\xff\xfd\x18\xff\xfd\x20").say(b"\xff\xfb\x18\xff\xfc\x20").close()
    cookie = b"Cookie: mstshash=li\r\n" + pack("<BBHI", 1, 0, 8, 3)
    asked = b"\xe0\0\0\0\0\0" + cookie
    asked = bytes([len(asked)]) + asked
    confirm = bytes.fromhex("030000130ed000001234000209080001000000")[:19]
    rdp = Truth("rdp", "rdp", "remote", after=4)
    case.tcp(3389, rdp).say(b"\x03\0" + (4 + len(asked)).to_bytes(2, "big") + asked).hear(confirm).close()
    case.tcp(5901, Truth("vnc", "vnc", "remote", after=4)).hear(b"RFB 003.008\n").say(b"RFB 003.008\n").close()
    smb = b"\xfeSMB" + pack("<HHIHHIIQIIQ", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + bytes(16)
    smb += pack("<HHHHI", 36, 2, 1, 0, 0) + noise("guid", 16) + bytes(8) + pack("<HH", 0x0210, 0x0311)
    flow = case.tcp(445, Truth("smbv23", "smbv23", "office", after=4)).say(len(smb).to_bytes(4, "big") + smb)
    flow.close()
    return case


def services() -> Case:
    case = Case(
        "services",
        "NTP and SNMP over IPv4 and IPv6, MQTT connect and publish, FIX logon, and a talk that is nothing known.",
    )
    ntp = b"\xe3\x00\x06\xec" + bytes(44)  # version 4, client, not synchronised; then version 4, server, stratum 2
    reply = b"\x24\x02\x06\xec" + noise("clock", 44)
    case.udp(123, Truth("ntp", "ntp", "system")).say(ntp).hear(reply)
    case.udp6(123, Truth("ntp", "ntp", "system")).say(ntp).hear(reply)
    names = [SNMPvarbind(oid="1.3.6.1.2.1.1.3.0")]
    asked = bytes(SNMP(community="public", PDU=SNMPget(id=9, varbindlist=names)))
    told = bytes(SNMP(community="public", PDU=SNMPresponse(id=9, varbindlist=names)))
    case.udp(161, Truth("snmp", "snmp", "system")).say(asked).hear(told)
    case.udp6(161, Truth("snmp", "snmp", "system")).say(asked).hear(told)
    connect = b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x05rs-01"
    case.tcp(1883, Truth("mqtt", "mqtt", "iot", after=4)).say(connect).hear(b"\x20\x03\0\0\0").say(
        b"\x30\x06\x00\x01t\x00hi"
    ).close()
    logon = b"8=FIX.4.4\x019=65\x0135=A\x0149=A\x0156=B\x0134=1\x0198=0\x01108=30\x0110=101\x01"
    case.tcp(9878, Truth("fix", "fix", "stock", after=4)).say(logon).hear(logon).close()
    flow = case.tcp(40404, UNKNOWN)
    for turn in range(5):
        flow.say(b"\x81" + noise(f"ask {turn}", 40)).hear(b"\x81" + noise(f"tell {turn}", 40))
    flow.close()
    return case


CASES = [remote, services]
