"""DNS in its transports: RFC 1035, 7766, 6762, 4795, 9460, 7858, and DNS over HTTPS known by its server's name."""

from __future__ import annotations

from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRHTTPS, SvcParam

from tests.captures.generate.case import Case, Truth


def question(name: str, kind: str, number: int = 7, unicast: int = 1) -> bytes:
    return bytes(DNS(id=number, rd=unicast, qd=[DNSQR(qname=name, qtype=kind)]))


def answer(name: str, kind: str, data: str, number: int = 7, alias: str = "") -> bytes:
    """A reply; with ``alias`` the address belongs to that name, as where a delivery network serves."""
    records = [DNSRR(rrname=name, type="CNAME", ttl=300, rdata=alias)] if alias else []
    records.append(DNSRR(rrname=alias or name, type=kind, ttl=300, rdata=data))
    return bytes(DNS(id=number, qr=1, rd=1, ra=1, qd=[DNSQR(qname=name, qtype=kind)], an=records))


def https_answer(name: str, v4: str, number: int = 7) -> bytes:
    """An HTTPS record with the address as a hint (RFC 9460)."""
    hints = [SvcParam(key="alpn", value=["h3", "h2"]), SvcParam(key="ipv4hint", value=[v4])]
    record = DNSRRHTTPS(rrname=name, ttl=300, svc_priority=1, target_name=".", svc_params=hints)
    return bytes(DNS(id=number, qr=1, rd=1, ra=1, qd=[DNSQR(qname=name, qtype="HTTPS")], an=[record]))


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def asked(host: str, application: str = "dns", category: str = "network", after: int = 1) -> Truth:
    """A question counts to the application it is about, so that a policy may stop it at its first step."""
    return Truth(application, "dns", category, host, after=after)


def plain() -> Case:
    """Queries over UDP and TCP, and what their answers teach about the connection after."""
    from tests.captures.generate.tls import client_hello, record, server_hello_13

    case = Case(
        "dns",
        "A, AAAA and HTTPS over UDP, A over TCP whole and cut in two, each followed by TLS without a name to the "
        "address that the answer gave; a failure; and one over IPv6.",
    )
    hello = record(client_hello(None))
    flow = case.udp(53, asked("qun.qq.com", "qq", "im"), 253)
    flow.say(question("qun.qq.com", "A")).hear(answer("qun.qq.com", "A", "198.51.100.61", alias="qq.cdn.example"))
    learned = Truth("qq", "tls", "im", stage="learned", after=1)
    case.tcp(443, learned, 61).say(hello).hear(server_hello_13()).close()

    flow = case.udp(53, asked("mp.weixin.qq.com", "wechat", "im"), 253)
    flow.say(question("mp.weixin.qq.com", "HTTPS")).hear(https_answer("mp.weixin.qq.com", "198.51.100.62"))
    learned = Truth("wechat", "tls", "im", stage="learned", after=1)
    case.tcp(443, learned, 62).say(hello).hear(server_hello_13()).close()

    flow = case.tcp(53, asked("www.youtube.com", "youtube", "video", 4), 253)
    flow.say(framed(question("www.youtube.com", "A"))).hear(framed(answer("www.youtube.com", "A", "198.51.100.63")))
    flow.close()
    query = framed(question("www.netflix.com", "AAAA"))
    flow = case.tcp6(53, asked("www.netflix.com", "netflix", "video", 5)).say(query[:2], query[2:])
    flow.hear(framed(answer("www.netflix.com", "AAAA", "2001:db8:2::64"))).close()

    flow = case.udp6(53, asked("nothing.example.com"))
    flow.say(question("nothing.example.com", "A"))
    flow.hear(bytes(DNS(id=7, qr=1, rd=1, ra=1, rcode=3, qd=[DNSQR(qname="nothing.example.com", qtype="A")])))
    return case


def local() -> Case:
    """Names without a server: multicast DNS and LLMNR."""
    case = Case("dns-local", "Multicast DNS for a printer over IPv4 and IPv6, and LLMNR for a name without a domain.")
    mdns = Truth("mdns", "mdns", "network", "_ipp._tcp.local")
    ask = question("_ipp._tcp.local", "PTR", 0, 0)
    case.flow("UDP", ("192.0.2.10", 5353), ("224.0.0.251", 5353), mdns).say(ask)
    case.flow("UDP", ("fe80::10", 5353), ("ff02::fb", 5353), mdns).say(ask)
    llmnr = Truth("llmnr", "llmnr", "network", "printer")
    case.flow("UDP", ("192.0.2.10", 40001), ("224.0.0.252", 5355), llmnr).say(question("printer", "A", 9, 0))
    return case


def private() -> Case:
    """DNS inside TLS: known by its port, by its ALPN or by the name of the resolver."""
    from tests.captures.generate.tls import client_hello, record, server_hello_13

    case = Case(
        "dns-private",
        "DNS over TLS on port 853 with and without a name, DNS over HTTPS to three resolvers by name.",
    )
    named = Truth("doh_dot", "tls", "network", "dot.pub", after=4)
    case.tcp(853, named).say(record(client_hello("dot.pub", alpn=("dot",)))).hear(server_hello_13()).close()
    nameless = Truth("doh_dot", "tls", "network", after=4)
    case.tcp6(853, nameless).say(record(client_hello(None, alpn=()))).hear(server_hello_13()).close()
    for host in ("dns.alidns.com", "doh.pub", "dns.google"):
        flow = case.tcp(443, Truth("doh_dot", "tls", "network", host, after=4))
        flow.say(record(client_hello(host))).hear(server_hello_13()).close()
    return case


CASES = [plain, local, private]
