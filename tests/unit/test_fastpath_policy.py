"""The policy table: what Python compiles and C answers equals the rows read naively, and damaged tables are refused."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastpath.binding.policy import compile_policy
from firmware.model.plan import FastpathTables, PolicyGroup, PolicyRow

ROOT = Path(__file__).parents[2]
APPS = {"wechat": "im", "qq": "im", "youku": "video", "iqiyi": "video", "bittorrent": "p2p", "tls": "system"}
MACS = tuple(f"02:00:00:00:00:{n:02x}" for n in range(4))
V4 = tuple(f"192.0.2.{n}" for n in range(12))
V6 = tuple(f"2001:db8::{n:x}" for n in range(12))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tests/unit/c/ask_policy.c with ASan and UBSan."""
    out = tmp_path_factory.mktemp("policy") / "ask_policy"
    sources = [
        ROOT / "tests/unit/c/ask_policy.c",
        *(ROOT / "fastpath/src" / f"{s}.c" for s in ("crc32", "policy", "policy_decide")),
    ]
    flags = [
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O1",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover",
    ]
    subprocess.run(["gcc", *flags, *map(str, sources), "-o", str(out)], check=True)
    return out


def ask(
    program: Path, blob: bytes, folder: Path, questions: list[tuple[str, str, str, int]], *extra: str
) -> list[list[int]]:
    """Rows of [row, action, is_certain, is_local, groups ...]."""
    (folder / "policy.bin").write_bytes(blob)
    text = "".join(f"{a} {alias} {mac or '-'} {app}\n" for a, alias, mac, app in questions)
    done = subprocess.run(
        [str(program), str(folder / "policy.bin"), *extra], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]


def group_holds(group: PolicyGroup, address: str, alias: str, mac: str) -> bool:
    for text in (address, alias):
        if text == "-":
            continue
        here = ip_address(text)
        for first, last in group.ranges:
            low, high = ip_address(first), ip_address(last)
            if low.version == here.version and low <= here <= high:  # type: ignore[operator]
                return True
    return mac in group.macs


def decide_naively(tables: FastpathTables, address: str, alias: str, mac: str, app: int) -> tuple[int, int, list[int]]:
    groups = [n for n, group in enumerate(tables.groups) if group_holds(group, address, alias, mac)]
    ids = [None, *APPS]
    name = ids[app]
    for number, row in enumerate(tables.rows):
        if row.groups and not set(row.groups) & set(groups):
            continue
        if set(row.except_groups) & set(groups) or name in row.except_applications:
            continue
        is_named = name in row.applications or (name is not None and APPS[name] in row.categories)
        if (row.applications or row.categories) and not is_named:
            continue
        return number, int(row.action == "block"), groups
    return -1, 0, groups


def subsets(values: tuple | list, most: int = 3) -> st.SearchStrategy[tuple]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


@st.composite
def tables(draw: st.DrawFn) -> FastpathTables:
    def span(pool: tuple[str, ...]) -> st.SearchStrategy[tuple[str, str]]:
        ends = st.tuples(st.integers(0, len(pool) - 1), st.integers(0, len(pool) - 1))
        return ends.map(lambda e: (pool[min(e)], pool[max(e)]))

    groups = draw(
        st.lists(
            st.builds(
                lambda v4, v6, macs: PolicyGroup(name="g", ranges=(*v4, *v6), macs=macs),
                st.lists(span(V4), max_size=3),
                st.lists(span(V6), max_size=2),
                subsets(MACS, 2),
            ),
            max_size=5,
        )
    )
    numbers = list(range(len(groups)))
    some_groups = subsets(numbers) if numbers else st.just(())
    rows = draw(
        st.lists(
            st.builds(
                PolicyRow,
                name=st.just("p"),
                action=st.sampled_from(["allow", "block"]),
                groups=some_groups,
                except_groups=some_groups,
                applications=subsets(list(APPS)),
                categories=subsets(["im", "video", "p2p"], 2),
                except_applications=subsets(list(APPS), 2),
            ),
            max_size=6,
        )
    )
    return FastpathTables(groups=tuple(groups), rows=tuple(rows), local_networks=("192.0.2.0/29",))


