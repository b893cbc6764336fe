"""The dearest packet that somebody hostile can send: a million half-open connections, one bucket, endless and scattered
hellos, DNS loops, noise. ``python -m tests.bench.hostile [--rounds N]``.

A figure is nanoseconds of the classifier for the dearest packet of the scenario (its least over the rounds); the mean
stands beside it. There is no peer: the goal is absolute. The classifier's memory is what it took at its start, whatever
comes.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from tests.bench.figure import Figure

ROOT = Path(__file__).parents[2]
FASTPATH = ROOT / "fastpath"
GOAL_NS = 20_000
LIBRARIES = ("ndpi", "crypto", "pthread", "dl")


def compiled(target: Path) -> Path:
    """The tool, of the product's own objects."""
    parts = sorted((ROOT / "tests/unit/c/parts").glob("*.c"))
    folders = (FASTPATH / "src", FASTPATH / "include", FASTPATH / "dissectors", ROOT / "tests/unit/c/parts")
    argv = ["gcc", "-O2", "-std=gnu2x", "-D_GNU_SOURCE", "-Wall", "-Wextra", *(f"-I{folder}" for folder in folders)]
    argv += [str(Path(__file__).with_suffix(".c")), *map(str, parts), str(FASTPATH / "build" / "librs.a")]
    subprocess.run([*argv, "-o", str(target), *(f"-l{name}" for name in LIBRARIES)], check=True)
    return target


def main() -> None:
    """One line a scenario."""
    parser = argparse.ArgumentParser(prog="tests.bench.hostile")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        tool = compiled(Path(folder, "hostile"))
        argv = [str(tool), str(FASTPATH / "build" / "apps.bin"), str(rounds)]
        told = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in told.splitlines():
        name, worst, mean, packets, memory = line.split()
        more = {"mean": float(mean), "packets": float(packets), "memory_bytes": float(memory)}
        figure = Figure(
            f"hostile.{name}", float(worst), None, "ns", GOAL_NS, float(worst) <= GOAL_NS, is_less=True, rounds=rounds,
            digits=0, more=more,
        )  # fmt: skip
        figure.tell()


if __name__ == "__main__":
    main()
