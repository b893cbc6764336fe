"""rsd's threads share one ``Runtime``: nobody closes what another one uses; what fails leaves all as it was."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastpath.binding._native import lib

from fastpath.binding import runtime as module
from fastpath.binding.policy import compile_policy
from fastpath.binding.runtime import Runtime
from firmware.model.plan import FastpathTables, PolicyRow

APPS = {"wechat": "im", "youku": "video"}
HOST = "192.0.2.7"


def policy(action: str) -> bytes:
    return compile_policy(FastpathTables(rows=(PolicyRow(name="r", action=action),)), APPS)


class Library:
    """The C library with some functions in the test's hands."""

    def __init__(self, **functions: Any) -> None:
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        return getattr(lib, name)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with Runtime(tmp_path / "fastpath.shm", queues=1, flows=64) as made:
        made.set_policy(policy("allow"))
        yield made


def test_a_policy_is_closed_by_who_used_it_last(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit puts another table in force while somebody looks at live connections."""
    closed: list[Any] = []

    def close(table: Any) -> None:
        closed.append(table)
        lib.rs_policy_close(table)

    def flows(shm: Any, table: Any, *_: Any) -> int:
        runtime.set_policy(policy("block"))
        assert table not in closed
        return 0

    monkeypatch.setattr(module, "lib", Library(rs_policy_close=close, rs_shm_flows=flows))
    assert runtime.flows() == []
    assert runtime.decide(HOST).action == "block"
    runtime.close()
    assert len(closed) == 3  # what flows() had, what set_policy() tried, what decide() had


def test_a_file_is_let_go_by_who_used_it_last(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fastpath comes with another geometry while one thread reads the old file and another one attaches anew."""
    closed: list[Any] = []

    def close(shm: Any) -> None:
        closed.append(shm)
        lib.rs_shm_close(shm)

    def usage(shm: Any, *arguments: Any) -> int:
        with Runtime(runtime.path, queues=2, flows=128):
            assert runtime.stats()["queues"] == 2
        assert shm not in closed
        return int(lib.rs_shm_usage(shm, *arguments))

    monkeypatch.setattr(module, "lib", Library(rs_shm_close=close, rs_shm_usage=usage))
    assert runtime.usage().rows == []


def test_two_who_ask_at_once_do_not_share_one_cache(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    both, met = threading.Barrier(2), []

    def decide(*arguments: Any) -> None:
        try:
            both.wait(timeout=0.3)
        except threading.BrokenBarrierError:  # the other one does not come
            met.append(False)
        else:
            met.append(True)
        lib.rs_policy_decide(*arguments)

    monkeypatch.setattr(module, "lib", Library(rs_policy_decide=decide))
    askers = [threading.Thread(target=runtime.decide, args=(HOST,)) for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert met == [False, False]


def test_a_full_disk_leaves_the_pair_that_was(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restarted fastpath must not find the new policy beside the old database."""
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "fastpath.shm"}

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"a part")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        runtime.set_tables(policy("block"), tmp_path / "elsewhere")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "fastpath.shm"} == before