def every_question() -> Iterator[tuple[str, str, str, int]]:
    for n in range(12):
        for app in range(len(APPS) + 1):
            yield V4[n], "-", "", app
            yield V6[n], V4[(n * 5) % 12] if n % 2 else "-", MACS[n % 4], app


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables())
def test_c_answers_as_the_rows_say(program: Path, tmp_path: Path, tables: FastpathTables) -> None:
    questions = list(every_question())
    answers = ask(program, compile_policy(tables, APPS), tmp_path, questions)
    assert len(answers) == len(questions)
    certain: dict[tuple[str, ...], set[int]] = {}
    for question in questions:
        certain.setdefault(question[:3], set()).add(decide_naively(tables, *question)[1])
    for question, (row, action, is_certain, is_local, *groups) in zip(questions, answers, strict=True):
        assert (row, action, groups) == decide_naively(tables, *question)
        assert is_local == (question[0] in V4[:8])
        assert is_certain == (len(certain[question[:3]]) == 1)


def test_whole_address_space_and_its_edges(program: Path, tmp_path: Path) -> None:
    everything = FastpathTables(
        groups=(
            PolicyGroup(name="all", ranges=(("0.0.0.0", "255.255.255.255"), ("::", f"ffff{':ffff' * 7}"))),
            PolicyGroup(name="last", ranges=(("255.255.255.255", "255.255.255.255"),)),
        ),
        rows=(PolicyRow(name="all", action="block", groups=(0,)),),
    )
    questions = [("0.0.0.1", "-", "", 0), ("255.255.255.255", "-", "", 3), ("ffff::", "-", "", 0)]
    answers = ask(program, compile_policy(everything, APPS), tmp_path, questions)
    assert answers == [[0, 1, 1, 0, 0], [0, 1, 1, 0, 0, 1], [0, 1, 1, 0, 0]]


def test_damaged_tables_are_refused_or_safe(program: Path, tmp_path: Path) -> None:
    small = FastpathTables(
        groups=(PolicyGroup(name="a", ranges=((V4[2], V4[5]), (V6[1], V6[3])), macs=MACS[:2]), PolicyGroup(name="b")),
        rows=(PolicyRow(name="r", action="block", groups=(0,), except_groups=(1,), categories=("im",)),),
        local_networks=("192.0.2.0/24",),
        block_page_url="https://192.0.2.1/blocked",
    )
    ask(program, compile_policy(small, APPS), tmp_path, [], "damage")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (PolicyRow(name="r1", action="block", applications=("nosuch",)), "r1.*nosuch"),
        (PolicyRow(name="r2", action="block", groups=(7,)), "r2.*7"),
    ],
)
def test_a_row_that_names_nothing_is_an_error(row: PolicyRow, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        compile_policy(FastpathTables(rows=(row,)), APPS)


def test_a_large_table_is_quick_and_small(program: Path, tmp_path: Path) -> None:
    groups = tuple(
        PolicyGroup(
            name=f"g{g}",
            ranges=tuple(
                (f"10.{n >> 8 & 255}.{n & 255}.{part}", f"10.{n >> 8 & 255}.{n & 255}.{part + 2}")
                for n in range(g * 10, g * 10 + 10)
                for part in range(0, 50, 5)
            ),
        )
        for g in range(1000)
    )
    ids = list(APPS)
    rows = tuple(
        PolicyRow(name=f"r{r}", action="block", groups=(r % 1000,), applications=(ids[r % 6],)) for r in range(10_000)
    )
    large = FastpathTables(groups=groups, rows=rows)
    begin = time.process_time()
    blob = compile_policy(large, APPS)
    compiled = time.process_time() - begin
    assert len(blob) < 4 << 20
    (answer,) = ask(program, blob, tmp_path, [("10.0.7.6", "-", "", 1)])
    assert answer[:2] == list(decide_naively(large, "10.0.7.6", "-", "", 1)[:2])
    print(f"compile: {compiled:.2f} s CPU, {len(blob)} bytes")
