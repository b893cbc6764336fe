"""rsctl against the real daemon: the life of a change, every command, refusals, tokens, completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firmware.cli.commands import COMMANDS
from tests.kernel.engine_box import CLIENT, SERVER, Box, config

pytestmark = pytest.mark.kernel
RSCTL = ("-m", "firmware.cli.main")
# As somebody else: everything is imported before, since that user may not read the developer's Python.
AS_NOBODY = (
    "-c",
    """
import os, sys
import firmware.client, firmware.cli.state
from firmware.cli import main, parser, terminal
parser.build_parser(terminal.Terminal("en")).format_help()
os.setgid(65534)
os.setuid(65534)
sys.exit(main.main())
""",
)


class Done(NamedTuple):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Rsctl:
    """The command as a person runs it."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def __call__(self, *words: str, stdin: str = "", command: tuple[str, ...] = RSCTL, **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, *command, *words],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LANG": "C.UTF-8", "RS_SOCKET": str(self.box.run / "rsd.sock"), **environment},
        )
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box("cli") as box:
        box.start()
        box.commit(config())
        yield box


@pytest.fixture
def rsctl(box: Box) -> Iterator[Rsctl]:
    yield Rsctl(box)
    if box.call("status")["pending"]:
        box.call("config.confirm")
    box.call("config.discard")


def test_a_change_from_set_to_rollback(rsctl: Rsctl) -> None:
    before = rsctl("revisions", "--json").json()[0]["id"]
    assert rsctl("set", "groups.sales.members", "192.168.8.20-192.168.8.30").code == 0
    done = rsctl("set", "policies.no-games", '{"position": 1, "action": "block", "categories": ["game"]}')
    assert done == Done(0, "policies.no-games is set in the candidate.\n", "")
    assert rsctl("show", "policies.no-games.action").out == "block\n"
    assert rsctl("show", "policies.no-games", "--running").code == 1
    assert rsctl("diff").out.splitlines() == [
        '+ groups.sales {"members": ["192.168.8.20-192.168.8.30"]}',
        '+ policies.no-games {"position": 1, "action": "block", "categories": ["game"]}',
    ]
    assert rsctl("check").out == "Nothing speaks against a commit.\n"
    assert rsctl("plan").out
    done = rsctl("commit", "-m", "no games", "--confirm", "60")
    assert (done.code, done.err) == (0, "")
    assert "rsctl confirm" in done.out
    assert "waits for confirmation" in rsctl("status").out
    assert rsctl("confirm").code == 0
    rows = rsctl("revisions", "--json").json()
    assert (rows[0]["message"], rows[0]["confirmed"]) == ("no games", True)
    assert rsctl("show", "groups.sales.members", "--running").out == '["192.168.8.20-192.168.8.30"]\n'
    assert rsctl("delete", "policies.no-games").code == 0
    assert rsctl("diff", "--json").json()[0]["kind"] == "remove"
    assert rsctl("rollback").code == 0
    assert rsctl("show", "policies", "--running").out == "{}\n"
    assert rsctl("rollback", str(rows[0]["id"]), "--json").json()["revision"] > rows[0]["id"]
    assert rsctl("show", "policies.no-games.action", "--revision", str(rows[0]["id"])).out == "block\n"
    assert rsctl("rollback", str(before)).code == 0


def test_back_is_to_what_was_in_force_before(rsctl: Rsctl) -> None:
    """Not to one of the changes that were taken back: it may be the one that cut somebody off."""
    before = rsctl.box.running()
    assert rsctl("set", "groups.good", "{}").code == 0
    assert rsctl("commit").code == 0
    for name in ("bad", "worse"):
        assert rsctl("set", f"groups.{name}", "{}").code == 0
        assert rsctl("commit", "--confirm", "60").code == 0
        assert rsctl("rollback").code == 0
        assert rsctl.box.running().groups.keys() == before.groups.keys() | {"good"}
    assert rsctl("rollback").code == 0
    assert rsctl.box.running() == before


def test_shown_values_can_be_set_again(rsctl: Rsctl) -> None:
    """What ``show`` prints is what ``set`` takes, line by line."""
    lines = [line.split(" ", 1) for line in rsctl("show", "lans").out.splitlines()]
    assert lines
    for path, value in lines:
        assert rsctl("set", path, value).code == 0
    assert rsctl("diff").out == "The candidate is what is in force.\n"


