"""First inputs of the fuzz targets: the samples of the C tests, small tables, public captures where there are any."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from fastpath.binding.appdb import compile_apps
from fastpath.binding.policy import compile_policy
from firmware.model.plan import FastpathTables, PolicyGroup, PolicyRow

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "pcap"
FRAMES_OF_A_CAPTURE = 2
ETHERNET = 1
LINK_OF_ETHERNET = b"\0"  # the target's first byte chooses the link layer

APPS = {"wechat": "im", "youku": "video", "bittorrent": "p2p"}
POLICIES = {
    "empty": FastpathTables(),
    "plain": FastpathTables(
        groups=(
            PolicyGroup(name="a", ranges=(("192.0.2.1", "192.0.2.9"), ("2001:db8::", "2001:db8::f"))),
            PolicyGroup(name="b", ranges=(("192.0.2.5", "255.255.255.255"),), macs=("02:00:00:00:00:01",)),
        ),
        rows=(
            PolicyRow(name="r", action="block", groups=(0,), except_groups=(1,), categories=("im",)),
            PolicyRow(name="s", action="block", except_applications=("youku",)),
        ),
        local_networks=("192.0.2.0/24", "2001:db8::/64"),
        block_page_url="https://192.0.2.1/blocked",
    ),
}
EMPTY: dict[str, Any] = {"domains": [], "ports": [], "networks": [], "patterns": []}
DATABASE: list[dict[str, Any]] = [
    {**EMPTY, "id": "tls", "category": "network", "ports": ["tcp/443"]},
    {**EMPTY, "id": "wechat", "category": "im", "domains": ["weixin.qq.com", "wechat.com"], "ports": ["udp/8000-8010"]},
    {
        "id": "youku",
        "category": "video",
        "domains": ["youku.com"],
        "ports": [],
        "networks": ["198.51.100.0/24", "2001:db8::/32"],
        "patterns": [
            {"transport": "tcp", "offset": 0, "hex": "010203"},
            {"transport": "udp", "offset": 2, "hex": "aabb??dd"},
        ],
    },
]


def _frames(capture: Path) -> Iterator[bytes]:
    """Ethernet frames of a classic capture file of this machine's byte order; others have none."""
    data = capture.read_bytes()
    if len(data) < 24 or data[:4] != b"\xd4\xc3\xb2\xa1" or struct.unpack_from("<I", data, 20)[0] != ETHERNET:
        return
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def _write_captures(folder: Path) -> None:
    for capture in sorted(CAPTURES.glob("*.pcap")):
        for number, frame in enumerate(islice(_frames(capture), FRAMES_OF_A_CAPTURE)):
            (folder / "link" / f"{capture.stem}-{number}").write_bytes(LINK_OF_ETHERNET + frame)
            if frame[12:14] in {b"\x08\x00", b"\x86\xdd"}:
                (folder / "packet" / f"{capture.stem}-{number}").write_bytes(frame[14:])


def write(program: Path, folder: Path) -> None:
    """Fill ``folder/TARGET`` for each target of the fuzz program."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([program, "seeds", folder], check=True)
    for name, tables in POLICIES.items():
        (folder / "policy" / name).write_bytes(compile_policy(tables, APPS))
    for count in range(len(DATABASE) + 1):
        (folder / "apps" / f"first-{count}").write_bytes(compile_apps(DATABASE[:count]))
    _write_captures(folder)
