"""Golden captures: a folder each with ``about.txt``, ``capture.pcap``, ``labels.tsv`` and ``expected.jsonl``.

The labels are the truth, stated by who made the capture; nothing here writes them. The expected text is what
``rs-classify`` prints; ``GOLDEN_WRITE=1`` rewrites it, and the labels then tell a wrong one. What the generators make
is written by ``python -m tests.captures.generate``, recordings of real programs by ``python -m tests.captures.record``.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fastpath.binding.classify import BUILD, run_classify
from firmware.cli.main import main
from tests.captures.generate import all_cases
from tests.captures.generate.__main__ import write
from tests.captures.generate.case import COLUMNS
from tests.captures.generate.quic import client_keys, initial

FOLDER = Path(__file__).parent / "cases"
CASES = sorted(path.parent for path in FOLDER.glob("*/about.txt"))
GENERATED = all_cases()
PCAP_BYTES = 30_000
ALL_BYTES = 1_000_000
# What the set has to hold: as application, protocol or both.
COVERED = """
    wechat qq taobao bilibili iqiyi douyin youtube whatsapp tls http http_connect http_proxy socks dns mdns llmnr
    doh_dot quic stun rtp rtcp sip rtsp rtmp bittorrent edonkey smtp smtps pop3 pops imap imaps ftp_control ftp_data
    ftps ssh telnet rdp vnc smbv23 ntp snmp mqtt fix wireguard openvpn ipsec pptp gre l2tp minecraft raknet
    worldofwarcraft
"""


def labels(case: Path) -> list[dict[str, str]]:
    head, *rows = [line.split("\t") for line in (case / "labels.tsv").read_text().splitlines()]
    assert head == COLUMNS
    return [dict(zip(head, ("" if cell == "-" else cell for cell in row), strict=True)) for row in rows]


def found(capture: Path) -> list[dict[str, str]]:
    """The flows as the labels write them."""
    renamed = {"after": "decided_after", "bytes": "decided_bytes"}
    flows = run_classify(capture, use_ndpi=False)
    return [{column: str(flow[renamed.get(column, column)]) for column in COLUMNS} for flow in flows]


def printed(capture: Path) -> str:
    argv = [str(BUILD / "rs-classify"), str(BUILD / "apps.bin"), str(capture), "--no-ndpi"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_recognised_is_the_truth(case: Path) -> None:
    assert found(case / "capture.pcap") == labels(case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_expected_text(case: Path) -> None:
    text = printed(case / "capture.pcap")
    if os.environ.get("GOLDEN_WRITE"):
        (case / "expected.jsonl").write_text(text)
    assert (case / "expected.jsonl").read_text() == text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rsctl_says_the_same(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "classify", str(case / "capture.pcap"), "--no-ndpi"]) == 0
    said: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["flows"]
    expected = [json.loads(line) for line in (case / "expected.jsonl").read_text().splitlines()]
    assert said == [{key: flow[key] for key in said[0]} for flow in expected]
    assert {"transport", "a", "b", "application", "protocol", "category", "host", "ja4", "stage", "packets"} == set(
        said[0]
    )


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_capture_is_what_its_maker_makes(name: str, tmp_path: Path) -> None:
    write(GENERATED[name](), tmp_path)
    for file in ("capture.pcap", "labels.tsv", "about.txt"):
        assert (FOLDER / name / file).read_bytes() == (tmp_path / file).read_bytes(), file


def test_the_set_covers_what_it_should() -> None:
    seen = {flow[column] for case in CASES for flow in labels(case) for column in ("application", "protocol")}
    assert sorted(set(COVERED.split()) - seen) == []


def test_captures_are_small() -> None:
    sizes = {case.name: (case / "capture.pcap").stat().st_size for case in CASES}
    assert {name: size for name, size in sizes.items() if size > PCAP_BYTES} == {}
    assert sum(sizes.values()) < ALL_BYTES


def test_each_capture_says_how_it_was_made() -> None:
    assert [case.name for case in CASES if "Made by: " not in (case / "about.txt").read_text()] == []


def test_initials_are_sealed_as_the_rfcs_say() -> None:
    """Keys of RFC 9001 appendix A.1 and RFC 9369 appendix A.1, and that each version hides its bytes differently."""
    connection = bytes.fromhex("8394c8f03e515708")
    first = [item.hex() for item in client_keys(1, connection)]
    assert first == ["1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"]
    second = [item.hex() for item in client_keys(0x6B3343CF, connection)]
    assert second == [
        "8b1a0bc121284290a29e0971b5cd045d",
        "91f73e2351d8fa91660e909f",
        "45b95e15235d6f45a6b19cbcb0294ba9",
    ]
    assert initial(1, connection, b"\x01")[30:] != initial(0x6B3343CF, connection, b"\x01")[30:]
