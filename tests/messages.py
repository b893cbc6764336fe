"""The message identifiers of the control plane, read out of its source: every text that a person may get to see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FIRMWARE = Path(__file__).parents[1] / "firmware"
_SENTENCE = re.compile(r"(?!SELECT|DELETE|INSERT|UPDATE|CREATE|PRAGMA|WHERE|ORDER)[A-Z%][^\n]* [^\n]*[.?]")
_KEYWORDS = ("message", "remedy")
_CALLS = ("translate", "_", "N_")


def message_ids(*packages: str) -> dict[str, str]:
    """Identifier -> the place where it stands."""
    found: dict[str, str] = {}
    for package in packages:
        for path in sorted((FIRMWARE / package).rglob("*.py")):
            for text, line in _messages(ast.parse(path.read_text())):
                found.setdefault(text, f"{path.relative_to(FIRMWARE.parent)}:{line}")
    return found


def _messages(tree: ast.Module) -> Iterator[tuple[str, int]]:
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    fragments = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_text = id(node) not in documentation and id(node) not in fragments
            if is_text and _SENTENCE.fullmatch(node.value):
                yield node.value, node.lineno
        yield from _named(node)


def _named(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Texts that need not be sentences, but are marked as messages by where they stand."""
    values: list[ast.expr] = []
    targets = node.targets if isinstance(node, ast.Assign) else []
    is_keyword = isinstance(node, ast.keyword) and node.arg in _KEYWORDS
    if isinstance(node, ast.keyword | ast.Assign) and (is_keyword or any(map(_is_message_variable, targets))):
        values = [node.value]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        values = node.args
    for value in values:
        for part in ast.walk(value):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value:
                yield part.value, part.lineno


def _is_message_variable(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id in _KEYWORDS
