"""Addresses whose builders are compiled late are the same as Werkzeug's."""

import pytest
from werkzeug.routing import BuildError, Map, Rule

from webui.rules import LateRule

PLACES = ("/", "/lines/<name>/edit", "/files/<path:where>", "/hosts/<int:number>")
ASKED = (
    ("/", {}),
    ("/", {"q": "a b&c", "lang": "zh"}),
    ("/lines/<name>/edit", {"name": "wan 1/2"}),
    ("/lines/<name>/edit", {"name": "中文", "self": "1", "rule": "2"}),
    ("/files/<path:where>", {"where": "a/b c"}),
    ("/hosts/<int:number>", {"number": 7, "after": ""}),
)


@pytest.mark.parametrize(("place", "values"), ASKED)
def test_addresses_are_the_same(place: str, values: dict[str, object]) -> None:
    late, early = (
        Map([rule(text, endpoint=text) for text in PLACES]).bind("box", url_scheme="https") for rule in (LateRule, Rule)
    )
    for _ in range(2):  # the first compiles
        for alone in (True, False):
            assert late.build(place, values, append_unknown=alone) == early.build(place, values, append_unknown=alone)


def test_a_missing_part_is_an_error() -> None:
    late = Map([LateRule(text, endpoint=text) for text in PLACES]).bind("box")
    with pytest.raises(BuildError):
        late.build("/lines/<name>/edit", {})


def test_nothing_is_compiled_before_it_is_asked_for() -> None:
    rule = LateRule("/<name>", endpoint="x")
    Map([rule])
    first = rule._build_unknown
    assert rule.build({"name": "1"}) == rule.build({"name": "1"})
    assert rule._build_unknown != first
