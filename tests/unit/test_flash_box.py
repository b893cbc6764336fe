"""What an installing box does when the laptop or the stick does not take what it is told: nothing of it is lost."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from buildroot.flash import batch, box, disks, protocol
from buildroot.flash.image import BLOCK, Packed, Raw, pack
from buildroot.flash.run import Installed
from buildroot.flash.write import MediumError

MAC = "52:54:00:00:00:01"
DISK = disks.Disk("vda", 1 << 30, "", "", False, (), "")


class Screen:
    """The consoles of a box at which nobody sits."""

    def progress(self, stage: str, done: int, whole: int) -> None:
        pass

    def ask(self, text: str, wait_s: float | None = None, **params: object) -> str:
        return ""


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A packed image and a box that writes it at once; nothing is waited for."""
    (tmp_path / "disk.img").write_bytes(b"x" * BLOCK)
    pack(Raw(tmp_path / "disk.img"), tmp_path / "firmware.rsi")
    monkeypatch.setattr(box, "macs", lambda: (MAC,))
    monkeypatch.setattr(box.disks, "disks", lambda: [DISK])
    monkeypatch.setattr(box, "install", install)
    monkeypatch.setattr(box, "_TELL_S", 0.0)
    return tmp_path


def install(source: Any, path: Path, told: Any, tell: Any, language: str = "") -> Installed:
    for done in range(3):
        tell("write", done, 2)
    return Installed(source.map.sha256, 1.0, BLOCK)


def test_a_laptop_that_misses_some_of_it_hears_of_the_end(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = batch.Bench(["RS-1"], "", lambda box, values: None)
    missed = ["progress", "report", "report"]
    urlopen = urllib.request.urlopen

    def flaky(request: urllib.request.Request, timeout: float) -> Any:
        if missed and request.full_url.endswith(missed[0]):
            raise TimeoutError(f"no answer to {missed.pop(0)}")
        return urlopen(request, timeout=timeout)

    monkeypatch.setattr(urllib.request, "urlopen", flaky)
    with batch.serving(bench, Packed(image / "firmware.rsi"), image, "127.0.0.1", 0) as port:
        made, is_heard = box._by_network(f"http://127.0.0.1:{port}", Screen())  # type: ignore[arg-type]
        assert (made.serial, is_heard, missed) == ("RS-1", True, [])
        assert bench.ready[0].told.first_password == made.password
        monkeypatch.setattr(box, "macs", lambda: ("52:54:00:00:00:02",))
        with pytest.raises(MediumError, match="no serial number left"):
            box._by_network(f"http://127.0.0.1:{port}", Screen())  # type: ignore[arg-type]


def test_a_laptop_that_is_gone_has_no_label(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = batch.Bench(["RS-1"], "", lambda box, values: None)
    urlopen = urllib.request.urlopen

    def gone(request: urllib.request.Request, timeout: float) -> Any:
        if request.full_url.endswith("report"):
            raise ConnectionRefusedError
        return urlopen(request, timeout=timeout)

    monkeypatch.setattr(urllib.request, "urlopen", gone)
    with batch.serving(bench, Packed(image / "firmware.rsi"), image, "127.0.0.1", 0) as port:
        made, is_heard = box._by_network(f"http://127.0.0.1:{port}", Screen())  # type: ignore[arg-type]
    assert (made.serial, is_heard) == ("RS-1", False)


@pytest.mark.parametrize("is_full", [True, False])
def test_a_stick_that_is_full_does_not_hide_the_label(
    image: Path, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    def append(path: Path, row: protocol.Row) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: subprocess.CompletedProcess((), 0))
    if is_full:
        monkeypatch.setattr(protocol, "append", append)
    made, is_kept = box._by_medium(image, {"serial": "RS-1"}, Screen())  # type: ignore[arg-type]
    assert (made.serial, is_kept) == ("RS-1", not is_full)
