"""Fuzzes every parser: ``python -m tests.fuzz.run BUILD APPS_BIN SECONDS [TARGET ...]``.

First all kept crashes are replayed, then SECONDS are shared among the targets (each at least reads its first inputs).
What is found is kept in ``tests/fuzz/crashes/TARGET``: mend it, then commit both. Ends with 1 when anything was found.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import seeds

CRASHES = Path(__file__).resolve().parent / "crashes"
LIMITS = ("-rss_limit_mb=512", "-timeout=10")
ENVIRONMENT = {"ASAN_OPTIONS": "quarantine_size_mb=8", "UBSAN_OPTIONS": "print_stacktrace=1"}
COUNT = "stat::number_of_executed_units:"


@dataclass(frozen=True)
class Fuzzer:
    """The libFuzzer program and its corpus."""

    build: Path
    apps: Path

    @property
    def program(self) -> Path:
        return self.build / "run"

    def targets(self) -> list[str]:
        """Every target the program has."""
        return subprocess.run([self.program, "list"], check=True, capture_output=True, text=True).stdout.split()

    def start(self, target: str, *arguments: str | Path) -> subprocess.Popen[str]:
        """The program on one target; it reports on standard error."""
        environment = os.environ | ENVIRONMENT | {"RS_APPS": str(self.apps)}
        command = [self.program, target, *LIMITS, *arguments]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace", env=environment)

    def replay(self, target: str) -> bool:
        """Whether all inputs that once crashed pass now."""
        process = self.start(target, *sorted((CRASHES / target).iterdir()))
        _, report = process.communicate()
        if process.returncode != 0:
            sys.stderr.write(report)
        return process.returncode == 0

    def fuzz(self, target: str, until: float) -> int:
        """Executions until the monotonic time ``until``, or -1 when something was found."""
        found, corpus = CRASHES / target, self.build / "corpus" / target
        corpus.mkdir(parents=True, exist_ok=True)
        found.mkdir(parents=True, exist_ok=True)
        process = self.start(
            target, f"-artifact_prefix={found}/", "-print_final_stats=1", corpus, self.build / "seeds" / target
        )
        report: deque[str] = deque(maxlen=200)
        count, timer = 0, None
        assert process.stderr is not None
        for line in process.stderr:
            report.append(line)
            if "INITED" in line:  # the first inputs were tried
                # SIGUSR1 ends it between two inputs. SIGINT would end it inside one, and its handler then waits for
                # ever for a lock that the interrupted code holds.
                timer = threading.Timer(max(0.0, until - time.monotonic()), process.send_signal, [signal.SIGUSR1])
                timer.start()
            elif line.startswith(COUNT):
                count = int(line.removeprefix(COUNT))
        process.wait()
        if timer is not None:
            timer.cancel()
        if not any(found.iterdir()):
            found.rmdir()
        if process.returncode == 0:
            return count
        sys.stderr.write("".join(report))
        return -1


def main(arguments: list[str]) -> int:
    """Replay, then fuzz; 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="tests.fuzz.run")
    parser.add_argument("build", type=Path)
    parser.add_argument("apps", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("targets", nargs="*")
    given = parser.parse_args(arguments)
    fuzzer = Fuzzer(given.build.resolve(), given.apps.resolve())
    known = fuzzer.targets()
    if unknown := set(given.targets) - set(known):
        parser.error(f"no such target: {' '.join(sorted(unknown))}")
    chosen = given.targets or known
    seeds.write(fuzzer.program, fuzzer.build / "seeds")

    start = time.monotonic()
    kept = sorted(folder.name for folder in CRASHES.glob("*") if folder.is_dir())
    failed = [target for target in kept if not fuzzer.replay(target)]
    executions = 0
    for number, target in enumerate(chosen):
        now = time.monotonic()
        share = max(0.0, start + given.seconds - now) / (len(chosen) - number)
        count = fuzzer.fuzz(target, now + share)
        if count < 0:
            failed.append(target)
        elif share >= 1:
            print(f"{target}: {count} executions in {time.monotonic() - now:.1f} s", flush=True)
        executions += max(count, 0)
    print(f"{len(chosen)} fuzz targets, {executions} executions in {time.monotonic() - start:.1f} s")
    for target in failed:
        print(f"{target}: failed; its input is in {CRASHES / target}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
