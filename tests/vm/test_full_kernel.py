"""The kernel suite on the full kernel: one machine boots, runs it, and each test of the guest is one here."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.vm import machine

# The first test waits for the whole machine.
pytestmark = [pytest.mark.vm, pytest.mark.timeout(1350)]

ROOT = Path(__file__).parents[2]
# What the full kernel decides: rulesets with nft's own queue, traffic through them, the product's engine on top. Pure
# Python and what hangs on time alone is left to the running kernel; a machine emulated in software is 15 times slower.
SUITE = (
    "tests/vm/guest.py",
    "tests/vm/guest_lines.py",
    "tests/vm/guest_offload.py",
    "tests/golden/test_golden.py::test_nft_takes_every_ruleset",
    "tests/kernel/test_features_traffic.py",
    "tests/kernel/test_fastpath_decide.py",
    "tests/kernel/test_fastpath_learn.py",
    "tests/kernel/test_engine_commit.py",
    "tests/kernel/test_monitor_traffic.py",
    "tests/kernel/test_qos_daemon.py::test_leaves_tell_flows_apart_where_the_kernel_can",
)
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q")
_OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (\S+?::.+?)(?: - .*)?$", re.MULTILINE)


@dataclass
class Guest:
    """What the machine's run of the suite gave."""

    status: int = -1
    output: str = ""
    outcomes: dict[str, list[str]] = field(default_factory=dict)


def collected() -> list[str]:
    done = subprocess.run([*PYTEST, "--collect-only", *SUITE], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise pytest.UsageError(done.stdout + done.stderr)
    return [line for line in done.stdout.splitlines() if "::" in line]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "test" in metafunc.fixturenames:
        metafunc.parametrize("test", collected())


@pytest.fixture(scope="module")
def guest() -> Guest:
    run = machine.run([*PYTEST, "-rA", *SUITE], timeout_s=1300)
    guest = Guest(run.status, run.output)
    for outcome, name in _OUTCOME.findall(run.output):
        guest.outcomes.setdefault(name, []).append(outcome)
    return guest


def test_in_the_guest(guest: Guest, test: str) -> None:
    assert guest.outcomes.get(test) == ["PASSED"], guest.output


def test_the_guest_ran_nothing_else(guest: Guest) -> None:
    assert guest.status == 0, guest.output
    assert set(guest.outcomes) == set(collected())
