"""Records real programs in the virtual site: ``python -m tests.captures.record [NAME ...]`` as root.

A recording says beforehand which flows it will make and what they are; packets and bytes are then counted in the file
by scapy. Ports and times differ from one recording to the next, so the files are kept and not made anew by tests.
``QUIC_PYTHON`` names a Python with aioquic for the recording of QUIC.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scapy.layers.inet import TCP, UDP
from scapy.packet import Packet
from scapy.utils import rdpcap

from tests.captures.generate.case import COLUMNS, UNKNOWN, Truth, endpoint
from tests.captures.generate.dns import asked
from tests.lab import addresses, names, netns, services, topology
from tests.lab.services import Service
from tests.lab.site import Site

FOLDER = Path(__file__).parent / "cases"
HOST = "sales1"
ROUTER = addresses.LAN_ADDRESS.split("/")[0]
SPARE = "198.18.0.26"  # inside the servers' range and nobody's: for servers of ours
QUIC_PYTHON = os.environ.get("QUIC_PYTHON", sys.executable)
NOISE = "(tcp or udp) and not port 67 and not port 68 and not port 546 and not port 547"


@dataclass
class Expected:
    """A flow that will be: its server, what it is, and whose first payload settles it (``first``: the first packet)."""

    transport: str
    server: str
    port: int
    truth: Truth
    settled: str = "client"
    uses: int = 1

    def fits(self, transport: str, server: str, port: int) -> bool:
        """Port 0 is one that the server chooses."""
        return (self.transport, self.server) == (transport, server) and self.port in (port, 0)


@dataclass
class Tape:
    """One recording: what runs, what is expected."""

    site: Site
    expected: list[Expected] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def expect(
        self, transport: str, server: str, port: int, truth: Truth, settled: str = "client", *, uses: int = 1
    ) -> None:
        self.expected.append(Expected(transport, server, port, truth, settled, uses))

    def do(self, *argv: str, code: tuple[int, ...] = (0,)) -> None:
        """Runs a program on the host; its exit status must be one of ``code``."""
        self.commands.append(" ".join(argv))
        inside = netns.inside(self.site.prefix + HOST, argv)
        done = subprocess.run(
            inside,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=dict(self.site.environment),
            timeout=60,
            check=False,
        )
        assert done.returncode in code, (argv, done.returncode, done.stderr)

    def serve(self, name: str, port: int, *argv: str, address: str = SPARE, transport: str = "tcp") -> None:
        """Starts a server in the internet and waits until it listens."""
        self.site.start(Service(topology.INTERNET, name, argv))
        listening = ["ss", "-Hln", f"--{transport}", f"src = {address}:{port}"]
        inside = netns.inside(self.site.prefix + topology.INTERNET, listening)
        netns.wait_until(lambda: netns.command(inside), f"{name} listens on {port}")

    def own(self, kind: str, port: int) -> None:
        self.serve(f"own-{kind}", port, sys.executable, "-m", "tests.captures.servers", kind, SPARE, str(port))

    def certificate(self, name: str) -> tuple[str, str]:
        """Certificate and key for a name, in the site's directory."""
        certificate, key = (str(self.site.directory / f"{name}.{end}") for end in ("crt", "key"))
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
        netns.command(["openssl", "req", "-x509", *curve, "-subj", f"/CN={name}", "-keyout", key, "-out", certificate])
        return certificate, key


def address_of(name: str, family: int = 4) -> str:
    """The server of a name: the one of the longest domain that the lab's name server has."""
    known = set(names.domains())
    labels = name.split(".")
    domain = next(end for end in (".".join(labels[at:]) for at in range(len(labels))) if end in known)
    return addresses.server_addresses(domain)[family == 6]


def web(tape: Tape) -> None:
    """curl asks and fetches: TLS 1.3 and 1.2, HTTP, IPv6."""
    sites = [
        ("www.douyin.com", "douyin", "video", 443, []),
        ("www.taobao.com", "taobao", "shopping", 443, ["--tls-max", "1.2"]),
        ("www.iqiyi.com", "iqiyi", "video", 80, []),
        ("www.bilibili.com", "bilibili", "video", 443, []),
    ]
    for host, name, category, port, options in sites:
        family = 6 if host == "www.bilibili.com" else 4
        scheme, protocol = ("https", "tls") if port == 443 else ("http", "http")
        tape.expect("UDP", ROUTER, 53, asked(host, name, category))
        tape.expect("TCP", address_of(host, family), port, Truth(name, protocol, category, host), "first")
        tape.do("curl", "-s", "-o", "/dev/null", *options, f"-{family}", f"{scheme}://{host}/bytes/1500")


