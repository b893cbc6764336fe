"""The travelling application database: what is written can be read, and what is broken is named by line and reason."""

from __future__ import annotations

import json
import random
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fastpath.binding._native import ffi, lib

from fastpath.binding import appdb, bundle
from fastpath.binding.bundle import BundleError

WECHAT: dict[str, Any] = {
    "id": "wechat",
    "name": {"zh": "微信", "en": "WeChat"},
    "category": "im",
    "domains": ["wechat.com"],
    "ports": ["tcp/8080"],
    "networks": ["203.0.113.0/24"],
    "patterns": [{"transport": "tcp", "hex": "16 f1 ?? 03", "offset": 0}],
}
QQ = {"id": "qq", "name": {"zh": "QQ", "en": "QQ"}, "category": "im", "domains": ["qq.com"]}
GOOD = bundle.write([QQ, WECHAT], "2026.11.26")


def with_entry(**changes: Any) -> bytes:
    return bundle.write([QQ, {**WECHAT, **changes}], "2026.11.26")


def test_what_is_written_is_read() -> None:
    found = bundle.read(GOOD)
    assert found.version == "2026.11.26"
    assert [app["id"] for app in found.applications] == ["qq", "wechat"]
    assert found.applications[0]["patterns"] == []
    assert found.signature == b""


def test_a_signature_is_over_all_lines_before_it(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True)
    signed = bundle.sign(GOOD, key)
    for found in (bundle.read(signed), bundle.outline(signed)):
        assert found.signed == GOOD
        assert len(found.signature) == 64
        assert found.version == "2026.11.26"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "line 1: this is no JSON"),
        (b"\xff\xfe\n", "line 1: this is no JSON: it is not UTF-8 text"),
        (b"[]\n", "line 1: this is no object"),
        (b"[" * 100_000, "line 1: it is longer than 4096 bytes"),
        (b"[" * 4_000, "line 1: this is no JSON"),
        (b'{"format": "other"}\n', 'line 1: "format" is not'),
        (GOOD.replace(b"2026.11.26", b"newest"), "line 1: \"version\" 'newest' is not YEAR.MONTH.DAY"),
        (GOOD + b"{}\n", "line 1: 2 applications are announced, 3 follow"),
        (GOOD[: GOOD.index(b'{"id": "wechat"')], "line 1: 2 applications are announced, 1 follow"),
        (GOOD[:-20], "last line: this is no JSON"),
        (GOOD.replace(b'{"id": "qq"', b'{"id": qq"'), "line 2: this is no JSON"),
        (GOOD + b'{"signature": "?"}\n', "last line: the signature is not base64"),
        (with_entry(id="WeChat"), "line 3: id 'WeChat' is not"),
        (with_entry(id=7), "line 3: id 7 is not"),
        (with_entry(id="qq"), "line 3: qq stands in line 2 already"),
        (with_entry(name="WeChat"), 'line 3: "name" is not an object of texts'),
        (with_entry(name={"zh": "微信"}), "line 3: wechat: a name in zh and en is needed"),
        (with_entry(category="talk"), "line 3: wechat: category 'talk' does not exist"),
        (with_entry(domains="wechat.com"), 'line 3: "domains" is not a list of texts'),
        (with_entry(domains=["WeChat.com"]), "line 3: wechat: 'WeChat.com' is not a domain name in lower case"),
        (with_entry(domains=["qq.com"]), "line 3: the domain qq.com stands in line 2 already"),
        (with_entry(ports=["8080"]), "line 3: '8080' is not tcp/N"),
        (with_entry(networks=["203.0.113.1/24"]), "line 3: '203.0.113.1/24' is not a network"),
        (with_entry(patterns=[{"transport": "tcp", "hex": "zz"}]), "line 3: {'transport': 'tcp', 'hex': 'zz'} is not"),
        (with_entry(patterns={"hex": "00"}), 'line 3: "patterns" is not a list'),
        (with_entry(id="a\0b"), "line 3: id 'a\\x00b' is not"),
        (with_entry(category=["im"]), 'line 3: "category" is not a text'),
        (with_entry(ports=["tcp/0"]), "line 3: 'tcp/0' is no port from 1 to 65535"),
        (with_entry(ports=["tcp/9-8"]), "line 3: 'tcp/9-8' is no port from 1 to 65535"),
        (with_entry(patterns=[{"transport": "tcp", "hex": "161616", "x": 1}]), "line 3: {'transport': 'tcp'"),
        (GOOD.replace(b'"QQ", "en"', b'"\\ud800", "en"'), "line 2: a text in it is no Unicode"),
        (b'{"format": "' + b"x" * 5000 + b'"}\n' + GOOD, "line 1: it is longer than 4096 bytes"),
        (with_entry(colour="red"), "line 3: wechat: unknown keys ['colour']"),
    ],
)
def test_what_is_broken_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(BundleError) as refused:
        bundle.read(data)
    assert reason in str(refused.value)


