"""The menu of the serial console with a stand-in for rsd: what is asked of it, what is undone, what needs a word."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from firmware.cli.console import EXIT_SHELL, OTHER_SLOT, RESET, RESTART, Menu, Way, default_language
from firmware.cli.terminal import Terminal
from firmware.client import Invalid, Unavailable
from firmware.model.problem import Problem
from tests.unit.test_cli_tools import Rsd

SBIN = Path(__file__).parents[2] / "buildroot/board/common/overlay/usr/sbin"
CONFIG: dict[str, Any] = {
    "lans": {"office": {"ports": ["eth1"], "address": "192.168.8.1/24", "dhcp": {"start": "192.168.8.50"}}},
    "wans": {
        "telecom": {"interface": "eth0", "number": 1, "protocol": "pppoe", "username": "a", "mtu": 1480, "weight": 3},
        "unicom": {"interface": "eth2", "number": 2, "vlan": 41, "mtu": 1496},
    },
    "users": {"wang": {"role": "owner"}, "li": {"role": "clerk"}},
}
STATUS = {"hostname": "box", "version": "1", "uptime_s": 5, "alarms": 1,
          "lines": [{"name": "telecom", "up": True, "address": "198.51.100.2/24"}]}  # fmt: skip
ALARM = {"message": "The line %(line)s does not work: %(reason)s", "params": {"line": "unicom", "reason": "x"}}


class Person:
    """Answers in turn; what is run and asked of rsd is noted."""

    def __init__(self, *answers: str, diff: Any = (), refuse: str = "") -> None:
        self.answers, self.diff, self.refuse = list(answers), diff, refuse
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.ran: list[Sequence[str]] = []

    def call(self, verb: str, **args: Any) -> Any:
        self.asked.append((verb, args))
        if verb == self.refuse:
            raise Invalid("no", problems=(Problem(path="lans.office.address", message="It is wrong."),))
        answers: dict[str, Any] = {"status": STATUS, "config.diff": self.diff, "config.commit": {"revision": 7},
                                   "alarms": [{**ALARM, "cleared": None}]}  # fmt: skip
        return CONFIG[args["path"]] if verb == "config.get" else answers.get(verb, {})

    def ask(self, _: str) -> str:
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)

    def run(self, argv: Sequence[str]) -> int:
        self.ran.append(argv)
        return 1

    def changes(self) -> list[tuple[str, dict[str, Any]]]:
        reading = ("config.get", "config.diff", "status", "alarms")
        return [(verb, args) for verb, args in self.asked if verb not in reading]


def used(person: Any, language: str = "en") -> int:
    return Menu(Terminal(language), lambda: person, Way(person.ask, person.ask, person.run)).show()


def test_state_is_shown_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert used(Person("1", "l", "1", "0"), "zh") == 0
    said = capsys.readouterr().out
    assert "局域网 office：192.168.8.1/24" in said
    assert "Local network office: 192.168.8.1/24" in said
    assert "Line telecom: 198.51.100.2/24, works" in said
    assert "! The line unicom does not work: x" in said


def test_cables_and_a_host_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """By the very tools of rsctl; an empty host asks for no ping."""
    person = Person("9", "www.example.com", "9", "", "0")
    rsd = Rsd()
    menu = Menu(Terminal("zh"), lambda: rsd, Way(person.ask, person.ask, person.run))  # type: ignore[arg-type,return-value]
    menu.show()
    asked = [args["request"] for verb, args in rsd.asked if verb == "tools.start"]
    assert asked == [{"tool": "cable"}, {"tool": "ping", "host": "www.example.com"}, {"tool": "cable"}]
    shown = capsys.readouterr().out
    assert "02:00:00:00:00:01" in shown
    assert shown.index(" 8  ") < shown.index(" 9  检查网口")


def test_the_lan_gets_an_address_and_loses_the_old_pool() -> None:
    person = Person("2", "10.1.1.1/24")
    used(person)
    assert person.changes() == [
        ("config.set", {"path": "lans.office.address", "value": "10.1.1.1/24"}),
        ("config.delete", {"path": "lans.office.dhcp.start"}),
        ("config.commit", {"message": "console"}),
    ]


def test_what_is_refused_is_told_and_undone(capsys: pytest.CaptureFixture[str]) -> None:
    person = Person("2", "10.1.1.1/24", refuse="config.commit")
    used(person)
    assert person.changes()[-1] == ("config.discard", {})
    assert "It is wrong." in capsys.readouterr().err


def test_what_others_prepared_is_not_put_in_force() -> None:
    person = Person("2", "no", diff=[{"path": "x"}])
    used(person)
    assert person.changes() == []
    person = Person("2", "YES", "10.1.1.1/24", diff=[{"path": "x"}])
    used(person)
    assert person.changes()[0] == ("config.discard", {})


@pytest.mark.parametrize(
    ("answers", "path", "value"),
    [
        (("1", "1"), "wans.telecom", {"interface": "eth0", "number": 1, "protocol": "dhcp", "weight": 3}),
        (
            ("2", "2", "203.0.113.2/24", "203.0.113.1", "1.1.1.1 8.8.8.8"),
            "wans.unicom",
            {"interface": "eth2", "number": 2, "vlan": 41, "mtu": 1496, "protocol": "static",
             "dns": ["1.1.1.1", "8.8.8.8"],
             "address": "203.0.113.2/24", "gateway": "203.0.113.1"},
        ),
    ],
)  # fmt: skip
def test_a_line_gets_another_way(answers: tuple[str, ...], path: str, value: dict[str, Any]) -> None:
    person = Person("3", *answers)
    used(person)
    assert person.changes() == [
        ("config.set", {"path": path, "value": value}),
        ("config.commit", {"message": "console"}),
    ]


def test_a_dialled_line_gets_account_and_password() -> None:
    person = Person("3", "2", "3", "me@isp", "secret")
    used(person)
    verbs = person.changes()
    assert verbs[0][1]["value"]["username"] == "me@isp"
    assert "secret" not in str(verbs[0])
    assert verbs[1] == ("line.password", {"line": "unicom", "password": "secret"})


def test_the_owners_password() -> None:
    person = Person("4", "a new password", "a new password", "4", "one", "two", "4", "")
    used(person)
    assert person.changes() == [("password.change", {"user": "wang", "new": "a new password"})]


def test_the_whole_box_needs_a_word() -> None:
    person = Person("5", "yes", "6", "reset", "7", "", "6", "")
    used(person)
    assert person.ran == []
    person = Person("5", "YES", "6", "RESET", "6", "WIPE", "7", "YES")
    used(person)
    assert person.ran == [OTHER_SLOT, (RESET, "keep"), (RESET, "wipe"), RESTART]


def test_leaving_shell_and_a_router_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    assert used(Person("8")) == EXIT_SHELL
    assert used(Person()) == 0

    class Away(Person):
        def call(self, verb: str, **args: Any) -> Any:
            raise Unavailable("gone")

    assert used(Away("1", "7", "YES", "0")) == 0
    assert "does not answer: gone" in capsys.readouterr().out


def test_the_screen_that_cannot_draw_chinese_gets_english(tmp_path: Path) -> None:
    active = tmp_path / "active"
    for consoles, language in (("tty1 ttyS0\n", "zh"), ("ttyS0 tty1\n", "en"), ("", "en")):
        active.write_text(consoles)
        assert default_language("zh", active) == language
    assert default_language("zh", tmp_path / "nothing") == "en"


@pytest.mark.parametrize(("what", "left"), [("keep", {"box.json", "business"}), ("wipe", {"box.json"}), ("x", None)])
def test_a_reset_leaves_what_it_says(tmp_path: Path, what: str, left: set[str] | None) -> None:
    for name in ("rs/secrets.json", "rs/.hidden", "rs/box.json", "rs/business/db", "rs/tls/ca.key", "dhcpcd/lease"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    before = {path.name for path in (tmp_path / "rs").iterdir()}
    (tmp_path / "reset-asked").write_text(f"{what}\n")
    for _ in range(2):  # the second start resets nothing
        subprocess.run(
            ["sh", str(SBIN / "reset-asked")], env={"RS_DATA": str(tmp_path)}, check=True, capture_output=True
        )
        assert {path.name for path in (tmp_path / "rs").iterdir()} == (before if left is None else left)
    assert not (tmp_path / "reset-asked").exists()