def dns(tape: Tape) -> None:
    """dig asks over UDP, TCP and IPv6."""
    host = "weixin.qq.com"
    for transport, server, options in (
        ("UDP", addresses.NAME_SERVER, ["A"]),
        ("UDP", addresses.NAME_SERVER_V6, ["AAAA"]),
        ("UDP", addresses.NAME_SERVER, ["HTTPS"]),
        ("TCP", addresses.NAME_SERVER, ["A", "+tcp"]),
    ):
        tape.expect(transport, server, 53, asked(host, "wechat", "im"))
        tape.do("dig", "+tries=1", f"@{server}", host, *options)


def mail(tape: Tape) -> None:
    """swaks sends in clear; curl sends, and fetches by POP3 and IMAP, with STARTTLS."""
    sender = ["--from", "li@office.test", "--to", "customer@internet.test", "--body", "您好"]
    tape.expect("TCP", addresses.MAIL_SERVER, 25, Truth("smtp", "smtp", "mail", "mail.internet.test"), "server")
    tape.do("swaks", "--silent", "3", "--server", addresses.MAIL_SERVER, "--helo", "pc.office.test", *sender)
    for kind, port in (("smtp", 587), ("pop3", 110), ("imap", 143)):
        tape.own(kind, port)
    tape.expect("TCP", SPARE, 587, Truth("smtp", "smtp", "mail", "mx.internet.test"), "server")
    letter = ["--mail-from", "li@office.test", "--mail-rcpt", "customer@internet.test", "-T", "/dev/null"]
    tape.do("curl", "-s", "--ssl-reqd", *letter, f"smtp://{SPARE}:587/pc.office.test", code=(35, 56))
    tape.expect("TCP", SPARE, 110, Truth("pops", "pops", "mail"), "STLS\r\n")
    tape.do("curl", "-s", "--ssl-reqd", "-u", "li:secret", f"pop3://{SPARE}/", code=(35, 56))
    tape.expect("TCP", SPARE, 143, Truth("imap", "imap", "mail"), "server")
    tape.do("curl", "-s", "--ssl-reqd", "-u", "li:secret", f"imap://{SPARE}/", code=(35, 56))


