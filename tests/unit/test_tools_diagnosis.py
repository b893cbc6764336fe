"""The diagnosis bundle: no secret of a box that has them all, and addresses replaced the same by the same."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from firmware.client import Unavailable
from firmware.daemon.dialling import Dialling
from firmware.daemon.secrets_file import SecretsFile
from firmware.daemon.tls import Certificates
from firmware.daemon.tools import diagnosis
from firmware.daemon.tools.masking import MASK, Masks, secrets
from firmware.model.config import Config

PASSWORDS = ("owner's own password", 'top "secret" 密码', "88888888")
LOG = 'rcvd [PAP AuthReq id=0x1 user="a@163.gd" password="%s"] from 198.51.100.7, 00:11:22:33:44:55\n'


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """A box's directories with every kind of secret in them, and all of these as text."""
    state, run = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("run")
    kept = SecretsFile(state / "secrets.json")
    kept.set_password("owner", PASSWORDS[0])
    kept.set_line_password("telecom", PASSWORDS[1])
    kept.set_line_password("unicom", PASSWORDS[2])
    token, secret = kept.add_token("reader", "auditor", "owner")
    Dialling(run, kept).write()
    Certificates(state, run).ensure(Config())
    (run / "first-password").write_text("first-word-of-all\n")
    (run / "units").mkdir()
    words = [*PASSWORDS[1:], token.digest, "first-word-of-all"]
    words += re.findall(r'"owner":"([0-9a-f]+)\$([0-9a-f]+)"', (state / "secrets.json").read_text())[0]
    for path in (state / "tls/ca.key", state / "tls/box.pem"):
        private = path.read_text().partition("-----END PRIVATE KEY-----")[0]
        words += [line for line in private.splitlines() if not line.startswith("-----")]
    (run / "units/pppd-telecom.log").write_text("".join(LOG % word for word in words))
    return state, run, [*words, PASSWORDS[0], secret]


def bundle(
    box: tuple[Path, Path, list[str]], path: Path, *, is_anonymous: bool = False
) -> tuple[str, list[str], Masks]:
    """Everything in a bundle as one text, its files, and how much was masked."""
    state, run, words = box
    path.unlink(missing_ok=True)

    def call(verb: str, **_: Any) -> Any:
        if verb == "bandwidth":
            raise Unavailable("gone")
        return [{"name": "telecom", "said": words[0]}] if verb == "lines" else {"verb": verb}

    def output(argv: tuple[str, ...]) -> str:
        return f"{argv} {' '.join(words[:-2])} inet 192.0.2.77/24 brd 255.255.255.0 ether 00:11:22:33:44:55\n"

    masks = Masks(secrets(state, run), b"key", is_anonymous=is_anonymous)
    names = diagnosis.write(path, diagnosis.gathered(call, output, run), masks, is_anonymous=is_anonymous)
    with tarfile.open(path) as tar:
        texts = [(tar.extractfile(entry) or io.BytesIO()).read().decode() for entry in tar.getmembers()]
        assert [entry.name.removeprefix("diagnosis/") for entry in tar.getmembers()] == names
    return "\n".join(texts), names, masks


def test_no_secret_of_the_box_is_in_it(box: tuple[Path, Path, list[str]], tmp_path: Path) -> None:
    text, names, masks = bundle(box, tmp_path / "x")
    *words, password, secret = box[2]
    assert [word for word in words if word in text] == []
    assert masks.masked > len(words)
    assert MASK in text
    assert password not in text
    assert secret not in text
    assert {"README.txt", "configuration.json", "status.json", "lines/telecom.json", "kernel/rules.nft",
            "kernel/log.txt", "processes.txt", "units/pppd-telecom.log"} <= set(names)  # fmt: skip
    assert "bandwidth: gone" in text, "what cannot be had says why"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


def test_a_secret_is_found_as_json_spells_it(box: tuple[Path, Path, list[str]]) -> None:
    masks = Masks(secrets(*box[:2]), b"key", is_anonymous=False)
    spelt = r'{"a": "top \"secret\" \u5bc6\u7801", "b": "top \"secret\" 密码"}'
    assert masks(spelt) == f'{{"a": "{MASK}", "b": "{MASK}"}}'


def test_a_kind_of_secret_that_is_new_is_found_too(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"tunnels": {"hq": {"keys": ["a tunnel key"]}}, "passwords": {}}')
    assert secrets(tmp_path, tmp_path) == {"a tunnel key"}


def test_addresses_are_replaced_the_same_by_the_same(box: tuple[Path, Path, list[str]], tmp_path: Path) -> None:
    plain = bundle(box, tmp_path / "x")[0]
    assert "192.0.2.77" in plain
    text = bundle(box, tmp_path / "x", is_anonymous=True)[0]
    assert "192.0.2.77" not in text
    assert "00:11:22:33:44:55" not in text
    assert "255.255.255.0" in text
    assert len(set(re.findall(r"ether (\S+)", text))) == 1


def test_networks_stay_networks_and_keys_differ() -> None:
    one, two = (Masks(frozenset(), key, is_anonymous=True) for key in (b"1", b"2"))
    said = (
        "192.168.8.1/24 192.168.8.20 192.168.9.1 fe80::1 2001:db8::1 00:00:00:00:00:00 127.0.0.1 version 1.2.3 12:30:45"
    )
    words = one(said).split()
    first, near, next_ = (int(ip_address(word.partition("/")[0])) for word in words[:3])
    assert first >> 8 == near >> 8
    assert first >> 9 == next_ >> 9
    assert first >> 8 != next_ >> 8
    assert words[5:] == said.split()[5:]
    assert words[3] != "fe80::1"
    assert one(said).split() == words
    assert two(said).split()[:5] != words[:5]


def test_processes_are_listed_without_their_arguments() -> None:
    child = subprocess.Popen(["sleep", "987654"])
    try:
        text = diagnosis.processes(Path("/proc"))
    finally:
        child.kill()
        child.wait()
    assert "sleep" in text
    assert "987654" not in text
