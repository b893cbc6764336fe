"""Writes the starting corpus of the policy fuzz target: ``python -m tests.fuzz.policy_seeds FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from fastpath.binding.policy import compile_policy
from firmware.model.plan import FastpathTables, PolicyGroup, PolicyRow

APPS = {"wechat": "im", "youku": "video", "bittorrent": "p2p"}
TABLES = {
    "empty": FastpathTables(),
    "plain": FastpathTables(
        groups=(
            PolicyGroup(name="a", ranges=(("192.0.2.1", "192.0.2.9"), ("2001:db8::", "2001:db8::f"))),
            PolicyGroup(name="b", ranges=(("192.0.2.5", "255.255.255.255"),), macs=("02:00:00:00:00:01",)),
        ),
        rows=(
            PolicyRow(name="r", action="block", groups=(0,), except_groups=(1,), categories=("im",)),
            PolicyRow(name="s", action="block", except_applications=("youku",)),
        ),
        local_networks=("192.0.2.0/24", "2001:db8::/64"),
        block_page_url="https://192.0.2.1/blocked",
    ),
}

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, tables in TABLES.items():
        (folder / name).write_bytes(compile_policy(tables, APPS))
