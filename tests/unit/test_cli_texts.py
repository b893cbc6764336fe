"""rsctl, monitor and API speak Chinese: each text that is handed to a translating call is in the catalogue."""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from babel.messages.pofile import read_po

from firmware.cli.command import Context
from firmware.cli.commands import COMMANDS, GROUPS
from firmware.cli.lines import _STATES
from firmware.cli.parser import EPILOG
from firmware.cli.speedtest import GRADES
from firmware.cli.state import alarms
from firmware.cli.terminal import Terminal
from firmware.daemon import dialling
from firmware.daemon.tools import trace
from firmware.monitor import explain, probe_answer, sampler, verdict
from webui.api import errors

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "firmware/model/translations/zh/LC_MESSAGES/rs.po"
# Calls whose texts are for people: the method's name and the place of the text among its arguments.
CALLS = {
    "t": 0,
    "done": 0,
    "error": 0,
    "hint": 0,
    "say": 0,
    "Invalid": 0,
    "Forbidden": 0,
    "NotFound": 0,
    "translate": 1,
}


@pytest.fixture(scope="module")
def known() -> set[str]:
    with CATALOGUE.open("rb") as file:
        return {str(message.id) for message in read_po(file) if message.string}


def texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        if (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "log"
        ):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        arguments = node.args[CALLS[name] : CALLS[name] + 1] if name in CALLS else []
        if name in {"table", "show"}:  # column titles
            arguments = [item for argument in node.args if isinstance(argument, ast.Tuple) for item in argument.elts]
        yield from (item.value for item in arguments if isinstance(item, ast.Constant) and isinstance(item.value, str))


SOURCES = sorted([*(ROOT / "firmware/cli").glob("*.py"), *(ROOT / "webui/api").glob("*.py"), Path(explain.__file__)])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_texts_are_in_the_catalogue(path: Path, known: set[str]) -> None:
    missing = {text for text in texts(path) if text not in known}
    assert not missing - {"%(token)s", "%(warning)s"}, "these are places only"


def test_helps_are_in_the_catalogue(known: set[str]) -> None:
    helps = {item.help for command in COMMANDS for item in command.arguments} | {command.help for command in COMMANDS}
    assert not {*helps, *GROUPS.values(), EPILOG} - known


def test_reasons_and_alarms_are_in_the_catalogue(known: set[str]) -> None:
    reasons = {
        text
        for module in (dialling, probe_answer, verdict)
        for name, text in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(text, str)
    } | {*verdict.SILENT_KIND.values(), *_STATES.values(), *GRADES.values(), *trace.UNREACHABLE.values()}
    messages = {message for _, message in errors._OF_STATUS.values()}
    assert not (reasons | messages | {sampler.DAMAGED, sampler.NOT_STORED}) - known


def test_alarms_that_are_over_are_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"time": 1.8e9, "level": "warning", "message": "It is wrong.", "params": {}, "cleared": None},
        {"time": 1.8e9, "level": "warning", "message": "It was wrong.", "params": {}, "cleared": 1.8e9},
    ]
    alarms(Context(Namespace(), Terminal("en"), lambda: SimpleNamespace(call=lambda verb: rows)))  # type: ignore[arg-type]
    _, now, over = capsys.readouterr().out.splitlines()
    assert ("is over" in now, "is over" in over) == (False, True)
