"""``rsflash batch``: boxes start by network, install themselves from this laptop and report.

dnsmasq answers DHCP and TFTP, a small HTTP server gives the image's blocks and the serial numbers. The port must lead
to the boxes and to nothing else: there is neither password nor encryption between them and the laptop."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from buildroot.flash import label, protocol, provision
from buildroot.flash.image import ImageError, Packed
from buildroot.flash.words import Say

PORT = 8077
_OPTIONS = "quiet console=tty1 console=ttyS0,115200"
_KINDS = {"bios": (0,), "efi64": (7, 9)}  # both numbers are in use for x86-64 by UEFI
EFI_PROGRAM = "efi64.efi"
_SERVED = ("rsflash.pyz", "rootfs.squashfs")
_BODY_BYTES = 1 << 16
_STATES = {"probe": "probing", "write": "writing", "verify": "verifying"}
_HTTP_OK, _NOT_FOUND, _GONE, _BAD = 200, 404, 410, 400


class Box(NamedTuple):
    """One box of the batch. ``result`` is empty until it has reported."""

    mac: str
    macs: tuple[str, ...]
    told: provision.Provision
    state: str = "started"
    percent: int = 0
    result: str = ""


class Bench:
    """Who has which serial number, and how far it is. Safe to use from several threads."""

    def __init__(
        self,
        serials: list[str],
        headquarters: str,
        on_report: Callable[[Box, dict[str, str]], None],
        language: str = "en",
    ) -> None:
        self._left, self._headquarters, self._on_report = list(serials), headquarters, on_report
        self.language = language
        self._lock = threading.Lock()
        self.boxes: dict[str, Box] = {}

    def hello(self, mac: str, macs: tuple[str, ...]) -> Box | None:
        """A box begins; one that begins again keeps its number and password. ``None``: no number is left."""
        with self._lock:
            known = self.boxes.get(mac)
            if known is None:
                if not self._left:
                    return None
                told = provision.Provision(self._left.pop(0), provision.draw_password(), self._headquarters)
                known = Box(mac, macs, told)
            self.boxes[mac] = known._replace(state="started", percent=0, result="")
            return self.boxes[mac]

    def progress(self, mac: str, stage: str, percent: int) -> None:
        with self._lock:
            if mac in self.boxes:
                self.boxes[mac] = self.boxes[mac]._replace(state=_STATES.get(stage, "started"), percent=percent)

    def report(self, mac: str, values: dict[str, str]) -> None:
        """A box is ready, or has failed."""
        result = values.get("result") or "?"
        with self._lock:
            if mac not in self.boxes or self.boxes[mac].result == result:  # it has missed our answer, and says so again
                return
            box = self.boxes[mac]._replace(result=result, percent=100)
            self._on_report(box, values)
            self.boxes[mac] = box  # only now: what could not be kept must be said again

    @property
    def ready(self) -> list[Box]:
        with self._lock:
            return [box for box in self.boxes.values() if box.result == protocol.VERIFIED]


def serials(first: str, count: int) -> list[str]:
    """A row of numbers: RS-0041, RS-0042, ... :raise ValueError:"""
    match = re.fullmatch(r"(.*?)(\d+)", first)
    if match is None:
        raise ValueError("The first serial number must end with digits.")
    width = len(match[2])
    return [provision.check_serial(f"{match[1]}{int(match[2]) + i:0{width}d}") for i in range(count)]


def given_before(path: Path, numbers: list[str]) -> str:
    """The first of the numbers that a box has got already, by the protocol or by standing there twice; else nothing."""
    given = {row.serial for row in protocol.rows(path) if row.result == protocol.VERIFIED} if path.exists() else set()
    for number in numbers:
        if number in given:
            return number
        given.add(number)
    return ""


def keep_label(folder: Path, made: label.Label, say: Say) -> None:
    """A label on its own, and all of the folder on one sheet: those of an earlier batch are nowhere else."""
    (folder / f"label-{made.serial}.svg").write_text(label.svg(made, say), encoding="utf-8")
    drawn = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("label-*.svg"))]
    (folder / "labels.html").write_text(label.page(drawn, say), encoding="utf-8")


def dnsmasq_configuration(interface: str, address: str) -> str:
    """DHCP and TFTP on one port and for nothing else. BIOS and UEFI get their own program by option 93 (RFC 4578);
    what is neither gets an address and no program, since it could not run one: UEFI of 32 bits, ARM, start by HTTP.
    """
    network = ipaddress.IPv4Interface(f"{address}/24").network
    lines = [
        "port=0", f"interface={interface}", "bind-interfaces", "no-resolv", "no-hosts", "no-ping",
        f"dhcp-range={network[100]},{network[250]},255.255.255.0,1h",
        "dhcp-option=3", "dhcp-option=6", "enable-tftp", "dhcp-authoritative",
        *(f"dhcp-match=set:{tag},option:client-arch,{number}" for tag, numbers in _KINDS.items() for number in numbers),
        f"dhcp-boot=tag:efi64,{EFI_PROGRAM}", "dhcp-boot=tag:bios,bios.0",
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def run(arguments: argparse.Namespace, say: Say) -> int:
    """Serve until all boxes are ready, or Ctrl-C."""
    boot = arguments.boot or arguments.image.parent
    program = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        raise OSError("dnsmasq is missing on this computer: install it (Debian: apt install dnsmasq-base).")
    for name in ("boot/bzImage", "boot/initrd", *_SERVED):
        if not (boot / name).is_file():
            missing = say(
                "%(name)s is missing in %(folder)s: build it with make image-installer.", name=name, folder=boot
            )
            raise OSError(missing)
    if not (boot.parent / "network" / EFI_PROGRAM).is_file():
        print(say(_NO_EFI, program=EFI_PROGRAM), flush=True)
    image = Packed(arguments.image)
    numbers = arguments.serials.read_text().split() if arguments.serials else []
    numbers = [provision.check_serial(number) for number in numbers][: arguments.count]
    numbers = numbers or serials(arguments.first_serial, arguments.count)
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    if taken := given_before(folder / "protocol.csv", numbers):
        raise OSError(say(_TAKEN, serial=taken, folder=folder))
    headquarters = provision.check_headquarters(arguments.hq)

    def keep(box: Box, values: dict[str, str]) -> None:
        row = protocol.Row(
            time.strftime("%Y-%m-%d %H:%M:%S"), arguments.engineer, box.told.serial, box.mac, values.get("disk", ""),
            values.get("size", ""), image.map.sha256, box.result, values.get("seconds", ""), headquarters,
        )  # fmt: skip
        protocol.append(folder / "protocol.csv", row)
        page = protocol.page(protocol.rows(folder / "protocol.csv"), say)
        (folder / "protocol.html").write_text(page, encoding="utf-8")
        if box.result == protocol.VERIFIED:  # at once: nobody else knows the password
            keep_label(folder, label.Label(box.told.serial, box.told.first_password, box.macs), say)

    bench = Bench(numbers, headquarters, keep, say.language)
    url = f"http://{arguments.address}:{PORT}"
    configuration = dnsmasq_configuration(arguments.interface, arguments.address)
    with (
        tempfile.TemporaryDirectory() as temporary,
        _address(arguments.interface, arguments.address),
        serving(bench, image, boot, arguments.address),
        _dnsmasq(program, configuration, Path(temporary), boot, url),
    ):
        print(say(_BEGIN, interface=arguments.interface), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            _watch(bench, arguments.count, say)
            time.sleep(2)  # the last box reads its answer
    done = len(bench.ready)
    print(say("%(done)s of %(count)s boxes are ready.", done=done, count=arguments.count))
    print(say("The protocol and the label are in %(folder)s.", folder=folder))
    return 0 if done == arguments.count else 1


_TAKEN = "%(serial)s was given to a box before (%(folder)s/protocol.csv): name other numbers, or another --folder."
_NO_EFI = "Boxes with UEFI cannot start: %(program)s is missing. Install grub-efi-amd64-bin, then make image-installer."
_BEGIN = "Boxes on %(interface)s may now be switched on with network start. Ctrl-C ends it."


@contextlib.contextmanager
def serving(bench: Bench, image: Packed, boot: Path, address: str, port: int = PORT) -> Iterator[int]:
    """The HTTP server, on the bench's port only; gives the port that it listens on."""
    server = ThreadingHTTPServer((address, port), _handler(bench, image, boot))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _handler(bench: Bench, image: Packed, boot: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            if name == "map.json":
                self._send(image.map.encode())
            elif re.fullmatch(r"blocks/[0-9a-f]{64}", name):
                try:
                    self._send(image.named(name.removeprefix("blocks/")))
                except ImageError:
                    self._send(b"", _NOT_FOUND)
            elif name in _SERVED:
                self._send((boot / name).read_bytes())
            else:
                self._send(b"", _NOT_FOUND)

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length", ""))
                if not 0 < length <= _BODY_BYTES:
                    raise ValueError
                sent = json.loads(self.rfile.read(length))
                code, answer = _answer(bench, self.path, sent)
            except (ValueError, KeyError, TypeError, AttributeError):
                code, answer = _BAD, {}
            self._send(json.dumps(answer).encode(), code)

        def log_message(self, *_: object) -> None:
            """The table says it all."""

        def _send(self, data: bytes, code: int = _HTTP_OK) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def _answer(bench: Bench, path: str, sent: dict[str, Any]) -> tuple[int, dict[str, str]]:
    mac = str(sent["mac"])[:17]
    if path == "/hello":
        box = bench.hello(mac, tuple(str(item)[:17] for item in sent.get("macs", ()))[:32])
        return (_HTTP_OK, {**box.told._asdict(), "language": bench.language}) if box else (_GONE, {})
    if path == "/progress":
        bench.progress(mac, str(sent["stage"]), min(100, max(0, int(sent["percent"]))))
    elif path == "/report":
        bench.report(mac, {str(name): str(value)[:200] for name, value in sent.items()})
    else:
        return _NOT_FOUND, {}
    return _HTTP_OK, {}


def _watch(bench: Bench, count: int, say: Say) -> None:
    """A line for each step of a box, until all are ready."""
    told: dict[str, tuple[str, int]] = {}
    while True:
        is_over = len(bench.ready) >= count
        for mac, box in list(bench.boxes.items()):
            now = (box.result or box.state, box.percent // 25)
            if told.get(mac) != now:
                told[mac] = now
                state = say(box.result or box.state)
                print(f"{box.told.serial:<16} {mac}  {state} {box.percent}%", flush=True)
        if is_over:
            return
        time.sleep(0.5)


@contextlib.contextmanager
def _address(interface: str, address: str) -> Iterator[None]:
    argv = ["ip", "address", "replace", f"{address}/24", "dev", interface]
    subprocess.run(argv, check=True)
    subprocess.run(["ip", "link", "set", interface, "up"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "address", "del", f"{address}/24", "dev", interface], check=False)


@contextlib.contextmanager
def _dnsmasq(program: str, configuration: str, folder: Path, boot: Path, url: str) -> Iterator[None]:
    tftp = folder / "tftp"
    tftp.mkdir(parents=True)
    folder.chmod(0o755)  # dnsmasq gives up root
    for name in ("boot/bzImage", "boot/initrd"):
        shutil.copy(boot / name, tftp / Path(name).name)
    for path in (boot.parent / "network").glob("*"):
        shutil.copy(path, tftp / path.name)
    (tftp / "grub.cfg").write_text(
        "set timeout=0\nserial --unit=0 --speed=115200\nterminal_output --append serial\n"
        f"linux (tftp)/bzImage {_OPTIONS} rs.laptop={url}\ninitrd (tftp)/initrd\nboot\n"
    )
    for file in tftp.iterdir():
        file.chmod(0o644)
    path = folder / "dnsmasq.conf"
    path.write_text(configuration)
    process = subprocess.Popen(
        [
            program,
            "--keep-in-foreground",
            f"--conf-file={path}",
            f"--tftp-root={tftp}",
            f"--dhcp-leasefile={folder}/leases",
            "--user=root",
        ]
    )
    try:
        time.sleep(0.5)
        if process.poll() is not None:
            raise OSError("dnsmasq ended at once: another DHCP server runs on this computer?")
        yield
    finally:
        process.terminate()
        process.wait()
