"""Flash that wears out: every write is refused with EIO, in the middle of a commit and of an update, and at a start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image import budgets, bundles
from tests.image.machine import Machine
from tests.image.updating import CONFIRMED, ask, token, told

_PARTIES = "/api/biz/v1/finance/party"
_PARTY = {"code": "K", "name": "Kept Ltd", "is_customer": True}
pytestmark = [pytest.mark.image, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def bundle(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.make(tmp_path_factory.mktemp("bundle"), images, "0.2.0")


@pytest.fixture(scope="module")
def machine(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One with a configuration that was acknowledged."""
    folder = tmp_path_factory.mktemp("machine")
    with Machine(images / "disk.img", folder, memory_mb=budgets.WITH_BUSINESS_MB, kind="wearing") as machine:
        machine.start()
        machine.log_in()
        machine.wait_until(CONFIRMED)
        machine.run("rsctl set system.hostname kept && rsctl set business.enabled true && rsctl commit")
        yield machine


@pytest.fixture(scope="module")
def key(machine: Machine) -> str:
    """A token by which a business entry was made."""
    machine.wait_for_page()
    key = token(machine)
    status, body = ask(machine, "POST", _PARTIES, json.dumps(_PARTY).encode(), key)
    assert status == 201, body
    return key


def test_during_an_update(machine: Machine, key: str, bundle: Path) -> None:
    with bundles.served(bundle.parent) as address:
        machine.run(f"(rsctl update install {address}/{bundle.name} >/dev/null 2>&1 &)")
        machine.wait_until("rsctl --json update show | grep -q writing")
        machine.wear_out()
        machine.wait_until("rsctl --json update show | grep -q failed")
    assert "worn or broken" in told(machine)["reason"]
    assert "ORDER=A B" in machine.run("boot-slots")


def test_during_a_commit(machine: Machine, key: str) -> None:
    machine.mend()
    machine.start()
    machine.log_in()
    machine.wait_until(CONFIRMED)
    machine.wait_for_page()
    machine.run("rsctl set system.hostname lost")
    machine.wear_out()
    assert machine.status("rsctl commit") != 0
    assert machine.run("hostname").split()[-1] == "kept"
    machine.wait_until("LANG=en rsctl alarms | grep -q 'The disk does not take what is written any more'")
    assert b"does not take what is written" in ask(machine, "GET", "/api/v1/alarms", b"", key)[1]
    save_backup(machine)


def test_at_a_start(machine: Machine, key: str) -> None:
    machine.start()
    machine.log_in()
    machine.wait_until("rsctl status")
    machine.wait_until("[ $(hostname) = kept ]")
    machine.wait_until("LANG=en rsctl alarms | grep -q 'serves from a copy in memory'")
    machine.wait_for_page()
    status, body = ask(machine, "GET", _PARTIES, b"", key)
    assert (status, json.loads(body)["error"]["code"]) == (507, "not_kept")
    save_backup(machine)


def test_what_was_acknowledged_is_there_when_it_takes_everything_again(machine: Machine, key: str) -> None:
    machine.mend()
    machine.start()
    machine.log_in()
    machine.wait_until(CONFIRMED)
    machine.wait_until("[ $(hostname) = kept ]")
    assert machine.status("LANG=en rsctl alarms | grep -q 'copy in memory'") != 0
    machine.wait_for_page()
    status, body = ask(machine, "GET", _PARTIES, b"", key)
    assert (status, [row["name"] for row in json.loads(body)["items"]]) == (200, [_PARTY["name"]])


def save_backup(machine: Machine) -> None:
    """It is made, and has the business data: as the alarm asks for."""
    machine.run("test -s /var/lib/rs/business/company.db")
    machine.run("echo three long words | rsctl backup /tmp/saved.rsbackup --parts configuration,business --stdin")
    machine.run("test -s /tmp/saved.rsbackup && rm /tmp/saved.rsbackup")