def test_all_wrong_lines_are_told() -> None:
    data = bundle.write([{**QQ, "category": "talk"}, {**WECHAT, "ports": ["x"]}], "2026.11.26")
    with pytest.raises(BundleError) as refused:
        bundle.read(data)
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["line 2", "line 3"]


def test_of_many_wrong_lines_the_first_are_told() -> None:
    data = bundle.write([{}] * 1000, "2026.11.26")
    with pytest.raises(BundleError) as refused:
        bundle.read(data)
    assert len(str(refused.value).splitlines()) == bundle.PROBLEMS_TOLD


def test_contradictions_are_found_when_it_is_compiled(tmp_path: Path) -> None:
    other = {**QQ, "domains": [], "ports": ["tcp/8000-8100"]}
    with pytest.raises(BundleError, match="port 8080 belongs to qq and to wechat"):
        bundle.compile_bundle(bundle.read(bundle.write([other, WECHAT], "2026.1.2")), (), tmp_path)


def test_what_the_admin_made_gives_way_to_what_a_release_brings(tmp_path: Path) -> None:
    own = {"id": "wechat", "name": {"zh": "x", "en": "x"}, "category": "im", "domains": ["own.example"]}
    whole = {**own, "ports": [], "networks": [], "patterns": []}
    bundle.compile_bundle(bundle.read(GOOD), (whole,), tmp_path)
    names = json.loads((tmp_path / "apps.json").read_text())
    assert names["version"] == "2026.11.26"
    assert [row["id"] for row in names["applications"]] == ["qq", "wechat"]


def test_every_application_is_found_by_its_id(tmp_path: Path) -> None:
    """The admin's own stand behind those of a release, wherever the alphabet would have them."""
    names = [f"app{number:03}" for number in range(0, 200, 3)]
    source = [{**QQ, "id": name, "domains": [f"{name}.example"]} for name in names]
    nothing: dict[str, Any] = {sign: [] for sign in appdb.SIGNS}
    own = [{**WECHAT, **nothing, "id": name} for name in ("zz", "crm", "app001", "intranet", "a")]
    bundle.compile_bundle(bundle.read(bundle.write(source, "2026.11.26")), own, tmp_path)
    data = ffi.from_buffer((tmp_path / "apps.bin").read_bytes())
    handle, error = ffi.new("rs_apps **"), ffi.new("char[]", lib.RS_ERROR_SIZE)
    assert lib.rs_apps_open(data, len(data), handle, error) == 0
    ids = [*names, *(app["id"] for app in own)]
    assert [lib.rs_apps_find(handle[0], name.encode()) for name in ids] == list(range(1, len(ids) + 1))
    assert lib.rs_apps_find(handle[0], b"app002") == lib.rs_apps_find(handle[0], b"zzz") == 0
    lib.rs_apps_close(handle[0])


def test_rubbish_is_refused_and_never_an_accident() -> None:
    dice = random.Random(7)
    for _ in range(2000):
        data = bytearray(GOOD)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            data[at : at + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
        with suppress(BundleError):
            assert len(bundle.read(bytes(data)).applications) == 2


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("2026.11.9", "2026.11.26"), ("2026.11.26", "2026.11.26.1"), ("", "2026.1.1"), ("2025.12.31", "2026.1.1")],
)
def test_versions_are_compared_by_their_numbers(earlier: str, later: str) -> None:
    assert bundle.version_key(earlier) < bundle.version_key(later)
