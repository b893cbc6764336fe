"""Reads a list of prefixes for rsd, in a process of its own: 200,000 lines need memory that rsd must not keep.

``prefix_file.py SOURCE TARGET CURRENT WHENCE`` writes ``TARGET``: a line with the facts as JSON after ``#``, then the
prefixes, sorted, no two of which overlap. It prints what came of it as JSON: the facts and how the list differs from
``CURRENT``, or ``wrong`` lines, or that there are ``too_many``.

A line of the source is a network ``1.0.1.0/24``, an address, or a range ``1.0.1.0-1.0.3.255``, of either family; what
follows ``#`` is a comment.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any, NamedTuple

from firmware.model.config import PREFIX_LINES_MAX
from firmware.model.values import Member, Range, merge, parse_member

WRONG_TOLD = 20
FIRST_TOLD = 10
_TEXT_MAX = 60
_BITS = {4: 32, 6: 128}
_NUMBERS_BYTES = 160  # of the head, that are known only at the end
_END = ((7, b"", 0), "")


class WrongLine(NamedTuple):
    line: int
    text: str


class WrongLinesError(ValueError):
    """Lines that are no prefixes: the first of them, and how many there are."""

    def __init__(self, lines: list[WrongLine], count: int) -> None:
        super().__init__(lines)
        self.lines, self.count = lines, count


class TooManyLinesError(ValueError):
    """The list has more lines than it may."""


def read(lines: Iterable[bytes]) -> Iterator[Range]:
    """The ranges that the lines name. Raises WrongLinesError at the end, TooManyLinesError as soon as it is known."""
    wrong: list[WrongLine] = []
    count = 0
    for number, line in enumerate(lines, 1):
        if number > PREFIX_LINES_MAX:
            raise TooManyLinesError
        text = line.decode("utf-8", "replace").removeprefix("\ufeff").partition("#")[0].strip()
        if not text:
            continue
        member = _network4(text)
        if member is None:
            with contextlib.suppress(ValueError):
                member = parse_member(text)
        if isinstance(member, Range):
            yield member
        else:
            count += 1
            if len(wrong) < WRONG_TOLD:
                wrong.append(WrongLine(number, text[:_TEXT_MAX]))
    if wrong:
        raise WrongLinesError(wrong, count)


def _network4(text: str) -> Member | None:
    """The usual case, in a tenth of the time."""
    address, _, length = text.partition("/")
    try:
        number, free = int.from_bytes(inet_pton(AF_INET, address), "big"), 32 - int(length)
    except (OSError, ValueError):
        return None
    is_network = length.isdecimal() and 0 <= free <= 32 and not number & (1 << free) - 1
    return Range(4, number, number | (1 << free) - 1) if is_network else None


def prefixes(ranges: Iterable[Range]) -> Iterator[str]:
    """The fewest networks that cover the same addresses, IPv4 first."""
    for version, first, last in merge(ranges):
        start, bits = first, _BITS[version]
        while start <= last:
            aligned = (start & -start).bit_length() - 1 if start else bits
            free = min(aligned, (last - start + 1).bit_length() - 1)
            yield f"{inet_ntop(AF_INET if version == 4 else AF_INET6, start.to_bytes(bits // 8, 'big'))}/{bits - free}"
            start += 1 << free


def normalise(source: Path, target: Path, whence: str) -> dict[str, Any]:
    """Write what the source names; returns the facts that stand in the head."""
    count, covered, digest = {4: 0, 6: 0}, 0, hashlib.sha256()
    facts: dict[str, Any] = {"sha256": _hash(source), "source": whence, "time": time.time()}
    room = len(json.dumps(facts)) + _NUMBERS_BYTES
    with source.open("rb") as given, target.open("wb") as file:
        file.write(b" " * room + b"\n")
        for network in prefixes(read(given)):
            version = 6 if ":" in network else 4
            count[version] += 1
            covered += 1 << 32 - int(network.rpartition("/")[2]) if version == 4 else 0
            line = f"{network}\n".encode()
            digest.update(line)
            file.write(line)
        facts |= {"digest": digest.hexdigest(), "ipv4": count[4], "ipv6": count[6], "addresses": covered}
        file.seek(0)
        file.write(f"# {json.dumps(facts)}".ljust(room).encode())
    return facts


def difference(old: Path, new: Path) -> dict[str, Any]:
    """How many prefixes came and went, and the first of each; both files are in the same order."""
    found: dict[str, Any] = {"added": 0, "removed": 0, "first_added": [], "first_removed": []}
    before, after = _lines(old), _lines(new)
    one, two = next(before, _END), next(after, _END)
    while (one, two) != (_END, _END):
        if one == two:
            one, two = next(before, _END), next(after, _END)
            continue
        kind, (_, network) = ("added", two) if two < one else ("removed", one)
        found[kind] += 1
        if len(found[f"first_{kind}"]) < FIRST_TOLD:
            found[f"first_{kind}"].append(network)
        if kind == "added":
            two = next(after, _END)
        else:
            one = next(before, _END)
    return found


def _lines(path: Path) -> Iterator[tuple[tuple[int, bytes, int], str]]:
    """The prefixes with what they are ordered by."""
    if not path.exists():
        return
    with path.open(encoding="ascii") as file:
        for line in file:
            if line[0] != "#":
                address, _, length = line.strip().partition("/")
                version, family = (6, AF_INET6) if ":" in address else (4, AF_INET)
                yield (version, inet_pton(family, address), int(length)), line.strip()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: Sequence[str]) -> int:
    """See the module's text."""
    source, target, current = map(Path, arguments[:3])
    result: dict[str, Any]
    try:
        facts = normalise(source, target, arguments[3])
        try:
            result = {"facts": facts, **difference(current, target)}
        except (OSError, ValueError):  # what is in force is damaged
            result = {"facts": facts, **difference(Path("/dev/null"), target)}
    except WrongLinesError as error:
        result = {"wrong": [line._asdict() for line in error.lines], "count": error.count}
    except TooManyLinesError:
        result = {"too_many": PREFIX_LINES_MAX}
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
