"""Prefix lists: what is read, what is refused and how it is told, and how contents are taken and rolled back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from ipaddress import collapse_addresses, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.daemon import prefix_file
from firmware.daemon.errors import InvalidError, NotFoundError
from firmware.daemon.prefix_file import TooManyLinesError, WrongLinesError, prefixes, read
from firmware.daemon.prefixes import Prefixes
from firmware.model.config import PREFIX_LINES_MAX, PrefixList
from firmware.model.values import Range


def ranges(text: str) -> list[Range]:
    return list(read(text.encode().splitlines(keepends=True)))


def test_networks_addresses_and_ranges_are_read_and_comments_are_not() -> None:
    text = "\ufeff# head\n1.0.1.0/24\r\n\n 9.9.9.9 # one\n1.0.4.0-1.0.7.255\n2001:db8::/32\n0.0.0.0/0\n"
    found = [(item.version, item.last - item.first + 1) for item in ranges(text)]
    assert found == [(4, 256), (4, 1), (4, 1024), (6, 1 << 96), (4, 1 << 32)]


def test_wrong_lines_are_told_with_number_and_text() -> None:
    with pytest.raises(WrongLinesError) as error:
        ranges("1.0.1.0/24\nnonsense\n1.0.1.1/24\n1.2.3.0/33\n1.2.3.0/-1\n02:00:00:00:00:01\n5-4\n")
    assert [(line.line, line.text) for line in error.value.lines] == [
        (2, "nonsense"), (3, "1.0.1.1/24"), (4, "1.2.3.0/33"), (5, "1.2.3.0/-1"), (6, "02:00:00:00:00:01"), (7, "5-4"),
    ]  # fmt: skip
    with pytest.raises(WrongLinesError) as error:
        ranges("x\n" * 1000)
    assert (len(error.value.lines), error.value.count) == (20, 1000)


def test_a_list_that_is_too_long_is_left_at_once() -> None:
    asked = 0

    def lines() -> Iterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b"1.0.1.0/24\n"

    with pytest.raises(TooManyLinesError):
        for _ in read(lines()):
            pass
    assert asked == PREFIX_LINES_MAX + 1


NETWORKS = st.builds(
    lambda number, length: ip_network((number >> (32 - length) << (32 - length), length)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@given(st.lists(NETWORKS, max_size=30))
def test_what_is_kept_covers_the_same_with_the_fewest_prefixes(networks: list[Any]) -> None:
    text = "".join(f"{network}\n" for network in networks)
    assert list(prefixes(ranges(text))) == [str(network) for network in collapse_addresses(networks)]


def normalised(folder: Path, name: str, text: str) -> Path:
    source, target = folder / "source", folder / name
    source.write_text(text)
    prefix_file.normalise(source, target, "")
    return target


LISTS = st.lists(st.sampled_from([f"10.{n}.0.0/16" for n in range(0, 40, 2)] + ["2001:db8::/32"]), unique=True)


@given(old=LISTS, new=LISTS)
def test_the_difference_is_that_of_sets(
    old: list[str], new: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    files = (normalised(folder, "old", "\n".join(old)), normalised(folder, "new", "\n".join(new)))
    found = prefix_file.difference(*files)
    assert (found["added"], found["removed"]) == (len(set(new) - set(old)), len(set(old) - set(new)))
    assert set(found["first_added"]) <= set(new) - set(old)
    assert len(found["first_removed"]) == min(10, found["removed"])


def test_the_head_tells_what_the_list_holds(tmp_path: Path) -> None:
    text = "1.0.1.0/24\n1.0.0.0/24\n1.0.1.7\n2001:db8::/32\n"
    head, *lines = normalised(tmp_path, "list", text).read_text().splitlines()
    facts = json.loads(head.removeprefix("#"))
    assert lines == ["1.0.0.0/23", "2001:db8::/32"]
    assert (facts["ipv4"], facts["ipv6"], facts["addresses"]) == (1, 1, 512)
    assert facts["sha256"] == hashlib.sha256(text.encode()).hexdigest()


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.lists: dict[str, PrefixList] = {"telecom": PrefixList()}
        self.refreshed = 0
        (folder / "run").mkdir()
        (folder / "state").mkdir()
        self.state = folder / "state"
        self.prefixes = Prefixes(folder / "state", folder / "run", lambda: self.lists, self._refresh)

    def _refresh(self) -> None:
        self.refreshed += 1

    def take(self, content: str = "", sha256: str = "") -> dict[str, Any]:
        return self.prefixes.take("telecom", content, "", sha256)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_contents_are_previewed_taken_and_rolled_back(shelf: Shelf) -> None:
    first = shelf.take("1.0.1.0/24\n")
    assert (first["ipv4"], first["addresses"], first["previous"]) == (1, 256, None)
    seen = shelf.prefixes.preview("telecom", "1.0.1.0/24\n1.0.9.0/24\n", "", "")
    assert (seen["added"], seen["removed"], seen["first_added"]) == (1, 0, ["1.0.9.0/24"])
    assert shelf.prefixes.facts()["telecom"].ipv4 == 1
    taken = shelf.take(sha256=seen["facts"]["sha256"])
    assert (taken["ipv4"], taken["previous"]["ipv4"]) == (2, 1)
    assert shelf.prefixes.roll_back("telecom")["ipv4"] == 1
    assert shelf.refreshed == 3
    with pytest.raises(InvalidError, match="no earlier contents"):
        shelf.prefixes.roll_back("telecom")


def test_what_cannot_be_taken_leaves_all_as_it_was(shelf: Shelf) -> None:
    shelf.take("1.0.1.0/24\n")
    before = shelf.prefixes.state()
    for content, sha256, words in (
        ("rubbish\n", "", "line 1: rubbish"),
        ("1.0.2.0/24\n", "0" * 64, "SHA-256"),
        ("# nothing\n", "", "no prefixes"),
        ("1.0.1.0/24\n" * (PREFIX_LINES_MAX + 1), "", "more than 200000 lines"),
        ("", "0" * 64, "Nothing says where"),
    ):
        with pytest.raises(InvalidError, match=words):
            shelf.take(content, sha256)
    assert shelf.prefixes.state() == before
    with pytest.raises(NotFoundError):
        shelf.prefixes.take("strange", "1.0.1.0/24\n", "", "")


def test_the_configured_hash_counts(shelf: Shelf) -> None:
    text = "1.0.1.0/24\n"
    shelf.lists["telecom"] = PrefixList(sha256=hashlib.sha256(text.encode()).hexdigest().upper())
    assert shelf.take(text)["ipv4"] == 1
    with pytest.raises(InvalidError, match="SHA-256"):
        shelf.take("1.0.2.0/24\n")


def test_the_daily_update_does_not_bring_back_what_was_rolled_back(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = "1.0.1.0/24\n"
    monkeypatch.setattr("firmware.daemon.prefixes.fetch_to", lambda target, url, limit: target.write_text(published))
    shelf.lists["telecom"] = PrefixList(url="https://lists.test/telecom.txt", daily=True)
    shelf.prefixes.update("telecom")
    shelf.prefixes.update("telecom")
    assert shelf.refreshed == 1
    published = "1.0.2.0/24\n"
    shelf.prefixes.update("telecom")
    shelf.prefixes.roll_back("telecom")
    shelf.prefixes.update("telecom")
    assert shelf.refreshed == 3
    published = "1.0.3.0/24\n"
    shelf.prefixes.update("telecom")
    assert shelf.refreshed == 4
    assert shelf.prefixes.state()[0]["source"] == "https://lists.test/telecom.txt"


def test_contents_of_lists_that_are_gone_are_removed_at_the_start(shelf: Shelf) -> None:
    shelf.take("1.0.1.0/24\n")
    shelf.lists["unicom"] = PrefixList()
    shelf.prefixes.take("unicom", "1.0.2.0/24\n", "", "")
    del shelf.lists["telecom"]
    shelf.prefixes.forget_strangers()
    assert sorted(path.name for path in (shelf.state / "prefixes").iterdir()) == ["unicom.txt"]


def test_a_damaged_file_is_no_list(shelf: Shelf) -> None:
    shelf.take("1.0.1.0/24\n")
    (shelf.state / "prefixes" / "telecom.txt").write_bytes(b"\xff\xfe")
    assert shelf.prefixes.facts() == {}
    assert shelf.take("1.0.1.0/24\n")["ipv4"] == 1
