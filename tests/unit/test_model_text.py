from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel.messages.pofile import read_po

from firmware.model.difference import NOUNS, SETTINGS
from firmware.model.problem import Problem
from firmware.model.text import problem_text, translate
from tests.catalogue import PO, compiled
from tests.messages import message_ids

PLACES = re.compile(r"%\((\w+)\)s")
WORDS = {*NOUNS.values(), *SETTINGS.values(), "nothing", "yes", "no"}
SAME_IN_BOTH = {"IPv6"}  # beside what has no words at all, and abbreviations


@pytest.fixture(scope="module", autouse=True)
def _chinese(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with compiled(tmp_path_factory.mktemp("catalogue")):
        yield


def catalogue() -> dict[str, str]:
    with PO.open("rb") as file:
        return {message.id: message.string for message in read_po(file, locale="zh") if message.id}


def test_every_message_has_its_chinese() -> None:
    identifiers = message_ids("model", "features", "engine", "daemon", "monitor", "cli")
    known = catalogue()
    missing = {text: place for text, place in identifiers.items() if not known.get(text)}
    assert missing == {}
    assert [word for word in WORDS if not known.get(word)] == []


def test_chinese_is_chinese_and_has_the_same_places() -> None:
    for identifier, chinese in catalogue().items():
        assert set(PLACES.findall(chinese)) <= set(PLACES.findall(identifier)), identifier
        is_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
        has_words = any(letter.isalpha() for letter in PLACES.sub("", identifier)) and not identifier.isupper()
        assert is_chinese or identifier in SAME_IN_BOTH or not has_words, identifier


def test_translate() -> None:
    assert translate("zh", "There is no group %(value)s.", {"value": "staff"}) == "没有组“staff”。"
    assert translate("en", "There is no group %(value)s.", {"value": "staff"}) == "There is no group staff."
    assert translate("en", "There is no group %(value)s.") == "There is no group %(value)s."
    assert translate("fr", "yes") == "yes"
    assert translate("zh", "") == ""
    assert translate("en", "100% sure") == "100% sure"


def test_problem_in_one_line() -> None:
    problem = Problem(
        path="policies.p.groups.0",
        message="There is no group %(value)s.",
        value="staf",
        remedy="Did you mean %(nearest)s?",
        params={"value": "staf", "nearest": "staff"},
    )
    assert problem_text("en", problem) == "policies.p.groups.0: There is no group staf. [staf] Did you mean staff?"
    assert problem_text("zh", problem) == "policies.p.groups.0: 没有组“staf”。 [staf] 您是不是要写：staff？"
    assert problem_text("en", Problem(path="", message="x")) == "x"
