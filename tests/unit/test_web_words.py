"""How the page says things: figures, sentences, order of policies, identifiers, texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from bizlite import web as business
from firmware.model.config import Config, Group, Policy, Schedule, Window
from webui import catalogue, figures, order, words
from webui.app import create_app
from webui.charts import HEIGHT, sparkline
from webui.forms import identifier
from webui.names import ApplicationName, Names

NAMES = Names([ApplicationName("douyin", "抖音", "Douyin", "video"), ApplicationName("qq", "QQ", "QQ", "im")])


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    catalogue.compile_all()
    return create_app({"RUN_DIR": tmp_path_factory.mktemp("run")})


@pytest.fixture(params=["zh", "en"])
def language(app: Flask, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(app.extensions["names"], "get", lambda _router: NAMES)
    with app.test_request_context(f"/?lang={request.param}"):
        yield request.param


def test_rates_and_sizes_have_three_digits(language: str) -> None:
    shown = [figures.rate(bps) for bps in (None, 0, 999, 1000, 99_949, 99_960, 999_500, 3_240_000, 12_345_678_901)]
    assert [text.replace("\u202f", " ") for text in shown] == [
        "0 bit/s", "0 bit/s", "999 bit/s", "1.0 kbit/s", "99.9 kbit/s", "100 kbit/s", "1.0 Mbit/s", "3.2 Mbit/s",
        "12.3 Gbit/s",
    ]  # fmt: skip
    assert figures.size(1_400_000_000).replace("\u202f", " ") == "1.4 GB"


def test_spans_in_words(language: str) -> None:
    shown = [figures.span(length_s) for length_s in (1, 59, 60, 7200, 86_400 * 2)]
    expected = {
        "zh": ["1 秒", "59 秒", "1 分钟", "2 小时", "2 天"],
        "en": ["1 second", "59 seconds", "1 minute", "2 hours", "2 days"],
    }
    assert shown == expected[language]


def test_a_policy_is_a_sentence(language: str) -> None:
    config = Config(
        groups={"sales": Group(description="销售部"), "boss": Group()},
        schedules={"work": Schedule(windows=(Window(),), description="上班时间")},
    )
    policy = Policy(
        position=1,
        action="block",
        applications=("qq",),
        categories=("video",),
        groups=("sales",),
        except_groups=("boss",),
        except_applications=("douyin",),
        schedule="work",
    )
    assert (
        words.policy_sentence(policy, config)
        == {
            "zh": "禁止销售部使用网络视频、QQ（上班时间）（boss不受限）（抖音除外）",
            "en": "Block Video, QQ for 销售部, 上班时间 (not for boss) (except Douyin)",
        }[language]
    )
    assert (
        words.policy_sentence(Policy(position=1, action="allow"), config)
        == {
            "zh": "允许所有人使用全部应用（始终）",
            "en": "Allow all internet traffic to everyone, always",
        }[language]
    )


def test_times_are_said_shortly(language: str) -> None:
    windows = [
        Window(),
        Window(days=("mon", "tue", "wed", "thu", "fri"), start="09:00", end="18:00"),
        Window(days=("sun", "sat"), start="22:00", end="02:00"),
        Window(days=("wed", "mon")),
    ]
    assert [words.window(window) for window in windows] == {
        "zh": ["每天 全天", "周一至周五 09:00–18:00", "周末 22:00–02:00", "周一、周三 全天"],
        "en": ["every day all day", "Monday to Friday 09:00–18:00", "at weekends 22:00–02:00", "Mon, Wed all day"],
    }[language]


def test_changes_speak_of_policies_in_sentences(language: str) -> None:
    config = Config(policies={"p": Policy(position=5, action="block", applications=("douyin",), enabled=False)})
    plain = {"position": 5, "action": "block", "applications": ["douyin"]}
    rows = [
        {"path": "policies.p", "kind": "add", "after": plain},
        {"path": "policies.p.enabled", "kind": "change", "before": True, "after": False},
    ]
    assert (
        words.changes(rows, config)
        == {
            "zh": ["新增：禁止所有人使用抖音（始终）", "停用：禁止所有人使用抖音（始终）"],
            "en": ["New: Block Douyin for everyone, always", "Switched off: Block Douyin for everyone, always"],
        }[language]
    )
    assert not words.is_risky(rows)
    assert words.is_risky([{"path": "lans.office.address", "kind": "change"}])


def policies(*positions: int, action: str = "block", groups: tuple[str, ...] = ()) -> dict[str, Policy]:
    return {f"p{n}": Policy(position=p, action=action, groups=groups) for n, p in enumerate(positions)}  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12, unique=True), st.data())
def test_a_new_policy_gets_its_place_and_the_order_of_the_others_stays(
    positions: list[int], data: st.DataObject
) -> None:
    existing = policies(*positions)
    names = [name for name, _ in order.ordered(existing)]
    place = data.draw(st.integers(0, len(names)))
    wanted = [*names[:place], "new", *names[place:]]
    moved = order.positions(wanted, existing, "new")
    final = {name: policy.position for name, policy in existing.items()} | moved
    assert "new" in moved
    assert min(final.values()) >= 1
    assert sorted(final, key=lambda name: final[name]) == wanted
    assert len(set(final.values())) == len(final)


@given(st.lists(st.integers(1, 60), min_size=2, max_size=12, unique=True), st.data())
def test_moving_one_changes_places_with_its_neighbour(positions: list[int], data: st.DataObject) -> None:
    existing = policies(*positions)
    before = [name for name, _ in order.ordered(existing)]
    place = data.draw(st.integers(0, len(before) - 2))
    wanted = order.moved(existing, before[place], 1)
    assert wanted == [*before[:place], before[place + 1], before[place], *before[place + 2 :]]
    final = {name: policy.position for name, policy in existing.items()} | order.positions(wanted, existing)
    assert sorted(final, key=lambda name: final[name]) == wanted


def test_a_block_keeps_behind_the_exceptions_at_the_top() -> None:
    existing = policies(10, action="allow", groups=("boss",)) | {"all": Policy(position=20, action="block")}
    assert order.place_for_new(existing, "block") == 1
    assert order.place_for_new(existing, "allow") == 0
    assert order.place_for_new(policies(10, action="allow"), "block") == 0


@given(st.text(max_size=60), st.sets(st.text("abc-", min_size=1, max_size=4), max_size=4))
def test_identifiers_are_what_the_model_takes(name: str, taken: set[str]) -> None:
    import re

    made = identifier(name, taken, "group")
    assert re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", made), made
    assert made not in taken


def test_applications_are_found_in_both_languages() -> None:
    for wanted in ("抖音", "DOUYIN", "dou"):
        assert [(c, [a.id for a in found]) for c, found in NAMES.find(wanted, "zh")] == [("video", ["douyin"])]
    assert [category for category, _ in NAMES.find("", "en")] == ["video", "im"]
    assert NAMES.application("unheard", "zh") == "unheard"


def test_curves_stay_in_their_box() -> None:
    spark = sparkline({"down_bps": [0, 10, None, 40], "up_bps": [0, 0, 0, 0]})
    heights = [float(point.split(",")[1]) for point in spark.down.split()]
    assert min(heights) >= 0
    assert max(heights) <= HEIGHT
    assert sparkline({"down_bps": [], "up_bps": []}).down == ""


@pytest.mark.parametrize("domain", list(catalogue.DOMAINS))
def test_the_chinese_catalogue_is_complete(domain: str) -> None:
    known = catalogue.read(domain)
    wanted = {message.id for message in catalogue.extracted(domain) if message.id}
    have = {message.id: message for message in known if message.id}
    assert wanted - have.keys() == set()
    assert have.keys() - wanted == set()
    unsaid = [m.id for m in have.values() if m.fuzzy or not (m.string if isinstance(m.string, str) else all(m.string))]
    assert unsaid == []


def test_vendored_scripts_carry_their_licences() -> None:
    pages = (Path(words.__file__).parent, Path(business.__file__).parent)
    folders = [folder for page in pages for folder in (page / "static" / "vendor").iterdir() if folder.is_dir()]
    assert {folder.parents[2] for folder in folders} == set(pages)
    for folder in folders:
        assert (folder / "LICENSE").read_text(encoding="utf-8").strip(), folder
