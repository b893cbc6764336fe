"""What nft gets to read when sets outlive the rules; the kernel's part is tests/kernel/test_lines_daemon.py."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from firmware.kernel import command, nft
from firmware.model.plan import NftSet, Plan

LIST = NftSet(
    name="list_1", kind="set", type="ipv4_addr . inet_proto", flags=("interval",), elements_file="prefixes/list.txt"
)
LEARNED = NftSet(name="learned", kind="set", type="ipv4_addr", flags=("dynamic", "timeout"), timeout_s=3600)
WAY = NftSet(name="way", kind="vmap", type="nf_proto : verdict", elements=("ipv4 : goto one",))
PLAN = Plan(nft_rules="chain one {\n}\nchain two {\n\tmeta nfproto vmap @way\n}\n", nft_sets=(LEARNED, LIST, WAY))
PLAIN = Plan(nft_rules=PLAN.nft_rules, nft_sets=(WAY,))


def changed(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, nft_rules=plan.nft_rules + "chain three {\n}\n")


def test_a_table_without_kept_sets_is_replaced_whole() -> None:
    assert nft.changes(changed(PLAIN), PLAIN).startswith("add table inet rs\ndelete table inet rs\n")
    assert nft.changes(changed(PLAIN), PLAN).startswith("add table inet rs\ndelete table inet rs\n")


def test_kept_sets_stay_when_the_rules_change() -> None:
    text = nft.changes(changed(PLAN), PLAN)
    lines = text.splitlines()
    assert lines[:2] == ["add table inet rs", "flush table inet rs"]
    assert "delete map inet rs way" in lines
    assert lines.index("delete map inet rs way") < lines.index("delete chain inet rs one")
    assert not [line for line in lines if "list_1" in line or "learned" in line]


def test_only_elements_change_where_only_elements_differ() -> None:
    other = msgspec.structs.replace(WAY, elements=("ipv4 : goto two",))
    text = nft.changes(msgspec.structs.replace(PLAN, nft_sets=(LEARNED, LIST, other)), PLAN)
    assert text == (
        "delete element inet rs way { ipv4 : goto one }\nadd element inet rs way { ipv4 : goto two }\n"
    )  # fmt: skip


def test_other_contents_are_loaded_and_the_old_ones_go() -> None:
    fresh = msgspec.structs.replace(LIST, name="list_2")
    text = nft.changes(msgspec.structs.replace(PLAN, nft_sets=(LEARNED, fresh, WAY)), PLAN)
    lines = text.splitlines()
    assert lines[0] == "# set list_2 is loaded from prefixes/list.txt"
    assert {"delete set inet rs list_1", "delete chain inet rs whole_list_1"} <= set(lines)
    assert not [line for line in lines if line.startswith("delete") and "list_2" in line]


class Kernel:
    """Takes what nft would be given; ``there`` is what the listings say."""

    def __init__(self, there: dict[str, str]) -> None:
        self.there = there
        self.scripts: list[str] = []

    def run(self, argv: tuple[str, ...], stdin: str | None = None, *, quiet: bool = False) -> str:
        if stdin is not None:
            self.scripts.append(stdin)
            if "chain plan_" in stdin:
                self.there["chains"] += stdin[stdin.index("chain plan_") :].split(" {")[0]
            return ""
        names = "".join(f"\t{name} {{\n\t}}\n" for name in self.there[argv[3]].split(",") if name)
        return f"table inet other {{\n\tset list_1 {{\n\t}}\n}}\ntable inet rs {{\n{names}}}\ntable inet z {{\n}}\n"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / LIST.elements_file
    path.parent.mkdir()
    path.write_text("# head\n" + "".join(f"10.{n // 256}.{n % 256}.0/24\n" for n in range(9000)) + "2001:db8::/32\n")
    return tmp_path


def test_a_list_is_loaded_in_pieces_before_the_rules(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel({"chains": "chain old,", "sets": "set stale", "maps": ""})
    monkeypatch.setattr(command, "run", kernel.run)
    nft.apply(PLAN, None, state)
    pieces = [text.count("/24 . 0-255") for text in kernel.scripts]
    assert pieces == [0, 0, 4000, 4000, 1000, 0, 0]
    assert not [text for text in kernel.scripts if "2001:db8" in text]
    assert kernel.scripts[-2] == "add chain inet rs whole_list_1\n"
    assert "delete set inet rs stale\ndelete chain inet rs old\n" in kernel.scripts[-1]


@pytest.mark.parametrize(("chains", "loads"), [("chain whole_list_1,", False), ("", True)])
def test_a_list_that_is_there_whole_is_not_loaded_again(
    chains: str, loads: bool, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its mark the loading was cut short."""
    kernel = Kernel({"chains": chains, "sets": "set list_1,set learned", "maps": "map way"})
    monkeypatch.setattr(command, "run", kernel.run)
    nft.apply(PLAN, None, state)
    assert (len(kernel.scripts) > 1) == loads
    assert "delete map inet rs way\n" in kernel.scripts[-1]
    assert "set learned" not in kernel.scripts[-1]
