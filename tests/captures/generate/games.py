"""Games: Minecraft Java (its protocol's handshake), RakNet (its open source), World of Warcraft, Valve's queries."""

from __future__ import annotations

from struct import pack

from tests.captures.generate.case import Case, Truth
from tests.captures.generate.tls import noise

MAGIC = bytes.fromhex("00ffff00fefefefefdfdfdfd12345678")


def minecraft_handshake(host: str, port: int, intent: int) -> bytes:
    """Packet 0: protocol version 767 as a VarInt, the address as typed, the port, 1 for status or 2 for login."""
    name = host.encode()
    body = b"\0\xff\x05" + bytes([len(name)]) + name + pack(">HB", port, intent)
    return bytes([len(body)]) + body


def games() -> Case:
    case = Case(
        "games",
        "Minecraft Java on its own port, on another with the handshake cut, and for its status; RakNet's ping and "
        "connection (Minecraft Bedrock's transport); World of Warcraft's logon; a Source server query.",
    )
    flow = case.tcp(25565, Truth("minecraft", "minecraft", "game", "mc.example.org", after=4))
    flow.say(minecraft_handshake("mc.example.org", 25565, 2) + b"\x07\0\x05Steve").hear(b"\x03\x03\x80\x02").close()
    shake = minecraft_handshake("play.example.net", 34000, 2)
    flow = case.tcp6(34000, Truth("minecraft", "minecraft", "game", "play.example.net", after=5))
    flow.say(shake[:7], shake[7:]).close()
    flow = case.tcp(25570, Truth("minecraft", "minecraft", "game", "mc.example.org", after=4))
    flow.say(minecraft_handshake("mc.example.org", 25570, 1) + b"\x01\0").close()
    raknet = Truth("raknet", "raknet", "game")
    case.udp(19132, raknet).say(b"\x01" + bytes(8) + MAGIC + noise("guid", 8))
    case.udp6(19133, raknet).say(b"\x05" + MAGIC + b"\x0b" + bytes(1000)).hear(
        b"\x06" + MAGIC + noise("server", 8) + b"\0\x05\xd4"
    )
    logon = (
        pack("<BBH", 0, 8, 35)
        + b"WoW\0"
        + bytes([3, 3, 5])
        + pack("<H", 12340)
        + b"68x\0niW\0NChz"
        + bytes(8)
        + b"\x02LI"
    )
    wow = Truth("worldofwarcraft", "worldofwarcraft", "game", after=4)
    case.tcp(3724, wow).say(logon).close()
    case.udp(27015, Truth("source_engine", "source_engine", "game")).say(b"\xff\xff\xff\xffTSource Engine Query\0")
    return case


def older_games() -> Case:
    case = Case(
        "older-games",
        "CrossFire, Guild Wars, MapleStory, World of Kung Fu, Armagetron, Warcraft III, Dofus, Path of Exile by their "
        "first words; RakNet in a connection whose start was not seen; netcode.io, Nintendo's Pia, KCP.",
    )
    crossfire = bytes.fromhex("c7d919990200") + bytes(16) + bytes.fromhex("7d0000")
    armagetron = pack(">HHHH", 0x0B, 0, 3, 8) + bytes(4) + bytes(2)
    for port, application, data in [
        (8000, "crossfire", crossfire),
        (4534, "armagetron", armagetron),
        (40000, "yojimbo", b"\0NETCODE 1.02\0" + noise("token", 1050)),
        (45000, "nintendo", bytes.fromhex("32ab986401") + noise("pia", 40)),
    ]:
        case.udp(port, Truth(application, application, "game")).say(data)
    for port, application, data in [
        (6112, "guildwars", b"\0" + pack(">H", 0x050C) + noise("gw", 47) + b"@2&P" + noise("end", 10)),
        (9500, "worldofkungfu", bytes.fromhex("0c000000d2000c000016000012340000")),
        (6112, "warcraft3", bytes.fromhex("f7010400f71e08000a000000")),
        (6112, "pathofexile", bytes.fromhex("0003003775600002 0006".replace(" ", "")) + b"player" + bytes(12)),
    ]:
        case.tcp(port, Truth(application, application, "game", after=4)).say(data).close()
    maple = bytes.fromhex("0e005f000100") + b"1" + noise("iv", 8) + b"\x08"
    case.tcp(8484, Truth("maplestory", "maplestory", "game", after=4)).hear(maple).close()
    case.tcp(5555, Truth("dofus", "dofus", "game", after=4)).hear(b"HC" + b"abcdefgh" * 4 + b"\0").close()
    frame = b"\0\0\x48" + b"\x00" + bytes(8)  # unreliable, 72 bits: a connected ping
    talk = case.udp(19134, Truth("raknet", "raknet", "game", after=2))
    talk.say(b"\x84\x01\0\0" + frame).hear(b"\xc0\0\x01\x01\x01\0\0")
    kcp = [pack("<IBBHIII", 7, 81, 0, 128, 1, n, 0) + pack("<I", 5) + b"hello" for n in range(2)]
    case.udp(4000, Truth("kcp", "kcp", "network", after=2)).say(*kcp)
    return case


CASES = [games, older_games]