def share(tape: Tape) -> None:
    """aria2 asks the tracker and meets its peers; these encrypt (MSE) and show nothing: unknown, which is a limit."""
    tracker = Truth("bittorrent", "http", "p2p", addresses.TRACKER)
    tape.expect("TCP", addresses.TRACKER, 6969, tracker)
    tape.expect("TCP", addresses.TRACKER, 6969, tracker, "first", uses=3)  # the first taught what the server is
    for seed in addresses.SEEDS:
        tape.expect("TCP", seed, 6881, UNKNOWN, "never", uses=2)
    options = ["--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "-q", "--seed-time=0"]
    options += ["--file-allocation=none", "--stop=2", "--max-download-limit=20K", f"--dir={tape.site.directory}/got"]
    tape.do("aria2c", *options, str(services.torrent_file(tape.site.directory)), code=(0, 7))


def files(tape: Tape) -> None:
    """curl fetches by FTP, ssh says hello, iperf3 measures."""
    tape.own("ftp", 21)
    tape.expect("TCP", SPARE, 21, Truth("ftp_control", "ftp_control", "download"))
    tape.expect("TCP", SPARE, 0, Truth("ftp_data", "ftp_data", "download", stage="learned"), "first")
    tape.do("curl", "-s", "-o", "/dev/null", f"ftp://{SPARE}/a.bin")
    tape.own("ssh", 22)
    tape.expect("TCP", SPARE, 22, Truth("ssh", "ssh", "remote"), "any")
    tape.do("ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", f"li@{SPARE}", code=(255,))
    tape.expect("TCP", addresses.IPERF_SERVER, 5201, UNKNOWN, "never", uses=2)
    tape.do("iperf3", "-c", addresses.IPERF_SERVER, "-n", "20K", "-l", "1K")


def certificate(tape: Tape) -> None:
    """openssl without a server name: in TLS 1.2 the certificate tells, in TLS 1.3 nothing does."""
    crt, key = tape.certificate("www.feishu.cn")
    for port, version, truth, settled in (
        (4433, "-tls1_2", Truth("feishu", "tls", "im", "www.feishu.cn"), "server"),
        (4434, "-tls1_3", Truth("tls", "tls", "web"), "server"),
    ):
        tape.serve(
            f"tls-{port}",
            port,
            "openssl",
            "s_server",
            "-www",
            "-accept",
            f"{SPARE}:{port}",
            "-cert",
            crt,
            "-key",
            key,
            version,
        )
        tape.expect("TCP", SPARE, port, truth, settled)
        tape.do("openssl", "s_client", "-connect", f"{SPARE}:{port}", "-noservername", version)


def quic(tape: Tape) -> None:
    """aioquic shakes hands in versions 1 and 2."""
    script = str(Path(__file__).with_name("aioquic_talk.py"))
    crt, key = tape.certificate("www.youtube.com")
    tape.serve("quic", 443, QUIC_PYTHON, script, "server", SPARE, "443", crt, key, transport="udp")
    for version, port in (("1", "50001"), ("2", "50002")):
        tape.expect("UDP", SPARE, 443, Truth("youtube", "quic", "video", "www.youtube.com"))
        tape.do(QUIC_PYTHON, script, "client", SPARE, "443", "www.youtube.com", version, port)


RECORDINGS: dict[str, tuple[Callable[[Tape], None], int]] = {  # and how many bytes of a packet are kept
    "real-web": (web, 1600),
    "real-dns": (dns, 1600),
    "real-mail": (mail, 1600),
    "real-bittorrent": (share, 400),
    "real-files": (files, 600),
    "real-certificate": (certificate, 1600),
    "real-quic": (quic, 1600),
}


def payload(packet: Packet) -> bytes:
    layer = packet[TCP] if TCP in packet else packet[UDP]
    return bytes(layer.payload)


def ends(packet: Packet) -> tuple[tuple[str, int], tuple[str, int]]:
    network, layer = packet[1], packet[TCP] if TCP in packet else packet[UDP]
    return (network.src, layer.sport), (network.dst, layer.dport)


def settled_after(packets: list[Packet], client: tuple[str, int], settled: str) -> int:
    """The number of the packet that settles what the flow is."""
    if settled in ("first", "never"):
        return int(settled == "first")
    for number, packet in enumerate(packets, 1):
        from_client, data = ends(packet)[0] == client, payload(packet)
        if data and (settled in ("any", "client" if from_client else "server") or settled.encode() == data):
            return number
    raise LookupError(settled)


def labels(capture: Path, expected: list[Expected]) -> str:
    flows: dict[frozenset[tuple[str, int]], list[Packet]] = {}
    for packet in rdpcap(str(capture)):
        flows.setdefault(frozenset(ends(packet)), []).append(packet)
    rows = [COLUMNS]
    for packets in flows.values():
        client, (server, port) = ends(packets[0])
        transport = "TCP" if TCP in packets[0] else "UDP"
        fitting = [item for item in expected if item.uses and item.fits(transport, server, port)]
        assert fitting, f"nobody expects {transport} from {client} to {server} port {port}"
        flow = fitting[0]
        flow.uses -= 1
        truth, after = flow.truth, settled_after(packets, client, flow.settled)
        size = sum(len(payload(packet)) for packet in packets[:after])
        said = [truth.application, truth.protocol, truth.category, truth.host, truth.stage]
        both = sorted([endpoint(*client), endpoint(server, port)])
        rows.append([transport, *both, *said, str(len(packets)), str(after), str(size)])
    return "".join("\t".join(cell or "-" for cell in row) + "\n" for row in rows)


def record(name: str) -> None:
    run, keep = RECORDINGS[name]
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    capture = folder / "capture.pcap"
    with Site(f"rec{os.getpid()}", 1, 4, product=False) as site:
        tape = Tape(site)
        ping = netns.inside(site.prefix + HOST, ["ping", "-6", "-c1", "-W1", addresses.ECHO_SERVER_V6])
        netns.wait_until(
            lambda: subprocess.run(ping, capture_output=True, check=False).returncode == 0, "IPv6 of the host"
        )
        argv = [
            "tcpdump",
            "-i",
            "eth0",
            "-U",
            "--immediate-mode",
            "-s",
            str(keep),
            "-Z",
            "root",
            "-w",
            str(capture),
            NOISE,
        ]
        with subprocess.Popen(netns.inside(site.prefix + HOST, argv), stderr=subprocess.PIPE, text=True) as dump:
            assert dump.stderr is not None
            while "listening on" not in (line := dump.stderr.readline()):
                assert line, "tcpdump has ended"
            try:
                run(tape)
            finally:
                dump.send_signal(signal.SIGINT)
    (folder / "labels.tsv").write_text(labels(capture, tape.expected))
    commands = "".join(f"  {command}\n" for command in tape.commands)
    for path, word in {
        f"{FOLDER.parent}": "tests/captures",
        str(site.directory): "SITE",
        QUIC_PYTHON: "$QUIC_PYTHON",
    }.items():
        commands = commands.replace(path, word)
    made = f"Made by: python -m tests.captures.record {name} (tcpdump -s {keep} on a host of the virtual site)\n"
    (folder / "about.txt").write_text(f"Recorded: {run.__doc__}\n{made}The host ran:\n{commands}")


def main(wanted: list[str]) -> None:
    for name in wanted or RECORDINGS:
        record(name)


if __name__ == "__main__":
    main(sys.argv[1:])
