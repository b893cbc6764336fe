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


CASES = [games]
