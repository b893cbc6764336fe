"""TLS ClientHello and ServerHello (RFC 8446, RFC 6066, RFC 7301, RFC 9849) and the records around them."""

from __future__ import annotations

from hashlib import sha256

from tests.captures.generate.case import Case, Truth

SUITES = bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8")
# Shared by every case: an application's own name, its category and a host that is really its vendor's.
APPLICATIONS = {
    "mp.weixin.qq.com": ("wechat", "im"),
    "qun.qq.com": ("qq", "im"),
    "h5api.m.taobao.com": ("taobao", "shopping"),
    "api.bilibili.com": ("bilibili", "video"),
    "cache.video.iqiyi.com": ("iqiyi", "video"),
    "www.douyin.com": ("douyin", "video"),
    "live.kuaishou.com": ("kuaishou", "video"),
    "im.dingtalk.com": ("dingtalk", "im"),
    "www.youtube.com": ("youtube", "video"),
    "web.whatsapp.com": ("whatsapp", "im"),
    "codeload.github.com": ("github", "web"),
    "occ-0-1.1.nflxso.net": ("netflix", "video"),
}


def noise(seed: str, size: int) -> bytes:
    """Bytes that look random and are the same each time."""
    out = b""
    while len(out) < size:
        out += sha256(f"{seed} {len(out)}".encode()).digest()
    return out[:size]


def extension(number: int, body: bytes) -> bytes:
    return number.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def _list(body: bytes) -> bytes:
    return len(body).to_bytes(2, "big") + body


def client_hello(
    name: str | None,
    *,
    alpn: tuple[str, ...] = ("h2", "http/1.1"),
    extra: bytes = b"",
    seed: str = "",
    session: int = 32,
) -> bytes:
    """The handshake message alone; ``extra`` extensions stand before the name, as a shuffling browser may do."""
    label = seed or name or "nameless"
    extensions = extension(0x002B, b"\x04\x03\x04\x03\x03") + extra
    if name is not None:
        extensions += extension(0, _list(b"\0" + _list(name.encode())))
    extensions += extension(0x000A, _list(bytes.fromhex("001d0017")))
    extensions += extension(0x000D, _list(bytes.fromhex("040308040401")))
    if alpn:
        extensions += extension(0x0010, _list(b"".join(bytes([len(item)]) + item.encode() for item in alpn)))
    extensions += extension(0x0033, _list(bytes.fromhex("001d") + _list(noise(label + "key", 32))))
    body = b"\x03\x03" + noise(label + "random", 32) + bytes([session]) + noise(label + "session", session)
    body += _list(SUITES) + b"\x01\0" + _list(extensions)
    return b"\x01" + len(body).to_bytes(3, "big") + body


def encrypted_client_hello() -> bytes:
    """The outer extension of RFC 9849: HKDF-SHA256, AES-128-GCM, a key and the sealed inner hello."""
    return extension(
        0xFE0D, b"\0" + bytes.fromhex("00010001") + b"\x2a" + _list(noise("ech", 32)) + _list(noise("in", 208))
    )


def record(body: bytes, kind: int = 22, version: bytes = b"\x03\x01") -> bytes:
    return bytes([kind]) + version + _list(body)


def server_hello_13() -> bytes:
    """ServerHello that chooses TLS 1.3, then what follows is encrypted."""
    extensions = extension(0x002B, b"\x03\x04") + extension(0x0033, bytes.fromhex("001d") + _list(noise("server", 32)))
    body = b"\x03\x03" + noise("server random", 32) + b"\x20" + noise("session", 32) + b"\x13\x01\0" + _list(extensions)
    hello = record(b"\x02" + len(body).to_bytes(3, "big") + body, version=b"\x03\x03")
    return hello + record(b"\x01", 20, b"\x03\x03") + record(noise("encrypted", 600), 23, b"\x03\x03")


def truth(host: str, **more: object) -> Truth:
    application, category = APPLICATIONS[host]
    return Truth(application, "tls", category, host, **{"after": 4, **more})  # type: ignore[arg-type]


PLAIN = Truth("tls", "tls", "web")


