"""What rsflash says and prints: both languages, label, protocol, progress."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path

import pytest

from buildroot.flash import label, protocol, provision, words
from buildroot.flash.run import Progress
from buildroot.flash.words import Say

ROW = protocol.Row(
    "2026-11-26 10:00:00", "王工", "RS-0041", "52:54:00:00:00:01", "sda", "32", "ab" * 32, "verified", "9"
)
MADE = label.Label("RS-0041", "abcd-efgh-jkmn-pqrs", ("52:54:00:00:00:01", "52:54:00:00:00:02"))


def test_every_text_has_its_chinese_with_the_same_places() -> None:
    folder = Path(words.__file__).parent
    used = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name in ("say", "self._say", "MediumError", "ImageError") and isinstance(node.args[0], ast.Constant):
                used.add(node.args[0].value)
    assert used - set(words.ZH) == set()
    places = re.compile(r"%\((\w+)\)s")
    assert [text for text, zh in words.ZH.items() if sorted(places.findall(text)) != sorted(places.findall(zh))] == []


def test_the_language_is_the_locales() -> None:
    assert words.of_environment({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}).language == "zh"
    assert words.of_environment({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}).language == "en"


def test_a_label_has_everything() -> None:
    drawn = label.svg(MADE, Say("zh"))
    assert all(text in drawn for text in ("初始密码", "abcd-efgh-jkmn-pqrs", "RS-0041", "52:54:00:00:00:01 +1"))
    assert "Serial number: RS-0041" in label.text(MADE, Say("en"))
    assert label.page([drawn, drawn], Say("zh")).count("<svg xmlns") == 2


def test_a_protocol_grows_and_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "protocol.csv"
    protocol.append(path, ROW)
    protocol.append(path, ROW._replace(engineer="=cmd", result="The medium is worn"))
    found = protocol.rows(path)
    assert found[0] == ROW
    assert found[1].engineer == "'=cmd"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    page = protocol.page(found, Say("zh"))
    assert "共 2 台，写入并校验通过 1 台。" in page
    assert "&#x27;=cmd" in page


def test_what_a_box_is_told_is_checked() -> None:
    assert provision.check_serial("RS-0041") == "RS-0041"
    for bad in ("", "RS 41", "-41", "x" * 33):
        with pytest.raises(ValueError):
            provision.check_serial(bad)
    for bad in ("http://hq", "hq.example.cn", "https://"):
        with pytest.raises(ValueError):
            provision.check_headquarters(bad)
    assert provision.draw_password() != provision.draw_password()


def test_progress_is_told_in_tenths_with_rate_and_time_left() -> None:
    out, times = io.StringIO(), iter(range(1000))
    progress = Progress(Say("en"), out, lambda: next(times))
    for done in range(101):
        progress("write", done * 1_000_000, 100_000_000)
    lines = out.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[5] == "Writing: 50 %, 1 MB/s, 50 s left"
