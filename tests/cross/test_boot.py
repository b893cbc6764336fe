"""rs-fastpath in Debian's kernels for other processors: packets are queued, recognised, marked, and blocked by policy.

``make test-cross-boot``. qemu-user knows nothing of netfilter, so this is the queue loop's test. There is no kernel of
Debian 12 for mips of big endian.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastpath.binding.policy import compile_policy
from firmware.model.plan import FastpathTables, PolicyRow
from tests.cross import fastpath, machine, sysroot
from tests.cross.arch import Arch, chosen
from tests.kernel.fastpath_site import APPS, FIRST_PACKETS, NUMBER, RULES

pytestmark = [pytest.mark.cross, pytest.mark.timeout(1800)]

GENERATION = 3
QUEUE = "meta mark and 0x40000000 != 0 queue flags bypass to 0"


@pytest.mark.parametrize("arch", [arch for arch in chosen() if arch.kernel], ids=lambda arch: arch.name)
def test_packets_are_queued_recognised_and_marked(arch: Arch, tmp_path: Path) -> None:
    fastpath.make(arch, "programs", "apps")
    rows = (PolicyRow(name="no-video", action="block", categories=("video",)),)
    tables = FastpathTables(groups=(), rows=rows, local_networks=("192.0.2.0/24",), block_page_url="")
    (tmp_path / "policy.bin").write_bytes(compile_policy(tables, APPS, GENERATION))
    rules = RULES.format(g=GENERATION << 24, d=GENERATION << 24 | 1 << 31, n=FIRST_PACKETS, queue=QUEUE)
    (tmp_path / "rules.nft").write_text(rules)
    root = sysroot.get(arch)
    programs = [
        fastpath.program(arch, "rs-fastpath"),
        root / "usr/sbin/nft",
        root / "usr/sbin/conntrack",
        root / "bin/ip",
    ]
    data = {name: tmp_path / name for name in ("policy.bin", "rules.nft")}
    data["apps.bin"] = fastpath.program(arch, "apps.bin")
    said = machine.run(arch, programs, data, tmp_path, timeout_s=600)
    marks = {name: int(mark) for name, mark in re.findall(r"marked (\S+): (\d+)", said)}
    assert "got www.wechat.com: GET" in said, said
    assert marks["www.wechat.com"] & 0xF0FFFFFF == 1 << 31 | 1 << 12 | NUMBER["wechat"], said
    assert marks["www.wechat.com"] >> 24 & 0x3F == GENERATION, said
    assert marks["www.youku.com"] >> 20 & 15 in (1, 2), said  # refused or dropped
    assert "got www.youku.com: GET" not in said, said
    assert "fastpath ended with 0" in said, said
    print(*re.findall(r"up for .*", said))