def sni() -> Case:
    """The name in the first data segment, IPv4 and IPv6."""
    case = Case("tls-sni", "TLS 1.3 ClientHello in one segment to twelve applications, six of them on IPv6.")
    for index, host in enumerate(APPLICATIONS):
        flow = (case.tcp6 if index % 2 else case.tcp)(443, truth(host))
        flow.say(record(client_hello(host))).hear(server_hello_13()).close()
    return case


def split() -> Case:
    """However TCP or the record layer cuts it, the hello is read once it is whole."""
    case = Case(
        "tls-split",
        "The ClientHello cut: in two segments, the second first, byte by byte at the start, with an overlap sent again "
        "that says another name, over two records, and behind 1,600 bytes of a post-quantum key share.",
    )
    host = "cache.video.iqiyi.com"
    hello = record(client_hello(host, extra=extension(0x0015, bytes(300))))
    half = hello.index(host.encode()) + 5
    case.tcp(443, truth(host, after=5)).say(hello[:half], hello[half:]).close()

    flow = case.tcp6(443, truth(host, after=5))
    flow.segment(True, "PA", hello[half:], skip=half)
    flow.segment(True, "PA", hello[:half])

    case.tcp(443, truth(host, after=10)).say(*(hello[at : at + 1] for at in range(6)), hello[6:]).close()

    flow = case.tcp(443, truth(host, after=6)).say(hello[:half])
    flow.segment(True, "PA", record(client_hello("www.example.com"))[:60], skip=-60)
    flow.say(hello[half:]).close()

    whole = client_hello(host)
    case.tcp(443, truth(host)).say(record(whole[:100]) + record(whole[100:])).close()

    big = record(client_hello(host, extra=extension(0x0033, noise("ml-kem", 1600))))
    case.tcp(443, truth(host, after=5)).say(big[:1400], big[1400:]).close()
    return case


def nameless() -> Case:
    """No name: what is left is the DNS answer before, or the protocol."""
    from tests.captures.generate.dns import answer, asked, question

    case = Case(
        "tls-nameless",
        "TLS without server_name: to an address that a DNS answer named just before (by A, by AAAA), to one that none "
        "named, in TLS 1.2 with a certificate in clear, and two of that kind to one server.",
    )
    lookup = case.udp(53, asked("www.douyin.com", "douyin", "video"), 253)
    lookup.say(question("www.douyin.com", "A")).hear(answer("www.douyin.com", "A", "198.51.100.77"))
    learned = Truth("douyin", "tls", "video", stage="learned", after=1)
    case.tcp(443, learned, 77).say(record(client_hello(None))).hear(server_hello_13()).close()

    lookup = case.udp6(53, asked("api.bilibili.com", "bilibili", "video"))
    number = len(case.flows) + 1
    lookup.say(question("api.bilibili.com", "AAAA")).hear(answer("api.bilibili.com", "AAAA", f"2001:db8:2::{number:x}"))
    flow = case.tcp6(443, Truth("bilibili", "tls", "video", stage="learned", after=1))
    flow.say(record(client_hello(None))).hear(server_hello_13()).close()

    case.tcp(443, Truth("tls", "tls", "web", after=5)).say(record(client_hello(None))).hear(server_hello_13()).close()
    return case


def ech() -> Case:
    """The outer name is the one of who fronts for many: only what was asked before can tell more."""
    from tests.captures.generate.dns import answer, asked, question

    case = Case(
        "tls-ech",
        "Encrypted ClientHello (RFC 9849): the outer name of the operator alone; the same after a DNS answer for the "
        "real host; and a GREASE extension beside a real name, as browsers send it everywhere.",
    )
    outer = "cloudflare-ech.com"
    sealed = record(client_hello(outer, extra=encrypted_client_hello()))
    case.tcp(443, Truth("cloudflare", "tls", "cloud", outer, after=4)).say(sealed).hear(server_hello_13()).close()

    lookup = case.udp(53, asked("discord.com", "discord", "im"), 253)
    lookup.say(question("discord.com", "A")).hear(answer("discord.com", "A", "198.51.100.78"))
    case.tcp(443, Truth("discord", "tls", "im", outer, "learned", 1), 78).say(sealed).hear(server_hello_13()).close()

    host = "www.youtube.com"
    grease = record(client_hello(host, extra=encrypted_client_hello()))
    case.tcp(443, truth(host)).say(grease).hear(server_hello_13()).close()
    return case


CASES = [sni, split, nameless, ech]
