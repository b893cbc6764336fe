"""rsctl without a daemon: its table of commands, completion, exit codes and what it writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from firmware.cli.commands import COMMANDS
from firmware.cli.completion import candidates
from firmware.cli.main import main
from firmware.cli.parser import build_parser
from firmware.cli.terminal import Terminal, bytes_text, duration_text, rate_text
from firmware.model.problem import Problem

NO_SOCKET = "/nonexistent/rsd.sock"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command.words))
def test_every_command_loads_and_has_help(command, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(command.load())
    with pytest.raises(SystemExit) as stop:
        main([*command.words, "--help"])
    assert stop.value.code == 0
    assert command.help.split(":")[0] in capsys.readouterr().out.replace("\n", " ")


def test_unreachable_daemon_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--socket", NO_SOCKET, "status"]) == 3
    assert main(["status", "--socket", NO_SOCKET]) == 3
    written = capsys.readouterr()
    assert written.out == ""
    assert NO_SOCKET in written.err
    assert "Start it with: rs" in written.err


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["nonsense"], ["why", "192.0.2.1"], ["commit", "--confirm", "soon"]):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2
    assert main(["--socket", NO_SOCKET, "usage", "--since", "yesterday"]) == 2
    assert "yesterday is not a time" in capsys.readouterr().err


def test_common_options_stand_before_or_after() -> None:
    parser = build_parser(Terminal("en"))
    for words in (["--json", "--socket", "/a", "lines"], ["lines", "--json", "--socket", "/a"]):
        args = parser.parse_args(words)
        assert (args.json, args.socket) == (True, "/a")


def test_completes_commands_options_and_choices() -> None:
    assert candidates(["co"], NO_SOCKET) == ["commit", "completion", "confirm", "console"]
    assert candidates(["token", ""], NO_SOCKET) == ["create", "list", "revoke"]
    assert "--confirm" in candidates(["commit", "--"], NO_SOCKET)
    assert candidates(["usage", "--by", "a"], NO_SOCKET) == ["application"]
    assert candidates(["--language", ""], NO_SOCKET) == ["zh", "en"]
    assert candidates(["--json", "completion", ""], NO_SOCKET) == ["bash"]
    assert candidates(["nonsense", ""], NO_SOCKET) == []
    assert candidates(["show", ""], NO_SOCKET) == []  # nobody to ask


def test_bash_accepts_the_script_and_completes(tmp_path: Path) -> None:
    """The script in a real bash: what the function leaves in COMPREPLY."""
    rsctl = tmp_path / "rsctl"
    rsctl.write_text(f'#!/bin/sh\nexec {sys.executable} -m firmware.cli.main "$@"\n')
    rsctl.chmod(0o755)
    test = """
        compopt() { :; }
        source <(rsctl completion bash)
        COMP_WORDS=(rsctl token re); COMP_CWORD=2
        _rsctl
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-euc", test], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("revoke\n", "")


def test_table_lines_up_with_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal("en").table(("name", "line"), [("前台电脑", "wan1"), ("pc", "wan2")])
    assert capsys.readouterr().out == "name      line\n前台电脑  wan1\npc        wan2\n"


def test_problems_show_path_value_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    problem = Problem(
        path="lans.office.address",
        message="%(what)s is wrong",
        value="10.0.0",
        remedy="Write %(how)s",
        params={"what": "This", "how": "10.0.0.1/24"},
    )
    Terminal("en").problems([problem])
    assert capsys.readouterr().err == (
        "  lans.office.address: This is wrong\n      value: 10.0.0\n      remedy: Write 10.0.0.1/24\n"
    )


def test_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m firmware.cli.main --help | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "0"
    assert "Traceback" not in done.stderr


def test_units() -> None:
    assert [bytes_text(n) for n in (0, 1023, 1536, 5 << 40)] == ["0 B", "1023 B", "1.5 KB", "5.0 TB"]
    assert [rate_text(n) for n in (0, 999, 1_500_000, 2.5e12)] == [
        "0 bit/s",
        "999 bit/s",
        "1.5 Mbit/s",
        "2500.0 Gbit/s",
    ]
    assert duration_text(93784.9) == "1d 02:03:04"


def test_language_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from firmware.cli.main import _language

    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert _language([]) == "zh"
    assert _language(["--language", "en", "status"]) == "en"
    assert _language(["status", "--language=en"]) == "en"
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert _language(["status"]) == "en"
