"""The C tests and the captures on other processors: byte order, 32 bits, alignment. ``make test-cross``."""

from __future__ import annotations

import subprocess

import pytest

from tests.captures.test_captures import CASES
from tests.cross import fastpath
from tests.cross.arch import Arch, chosen

pytestmark = [pytest.mark.cross, pytest.mark.timeout(1800)]  # the first run builds OpenSSL for mips


@pytest.fixture(scope="module", params=chosen(), ids=lambda arch: arch.name)
def arch(request: pytest.FixtureRequest) -> Arch:
    return request.param  # type: ignore[no-any-return]


def test_the_c_tests_pass(arch: Arch) -> None:
    printed = fastpath.make(arch, "test")
    assert printed.count("== ") == len(list((fastpath.ROOT / "tests/unit/c").glob("test_*.c")))


def test_captures_are_recognised_as_everywhere(arch: Arch) -> None:
    fastpath.make(arch, "programs", "apps")
    classify = [str(fastpath.program(arch, name)) for name in ("rs-classify", "apps.bin")]
    for case in CASES:
        argv = [*fastpath.run(arch), *classify, str(case / "capture.pcap"), "--no-ndpi"]
        printed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        assert printed == (case / "expected.jsonl").read_text(), case.name
