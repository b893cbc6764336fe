"""The bench of rsflash batch: numbers, progress, reports, and an installation over its HTTP server."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from buildroot.flash import batch, label, protocol
from buildroot.flash.image import BLOCK, ImageError, Packed, Raw, Remote, pack
from buildroot.flash.words import Say

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"


def post(url: str, what: str, **values: object) -> dict[str, str]:
    request = urllib.request.Request(f"{url}/{what}", json.dumps(values).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def refused(url: str, what: str, **values: object) -> int:
    with pytest.raises(urllib.error.HTTPError) as error:
        post(url, what, **values)
    error.value.close()
    return error.value.code


def test_numbers_are_a_row() -> None:
    assert batch.serials("RS-0099", 3) == ["RS-0099", "RS-0100", "RS-0101"]
    with pytest.raises(ValueError, match="end with digits"):
        batch.serials("RS-", 2)


def test_a_second_batch_keeps_the_labels_of_the_first(tmp_path: Path) -> None:
    for serial in ("RS-0041", "RS-0042"):
        batch.keep_label(tmp_path, label.Label(serial, f"password of {serial}"), Say("en"))
    sheet = (tmp_path / "labels.html").read_text()
    assert all(f"password of {serial}" in sheet for serial in ("RS-0041", "RS-0042"))


def test_a_report_is_kept_once_or_said_again() -> None:
    kept: list[str] = []
    is_full = True

    def keep(box: batch.Box, values: dict[str, str]) -> None:
        if is_full:
            raise OSError(28, "No space left on device")
        kept.append(box.result)

    bench = batch.Bench(["RS-1"], "", keep)
    bench.hello(MAC, (MAC,))
    with pytest.raises(OSError, match="No space"):
        bench.report(MAC, {"result": "verified"})
    assert bench.ready == []
    is_full = False
    for _ in range(2):  # its answer was lost
        bench.report(MAC, {"result": "verified"})
    assert kept == ["verified"]
    bench.hello(MAC, (MAC,))  # it is installed once more
    bench.report(MAC, {"result": "verified"})
    assert kept == ["verified", "verified"]


def test_a_number_is_given_once(tmp_path: Path) -> None:
    path = tmp_path / "protocol.csv"
    assert batch.given_before(path, ["RS-1", "RS-2"]) == ""
    assert batch.given_before(path, ["RS-1", "RS-2", "RS-1"]) == "RS-1"
    row = protocol.Row("2026-11-26 10:00:00", "Wang", "RS-2", MAC, "sda", "32", "ab" * 32, "verified", "9")
    protocol.append(path, row._replace(serial="RS-1", result="this image is damaged"))
    protocol.append(path, row)
    assert batch.given_before(path, ["RS-1"]) == ""
    assert batch.given_before(path, ["RS-1", "RS-2"]) == "RS-2"


def test_dnsmasq_takes_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_text(batch.dnsmasq_configuration("lo", "192.168.77.1"))
    done = subprocess.run(["dnsmasq", "--test", f"--conf-file={path}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_boxes_install_over_http_and_are_reported(tmp_path: Path) -> None:
    raw = tmp_path / "disk.img"
    raw.write_bytes(b"x" * BLOCK + bytes(BLOCK) + b"y" * 100)
    pack(Raw(raw), tmp_path / "firmware.rsi")
    (tmp_path / "rsflash.pyz").write_bytes(b"program")
    reports: list[tuple[batch.Box, dict[str, str]]] = []
    bench = batch.Bench(["RS-1"], "https://hq", lambda box, values: reports.append((box, values)))
    with batch.serving(bench, Packed(tmp_path / "firmware.rsi"), tmp_path, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}"
        told = post(url, "hello", mac=MAC, macs=[MAC, OTHER])
        assert post(url, "hello", mac=MAC, macs=[MAC]) == told  # it was switched off in between
        assert refused(url, "hello", mac=OTHER) == 410
        assert refused(url, "progress", mac=MAC, stage="write", percent="x") == 400
        post(url, "progress", mac=MAC, stage="write", percent=40)
        assert (bench.boxes[MAC].state, bench.boxes[MAC].percent) == ("writing", 40)
        source = Remote(url)
        assert source.block(0) == b"x" * BLOCK
        with pytest.raises(ImageError):
            source._get("/../secrets")
        source.close()
        assert bench.ready == []
        post(url, "report", mac=MAC, result="verified", disk="vda", seconds="7")
    (box, values), *more = reports
    assert more == []
    assert (box.told.serial, box.macs, values["disk"]) == ("RS-1", (MAC, OTHER), "vda")
    assert bench.ready == [box]
    assert told["serial"] == "RS-1"
    assert told["first_password"] == box.told.first_password
