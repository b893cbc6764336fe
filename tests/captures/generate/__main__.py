"""Writes the generated captures with their truth: ``python -m tests.captures.generate [NAME ...]``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.captures.generate import all_cases
from tests.captures.generate.case import Case

CASES = Path(__file__).parents[1] / "cases"


def write(case: Case, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    case.write(str(folder / "capture.pcap"))
    (folder / "labels.tsv").write_text(case.labels())
    made = f"Made by: python -m tests.captures.generate {case.name}\n"
    (folder / "about.txt").write_text(f"{case.about}\n{made}")


def main(names: list[str]) -> None:
    for name, make in all_cases().items():
        if not names or name in names:
            write(make(), CASES / name)


if __name__ == "__main__":
    main(sys.argv[1:])
