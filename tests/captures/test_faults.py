"""Captures that cannot be read: what was read is shown, and one sentence names the file and the remedy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack, unpack_from
from threading import Thread

import pytest

from firmware.cli import classify
from firmware.cli.main import main
from tests.captures.test_captures import FOLDER
from tests.catalogue import compiled

WHOLE = (FOLDER / "tls-sni" / "capture.pcap").read_bytes()
HEADER = 24
RADIOTAP = 127
USER_0 = 147  # a link type that everybody may use for his own, so nobody can know it


def records(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Seconds, microseconds and frame of a little-endian pcap's packets."""
    at = HEADER
    while at < len(data):
        seconds, micros, size, _ = unpack_from("<IIII", data, at)
        yield seconds, micros, data[at + 16 : at + 16 + size]
        at += 16 + size


def pcapng(data: bytes) -> bytes:
    """The same packets as pcapng: section header, one interface, enhanced packet blocks (draft-ietf-opsawg-pcapng)."""

    def block(kind: int, body: bytes) -> bytes:
        size = 12 + len(body)
        return pack("<II", kind, size) + body + pack("<I", size)

    out = block(0x0A0D0D0A, pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, pack("<HHI", 1, 0, 0))
    for seconds, micros, frame in records(data):
        time = seconds * 1_000_000 + micros
        head = pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
        out += block(6, head + frame + bytes(-len(frame) % 4))
    return out


@pytest.fixture(scope="module", autouse=True)
def _chinese(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with compiled(tmp_path_factory.mktemp("catalogue")):
        yield


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


FAULTS: dict[str, Callable[[Path], object]] = {
    "missing": _missing,
    "folder": Path.mkdir,
    "empty": Path.touch,
    "format": lambda path: path.write_bytes(b"PK\x03\x04 this is an archive, not a capture"),
    "link": lambda path: path.write_bytes(WHOLE[:20] + pack("<I", USER_0) + WHOLE[HEADER:]),
    "cut": lambda path: path.write_bytes(WHOLE[:-40]),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("cause", FAULTS)
def test_a_fault_names_the_file_and_the_remedy(
    cause: str, language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "办公室.pcap"
    FAULTS[cause](path)
    assert main(["--language", language, "classify", str(path), "--no-ndpi"]) == 1
    shown = capsys.readouterr()
    message, remedy = shown.err.splitlines()
    assert str(path) in message
    english, hint = classify.FAULTS[cause]
    is_english = message.startswith("rsctl: " + english.split("%(")[0]) and remedy.strip().startswith(hint[:20])
    assert is_english == (language == "en")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in remedy) == (language == "zh")
    assert bool(shown.out) == (cause == "cut")


def test_what_comes_before_the_break_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(WHOLE[: len(WHOLE) // 2])
    assert main(["--json", "classify", str(path), "--no-ndpi"]) == 1
    shown = capsys.readouterr()
    flows = json.loads(shown.out)["flows"]
    labels = (FOLDER / "tls-sni" / "labels.tsv").read_text().splitlines()[1:]
    assert 4 <= len(flows) < len(labels)
    assert [flow["application"] for flow in flows[:-1]] == [line.split("\t")[3] for line in labels[: len(flows) - 1]]


def test_a_link_type_is_called_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wireless.pcap"
    path.write_bytes(WHOLE[:20] + pack("<I", RADIOTAP) + WHOLE[HEADER:])
    assert main(["classify", str(path)]) == 1
    assert f"link type {RADIOTAP} (IEEE802_11_RADIO)" in capsys.readouterr().err


def test_a_pipe_is_read_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in ``rsctl classify <(ssh router tcpdump -w -)``."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Thread(target=path.write_bytes, args=(WHOLE,))
    writer.start()
    assert main(["--json", "classify", str(path), "--no-ndpi"]) == 0
    writer.join()
    assert len(json.loads(capsys.readouterr().out)["flows"]) == 12


def test_a_recording_without_packets_has_no_flows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "quiet.pcap"
    path.write_bytes(WHOLE[:HEADER])
    assert main(["--json", "classify", str(path), "--no-ndpi"]) == 0
    assert json.loads(capsys.readouterr().out) == {"flows": []}


@pytest.mark.parametrize("name", ["tls-sni", "links", "quic-split"])
def test_pcapng_gives_the_same(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, copy = FOLDER / name / "capture.pcap", tmp_path / "copy.pcapng"
    copy.write_bytes(pcapng(source.read_bytes()))
    said = []
    for path in (source, copy):
        assert main(["--json", "classify", str(path), "--no-ndpi"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


@pytest.mark.parametrize("size", range(25, 300, 11))
def test_wherever_it_breaks_off_it_is_said(size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But between two packets nothing can be missed."""
    path = tmp_path / "cut.pcap"
    path.write_bytes(WHOLE[:size])
    ends, at = {HEADER}, HEADER
    for _, _, frame in records(WHOLE):
        at += 16 + len(frame)
        ends.add(at)
    assert main(["classify", str(path), "--no-ndpi"]) == int(size not in ends)
    assert ("breaks off" in capsys.readouterr().err) == (size not in ends)
