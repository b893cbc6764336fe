"""``rsctl``'s field tools with a stand-in for rsd: they wait, show rows and sentences, write files, end on Ctrl-C."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from firmware.cli import tools
from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.commands import COMMANDS
from firmware.cli.parser import build_parser
from firmware.cli.terminal import Terminal

FILE = bytes(range(256)) * 1000
SAID = [{"level": "bad", "message": "%(router)s, step %(hop)s, lets nothing pass: %(words)s.",
         "params": {"router": "192.0.2.1", "hop": "2", "words": "host unreachable"}}]  # fmt: skip
PORT = {
    "name": "eth0", "has_carrier": True, "speed_mbps": 100, "duplex": "full", "negotiates": True, "can_mbps": 1000,
    "partner_mbps": 1000, "receive_errors": 7, "send_errors": 0, "receive_drops": 0, "send_drops": 0,
    "carrier_changes": 2, "neighbours": [{"mac": "02:00:00:00:00:01", "addresses": ["192.0.2.9"]}],
    "neighbours_left": 0,
}  # fmt: skip
RESULTS: dict[str, dict[str, Any]] = {
    "ping": {
        "replies": [{"number": 1, "source": "192.0.2.1", "delay_ms": 1.5, "trouble": ""}], "mean_ms": 1.5,
        "least_ms": 1.5, "most_ms": 1.5, "loss_percent": 0.0,
    },
    "trace": {"hops": [{"number": 1, "address": "", "delays_ms": [], "trouble": ""}]},
    "lookup": {
        "server": "127.0.0.1", "took_ms": 3.0,
        "records": [{"name": "a.example", "type": "A", "ttl_s": 60, "value": "192.0.2.1"}],
    },
    "port": {}, "cable": {"ports": [PORT]}, "capture": {"packets": 3}, "diagnosis": {},
}  # fmt: skip


class Rsd:
    """Runs once before it is over; with ``trouble`` nothing comes of it."""

    def __init__(self, trouble: dict[str, Any] | None = None, interrupt: bool = False) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.polls, self.trouble, self.interrupt = 0, trouble, interrupt

    def call(self, verb: str, **args: Any) -> Any:
        self.asked.append((verb, args))
        if verb == "tools.start":
            return {"id": 4}
        if verb == "tools.file":
            piece = FILE[args["offset"] : args["offset"] + 100_000]
            return {"content": base64.b64encode(piece).decode()}
        if verb != "tools.job":
            return {}
        self.polls += 1
        if self.interrupt and self.polls == 1:
            raise KeyboardInterrupt
        tool = next(args["request"]["tool"] for verb, args in reversed(self.asked) if verb == "tools.start")
        result = None if self.trouble else {**RESULTS[tool], "said": SAID}
        file = "box.pcap" if tool in ("capture", "diagnosis") and result else None
        return {"id": 4, "running": self.polls < 2, "trouble": self.trouble, "result": result, "file": file,
                "file_bytes": len(FILE)}  # fmt: skip


def run(rsd: Any, *words: str, language: str = "en") -> int | None:
    terminal = Terminal(language)
    args = build_parser(terminal).parse_args(words)
    terminal.as_json = args.json
    return args.run.load()(Context(args, terminal, lambda: rsd))  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def in_a_folder_without_waiting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tools, "POLL_S", 0)
    monkeypatch.chdir(tmp_path)


CASES = [
    (("ping", "a.example", "--line", "one", "--count", "3"), {"line": "one", "count": 3}, "1.5 ms"),
    (("trace", "a.example", "--family", "ipv6"), {"family": "ipv6"}, "router"),
    (("lookup", "a.example", "--type", "MX", "--server", "192.0.2.53"), {"type": "MX", "server": "192.0.2.53"}, "60 s"),
    (("port", "a.example", "443"), {"port": 443}, "lets nothing pass"),
    (("cable",), {"tool": "cable"}, "02:00:00:00:00:01"),
    (("capture", "lan:office", "--whole", "--host", "192.0.2.1"), {"where": "lan:office", "whole": True}, "3 packets"),
    (("diagnose", "--anonymise"), {"anonymise": True}, "250.0 KB: box.pcap"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "asked", "said"), CASES, ids=lambda value: value[0] if isinstance(value, tuple) else ""
)
def test_each_tool(
    words: tuple[str, ...], asked: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rsd = Rsd()
    assert run(rsd, *words) is None
    request = rsd.asked[0][1]["request"]
    assert asked.items() <= request.items()
    assert None not in request.values(), "what was not said is left to rsd"
    assert said in capsys.readouterr().out
    assert run(Rsd(), *words, "--json") is None
    assert json.loads(capsys.readouterr().out)["result"]["said"]


def test_words_in_a_sentence_are_translated(capsys: pytest.CaptureFixture[str]) -> None:
    run(Rsd(), "trace", "a.example", language="zh")
    assert "主机不可达" in capsys.readouterr().out


def test_the_file_is_written_for_nobody_else(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(Rsd(), "capture", "lan:office") is None
    assert (tmp_path / "box.pcap").read_bytes() == FILE
    assert (tmp_path / "box.pcap").stat().st_mode & 0o777 == 0o600
    capfdbinary.readouterr()
    assert run(Rsd(), "capture", "lan:office", "-o", "-") is None
    assert capfdbinary.readouterr().out == FILE
    assert run(Rsd(), "diagnose", "-o", "nowhere/x") == EXIT_REFUSED


def test_ctrl_c_ends_it_and_keeps_what_there_is(tmp_path: Path) -> None:
    rsd = Rsd(interrupt=True)
    assert run(rsd, "capture", "lan:office") is None
    assert [verb for verb, _ in rsd.asked[:3]] == ["tools.start", "tools.job", "tools.stop"]
    assert (tmp_path / "box.pcap").exists()


def test_trouble_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    trouble = {"level": "bad", "message": "No packet could be sent: %(reason)s.", "params": {"reason": "no way"}}
    for words in (("ping", "a.example"), ("capture", "lan:office")):
        assert run(Rsd(trouble), *words) == EXIT_REFUSED
        assert "no way" in capsys.readouterr().err


def test_the_table_has_every_tool() -> None:
    assert {command.run for command in COMMANDS if command.run.startswith("tools:")} == {
        f"tools:{words[0]}" for words, _, _ in CASES
    }
