"""HTTP/1.1 (RFC 9112), its proxies, and HTTP/2 with prior knowledge (RFC 9113)."""

from __future__ import annotations

from tests.captures.generate.case import Case, Truth
from tests.captures.generate.tls import client_hello, record

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok"


def request(target: str, host: str, method: str = "GET", agent: str = "curl/7.88.1") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n".encode()


def http() -> Case:
    case = Case(
        "http",
        "GET and POST with a Host of three applications, one on port 8080, one over IPv6; the head cut inside the Host "
        "line; an application told by User-Agent; a host that nobody knows.",
    )
    case.tcp(80, Truth("bilibili", "http", "video", "i0.hdslb.com", after=4)).say(
        request("/bfs/archive/1.jpg", "i0.hdslb.com")
    ).hear(OK).close()
    case.tcp6(80, Truth("iqiyi", "http", "video", "cache.video.iqiyi.com", after=4)).say(
        request("/vps", "cache.video.iqiyi.com", "POST")
    ).hear(OK).close()
    case.tcp(8080, Truth("taobao", "http", "shopping", "www.taobao.com", after=4)).say(
        request("/", "www.taobao.com:8080")
    ).hear(OK).close()
    whole = request("/a", "www.youku.com")
    case.tcp(80, Truth("youku", "http", "video", "www.youku.com", after=5)).say(whole[:25], whole[25:]).hear(OK).close()
    case.tcp(80, Truth("wechat", "http", "im", "extshort.example.net", after=4)).say(
        request("/mmtls/1", "extshort.example.net", "POST", "MicroMessenger Client")
    ).hear(OK).close()
    case.tcp(80, Truth("http", "http", "web", "www.example.org", after=4)).say(request("/", "WWW.Example.ORG")).hear(
        OK
    ).close()
    return case


def proxy() -> Case:
    case = Case(
        "http-proxy",
        "CONNECT through a proxy to two hosts with TLS inside, a whole URL asked of a proxy, and SOCKS 5.",
    )
    for host, name, category in (("mp.weixin.qq.com", "wechat", "im"), ("www.example.org", "http_connect", "vpn")):
        flow = case.tcp(3128, Truth(name, "http_connect", category, host, after=4))
        flow.say(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
        flow.hear(b"HTTP/1.1 200 Connection established\r\n\r\n").say(record(client_hello(host))).close()
    case.tcp(3128, Truth("douyin", "http_proxy", "video", "www.douyin.com", after=4)).say(
        request("http://www.douyin.com/", "www.douyin.com")
    ).hear(OK).close()
    case.tcp(1080, Truth("socks", "socks", "vpn", after=4)).say(b"\x05\x01\x00").hear(b"\x05\x00").say(
        b"\x05\x01\x00\x03\x0fwww.example.org\x00\x50"
    ).close()
    return case


def http2() -> Case:
    case = Case(
        "http2-prior", "HTTP/2 in clear with prior knowledge: the preface whole, and cut in two, over IPv6 too."
    )
    settings = bytes.fromhex("000000040000000000")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings
    case.tcp(8080, Truth("http2", "http2", "web", after=4)).say(preface).hear(settings).close()
    case.tcp6(50051, Truth("http2", "http2", "web", after=5)).say(preface[:10], preface[10:]).hear(settings).close()
    return case


CASES = [http, proxy, http2]
