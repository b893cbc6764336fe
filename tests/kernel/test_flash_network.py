"""rsflash batch as boxes see it that start by network: which program DHCP names for BIOS and UEFI, and what TFTP gives.

The real program with dnsmasq in one namespace, a box's questions in another; nothing is started from what it gets.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from buildroot.dev.installer import build_network
from buildroot.flash.image import BLOCK, Raw, pack
from tests.lab import netns

pytestmark = pytest.mark.kernel

LAPTOP, BOX = "rs-flash-lap", "rs-flash-box"
ADDRESS, OWN = "192.168.77.1", "192.168.77.9"
PAYLOAD = {name: os.urandom(3 * 1468 + 7) for name in ("boot/bzImage", "boot/initrd", "rootfs.squashfs", "rsflash.pyz")}
# A discovery as firmware sends it (RFC 2131, RFC 4578); prints the offer's server, file and options.
ASK = """
import json, socket, struct, sys
kind = sys.argv[1]
mac, number = bytes.fromhex("525400000001"), b"rsPX"
head = struct.pack("!BBBB4sHH4s4s4s4s16s64s128s", 1, 1, 6, 0, number, 0, 0x8000, *[bytes(4)] * 4, mac, b"", b"")
options = b"\\x35\\x01\\x01" + bytes([55, 7, 1, 3, 43, 54, 60, 66, 67])
if kind != "none":
    arch = int(kind)
    name = f"PXEClient:Arch:{arch:05}:UNDI:003016".encode()
    options += bytes([60, len(name)]) + name + b"\\x5d\\x02" + struct.pack("!H", arch) + b"\\x5e\\x03\\x01\\x03\\x10"
    options += b"\\x61\\x11\\x00" + bytes(16)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
    asker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    asker.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    asker.bind(("0.0.0.0", 68))
    asker.settimeout(2)
    for _ in range(5):
        asker.sendto(head + b"c\\x82Sc" + options + b"\\xff", ("255.255.255.255", 67))
        try:
            said = asker.recv(2048)
        except TimeoutError:
            continue
        break
found, at = {}, 240
while said[at] != 255:
    if said[at] == 0:
        at += 1
        continue
    found[said[at]] = said[at + 2 : at + 2 + said[at + 1]].hex()
    at += 2 + said[at + 1]
print(json.dumps({"server": socket.inet_ntoa(said[20:24]), "file": said[108:236].split(b"\\0")[0].decode(),
                  "address": socket.inet_ntoa(said[16:20]), "options": found}))
"""


class Offer(NamedTuple):
    server: str
    file: str
    address: str
    options: dict[str, str]

    @property
    def program(self) -> str:
        """In the header's field, or in option 67 where a box asks for it."""
        return self.file or bytes.fromhex(self.options.get("43", "") or self.options.get("67", "")).decode().strip("\0")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``rsflash batch`` is serving; what it was given."""
    folder = tmp_path_factory.mktemp("bench")
    boot = folder / "installer"
    (boot / "boot").mkdir(parents=True)
    for name, data in PAYLOAD.items():
        (boot / name).write_bytes(data)
    (folder / "disk.img").write_bytes(b"x" * BLOCK)
    pack(Raw(folder / "disk.img"), boot / "firmware.rsi")
    build_network(folder / "network")
    netns.add([LAPTOP, BOX])
    netns.batch([f"link add eth0 netns {LAPTOP} type veth peer name eth0 netns {BOX}"])
    netns.batch(["link set eth0 up"], BOX)
    argv = [sys.executable, "-m", "buildroot.flash.main", "batch", "--interface", "eth0", "--address", ADDRESS]
    argv += ["--image", str(boot / "firmware.rsi"), "--count", "1", "--first-serial", "RS-1", "--folder", str(folder)]
    try:
        with subprocess.Popen(netns.inside(LAPTOP, argv), stdout=subprocess.DEVNULL) as batch:
            try:
                sockets = netns.inside(LAPTOP, ["ss", "-lun"])
                netns.wait_until(lambda: ":69 " in netns.command(sockets), "TFTP answers", 20)
                yield folder
            finally:
                batch.terminate()
    finally:
        netns.delete([LAPTOP, BOX])


def offer(kind: str) -> Offer:
    return Offer(**json.loads(netns.command(netns.inside(BOX, [sys.executable, "-c", ASK, kind]))))


def fetched(name: str, target: Path, block_bytes: int) -> bytes:
    netns.batch([f"addr replace {OWN}/24 dev eth0"], BOX)
    argv = ["curl", "-sS", "--tftp-blksize", str(block_bytes), "-o", str(target), f"tftp://{ADDRESS}/{name}"]
    netns.command(netns.inside(BOX, argv))
    netns.batch([f"addr del {OWN}/24 dev eth0"], BOX)
    return target.read_bytes()


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize(
    ("kind", "program"),
    [
        ("0", "bios.0"),  # x86, BIOS
        ("7", "efi64.efi"),  # x86-64, UEFI, as RFC 4578 was understood
        ("9", "efi64.efi"),  # the same, as it was meant
        ("6", ""),  # UEFI of 32 bits
        ("11", ""),  # ARM of 64 bits
        ("16", ""),  # x86-64, UEFI, by HTTP
        ("none", ""),  # no start by network at all
    ],
)
def test_each_kind_of_box_gets_its_program(kind: str, program: str) -> None:
    found = offer(kind)
    assert found.program == program
    assert found.address.startswith("192.168.77.")
    assert "3" not in found.options  # no router: the cable leads to nothing else
    if program:
        assert found.server == ADDRESS


def test_what_was_named_is_a_program_of_uefi_that_asks_on(bench: Path, tmp_path: Path) -> None:
    program = fetched(offer("7").program, tmp_path / "efi", 1468)
    assert program == (bench / "network/efi64.efi").read_bytes()
    (at,) = struct.unpack_from("<I", program, 0x3C)
    sign, machine = struct.unpack_from("<4sH", program, at)
    (subsystem,) = struct.unpack_from("<H", program, at + 24 + 68)
    assert (program[:2], sign, machine, subsystem) == (b"MZ", b"PE\0\0", 0x8664, 10)  # an EFI application
    assert b"(tftp)/" in program  # where it looks for grub.cfg
    configuration = fetched("grub.cfg", tmp_path / "cfg", 512).decode()
    assert f"rs.laptop=http://{ADDRESS}:8077" in configuration
    for word in ("bzImage", "initrd"):
        assert f"(tftp)/{word}" in configuration
        assert fetched(word, tmp_path / word, 1468) == PAYLOAD[f"boot/{word}"]


@pytest.mark.usefixtures("bench")
def test_nothing_else_is_given(tmp_path: Path) -> None:
    for name in ("../dnsmasq.conf", "/etc/passwd", "rsflash.pyz"):
        with pytest.raises(RuntimeError):
            fetched(name, tmp_path / "x", 512)
        netns.batch([f"addr del {OWN}/24 dev eth0"], BOX)