def test_refusal_says_path_value_and_remedy(rsctl: Rsctl) -> None:
    done = rsctl("set", "policies.x.action", "forbid")
    assert done.code == 1
    assert "policies.x" in done.err
    assert rsctl("set", "policies.x", '{"position": 1, "action": "block", "groups": ["nobody"]}').code == 0
    for words in (("check",), ("commit",)):
        done = rsctl(*words)
        assert done.code == 1
        assert "policies.x.groups.0: There is no group nobody." in done.err
        assert "value: nobody" in done.err
        assert "remedy: " in done.err
    error = rsctl("commit", "--json").json()["error"]
    assert error["code"] == "invalid"
    assert error["problems"][0]["path"] == "policies.x.groups.0"
    assert "没有" in rsctl("commit", "--language", "zh").err
    assert rsctl("discard").code == 0
    assert rsctl("check").code == 0


def test_export_and_import(rsctl: Rsctl, tmp_path: Path) -> None:
    exported = rsctl("export").out
    path = tmp_path / "box.json"
    path.write_text(exported.replace("eng-box", "renamed"))
    assert rsctl("import", str(path)).code == 0
    assert rsctl("diff").out.splitlines() == ["- system.hostname eng-box", "+ system.hostname renamed"]
    assert rsctl("import", "-", stdin=exported[: len(exported) // 2]).code == 1
    assert rsctl("import", str(tmp_path / "nothing")).code == 1
    assert rsctl("show", "system.hostname").out == "renamed\n"


STATE = [
    ("status",), ("board",), ("bandwidth",), ("selfcheck",), ("prefixes", "list"),
    ("lines",), ("hosts",), ("flows", "--host", CLIENT, "--limit", "5"), ("usage", "--by", "category"),
    ("usage", "--since", "7d", "--application", "wechat"), ("blocked",), ("alarms",), ("applications",), ("users",),
    ("why", CLIENT, "www.qq.com"), ("revisions", "--limit", "1"), ("diff",), ("plan",), ("export",), ("token", "list"),
    ("unknown", "--limit", "5"), ("posture",), ("database", "show"), ("business", "status"),
]  # fmt: skip


@pytest.mark.parametrize("words", STATE, ids="-".join)
def test_every_reading_command_in_both_forms_and_languages(rsctl: Rsctl, words: tuple[str, ...]) -> None:
    done = rsctl(*words)
    assert (done.code, done.err) == (0, "")
    rsctl(*words, "--json").json()
    assert rsctl(*words, "--language", "zh").code == 0


def test_lines_and_why_speak_of_this_box(rsctl: Rsctl) -> None:
    assert "198.51.100.2/24" in rsctl("lines").out
    steps = rsctl("why", CLIENT, "www.qq.com").out
    assert steps.startswith(f"1. {CLIENT} is the host")
    assert "what no policy forbids is allowed" in steps
    assert "没有匹配的策略" in rsctl("why", CLIENT, "www.qq.com", "--language", "zh").out
    assert rsctl("why", "nobody", "www.qq.com").code == 1


def test_a_line_that_cannot_be_measured_is_told(rsctl: Rsctl) -> None:
    assert rsctl("speedtest", "nothing").code == 1
    done = rsctl("speedtest", "line1", "--shaped")
    assert done.code == 1
    assert "has no shaper to measure" in done.err
    assert "没有带宽管理可测" in rsctl("speedtest", "line1", "--shaped", "--language", "zh").err


def test_other_users_are_told_to_be_root(rsctl: Rsctl) -> None:
    done = rsctl("status", command=AS_NOBODY)
    assert done.code == 3
    assert "Run rsctl as root." in done.err


def test_token_reads_but_does_not_change(rsctl: Rsctl) -> None:
    token = rsctl("token", "create", "reader").out.strip()
    assert rsctl("token", "create", "reader").code == 1
    (row,) = [row for row in rsctl("token", "list", "--json").json() if row["name"] == "reader"]
    assert rsctl("status", RS_TOKEN=token).code == 0
    done = rsctl("set", "system.hostname", "mine", RS_TOKEN=token)
    assert done.code == 1
    assert "RS_TOKEN" in done.err
    assert rsctl("token", "revoke", str(row["id"])).code == 0
    assert rsctl("status", RS_TOKEN=token).code == 1
    assert rsctl("token", "revoke", "999").code == 1


def test_password(rsctl: Rsctl) -> None:
    assert rsctl("passwd", "--stdin", stdin="short\n").code == 1
    assert rsctl("passwd", "--stdin", stdin="a long enough password\n").code == 0
    assert rsctl.box.call("login", user="admin", password="a long enough password")["role"] == "owner"
    assert rsctl("passwd", "stranger", "--stdin", stdin="a long enough password\n").code == 1


def test_the_database_refuses_in_words(rsctl: Rsctl, tmp_path: Path) -> None:
    before = rsctl("database", "show", "--json").json()
    broken = tmp_path / "broken.rsapps"
    broken.write_text('{"format": "rs-applications 1", "version": "2099.1.1", "applications": 1}\n{"id": 7}\n')
    for words, reason in (
        (("update", str(tmp_path / "none")), "No such file"),
        (("update", str(broken)), "line 2"),
        (("update",), "recognition.update_url"),
        (("rollback",), "none before it"),
    ):
        done = rsctl("database", *words)
        assert (done.code, reason in done.err) == (1, True), done.err
    assert rsctl("database", "show", "--json").json() == before


def test_a_box_without_slots_refuses_updates_in_words(rsctl: Rsctl) -> None:
    assert "not started from an image" in rsctl("update", "show").out
    assert rsctl("update", "show", "--json").json()["available"] is False
    for words in (("install", "--usb"), ("install", "/tmp/none.swu"), ("restart",)):
        done = rsctl("update", *words)
        assert (done.code, "not started from an image" in done.err) == (1, True), done.err
    assert "update.url" in rsctl("update", "install").err
    assert "not started from an image" in rsctl("update", "check").err


def test_a_backup_is_made_and_becomes_the_candidate(rsctl: Rsctl, tmp_path: Path) -> None:
    words, path = "three long words\n", tmp_path / "box.rsbackup"
    done = rsctl("backup", str(path), "--stdin", stdin=words)
    assert (done.code, path.stat().st_mode & 0o777) == (0, 0o600), done.err
    assert "passphrase is wrong" in rsctl("restore", str(path), "--stdin", stdin="three other words\n").err
    rsctl("set", "system.hostname", "changed")
    rsctl("commit")
    assert rsctl("restore", str(path), "--parts", "configuration", "--stdin", stdin=words).code == 0
    assert "system.hostname" in rsctl("diff").out
    assert rsctl("commit").code == 0, "the box has its name again"
    assert rsctl("backups", "show").code == 0


def test_a_box_without_business_data_says_so(rsctl: Rsctl, tmp_path: Path) -> None:
    """With data: ``test_business_daemon.py``."""
    assert rsctl("business", "status", "--json").json() == {"enabled": False, "database": "sqlite", "company": None}
    for words in (("check",), ("backup", str(tmp_path / "b.zip")), ("export", str(tmp_path / "e.zip"))):
        done = rsctl("business", *words)
        assert (done.code, "There are no business data yet" in done.err) == (1, True), done.err
    (tmp_path / "none.zip").write_bytes(b"PK")
    done = rsctl("business", "restore", str(tmp_path / "none.zip"))
    assert (done.code, "none.zip cannot be read" in done.err) == (1, True), done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none.zip"]


def test_the_field_tools_answer_in_words(rsctl: Rsctl, tmp_path: Path) -> None:
    def result(*words: str) -> Any:
        return rsctl(*words, "--json").json()["result"]

    assert result("ping", SERVER, "--count", "1")["received"] == 1
    assert any(hop["address"] == SERVER for hop in result("trace", SERVER)["hops"])
    assert result("lookup", "eng-box.lan")["outcome"] == "answer"
    assert result("port", SERVER, "9")["outcome"] == "refused"
    assert result("cable")["ports"]
    capture, bundle = tmp_path / "arp.pcap", tmp_path / "box.tar.gz"
    done = rsctl("capture", "lan:office", "--protocol", "arp", "--seconds", "1", "--output", str(capture))
    assert (done.code, capture.stat().st_size >= 24) == (0, True), done.err
    assert rsctl("diagnose", "--output", str(bundle)).code == 0
    assert bundle.read_bytes()[:2] == b"\x1f\x8b"
    assert rsctl("console", stdin="").code == 0


def test_unknown_traffic_goes_into_a_file(rsctl: Rsctl, tmp_path: Path) -> None:
    target = tmp_path / "unknown.json"
    assert rsctl("unknown", "--export", str(target)).code == 0
    assert isinstance(json.loads(target.read_text()), list)
    assert rsctl("unknown", "--export", str(tmp_path)).code == 1


def test_completion_asks_the_box(rsctl: Rsctl) -> None:
    def complete(*words: str) -> list[str]:
        return rsctl("__complete", *words).out.splitlines()

    assert complete("show", "lan") == ["lans."]
    assert complete("show", "lans.") == ["lans.office."]
    assert "lans.office.dhcp" in complete("set", "lans.office.")
    assert complete("set", "system.host") == ["system.hostname"]
    assert "wechat" in complete("flows", "--application", "we")
    assert complete("passwd", "") == ["admin"]
    assert [str(row["id"]) for row in rsctl("revisions", "--json").json()] == complete("rollback", "")


def test_no_command_is_forgotten_here() -> None:
    """Each command stands in one of the tests above, ``completion`` and ``classify`` in those without a daemon."""
    source = Path(__file__).read_text(encoding="utf-8")
    for command in COMMANDS:
        if command.needs_daemon:
            assert f'"{command.words[0]}"' in source, command.words
