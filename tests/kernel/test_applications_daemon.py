"""Databases of applications in the real daemon: signed ones are taken, others refused in words; one can go back."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fastpath.binding import bundle
from fastpath.binding.appdb import BUNDLE_NAME
from firmware.client import Invalid
from firmware.model.config import Application, Pattern, Policy, Recognition
from tests.kernel.engine_box import CLIENT, SERVER, Box, config, lost
from tests.kernel.fastpath_site import APPS_BIN
from tests.lab import netns

pytestmark = pytest.mark.kernel

RELEASED = bundle.read(APPS_BIN.with_name(BUNDLE_NAME).read_bytes())
NEW = {"id": "newcomer", "name": {"zh": "新应用", "en": "Newcomer"}, "category": "im", "domains": ["newcomer.example"]}
URL_PORT = 8099


class Publisher:
    """Who signs."""

    def __init__(self, folder: Path, name: str) -> None:
        self.key = folder / f"{name}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(self.key)], check=True)
        argv = ["openssl", "pkey", "-in", str(self.key), "-pubout", "-outform", "DER"]
        self.public = base64.b64encode(subprocess.run(argv, check=True, capture_output=True).stdout[-32:]).decode()

    def release(self, version: str, *, without: str = "", extra: tuple[dict[str, Any], ...] = (NEW,)) -> bytes:
        applications = [app for app in RELEASED.applications if app["id"] != without]
        return bundle.sign(bundle.write([*applications, *extra], version), self.key)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def hq(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    return Publisher(tmp_path_factory.mktemp("hq"), "hq")


@pytest.fixture
def box(hq: Publisher) -> Iterator[Box]:
    with Box("appdb") as box:
        box.start()
        box.commit(trusting(hq))
        yield box


def trusting(hq: Publisher, **changes: Any) -> Any:
    return config(recognition=Recognition(publishers={"hq": hq.public}), **changes)


def application_of(box: Box, host: str) -> str:
    return str(box.call("why", ip="192.168.8.66", host=host, language="en")["application"])


def test_a_signed_database_is_taken_and_outlives_everything(box: Box, hq: Publisher) -> None:
    before = box.call("applications.database")
    assert (before["source"], before["previous"]) == ("firmware", None)
    assert application_of(box, "www.newcomer.example") == "unknown"
    with box.stream() as stream:
        after = box.call("applications.update", content=text(hq.release("2099.1.1")))
    assert after == {
        "version": "2099.1.1",
        "source": "update",
        "applications": before["applications"] + 1,
        "previous": before["version"],
    }
    assert lost(stream) == 0
    assert application_of(box, "www.newcomer.example") == "newcomer"
    assert application_of(box, "www.wechat.com") == "wechat"
    # It can be used in a policy, beside an application of the admin's own.
    own = Application(name_zh="自己的", name_en="Own", category="im", domains=("own.example",))
    box.commit(
        trusting(
            hq,
            applications={"own": own},
            policies={"no": Policy(position=1, action="block", applications=("newcomer", "own"))},
        )
    )
    assert application_of(box, "www.own.example") == "own"
    assert box.call("why", ip="192.168.8.66", host="newcomer.example", language="en")["action"] == "block"
    rsd = box.rsd()
    box.kill_rsd()
    netns.wait_until(lambda: box.rsd() != rsd, "another rsd")
    box.wait_until_up()
    assert box.call("applications.database")["version"] == "2099.1.1"
    netns.wait_until(lambda: application_of(box, "www.newcomer.example") == "newcomer", "the database after a kill")


def test_one_can_go_back_step_by_step(box: Box, hq: Publisher) -> None:
    released = box.call("applications.database")["version"]
    box.call("applications.update", content=text(hq.release("2099.1.1")))
    box.call("applications.update", content=text(hq.release("2099.1.2", extra=())))
    assert application_of(box, "newcomer.example") == "unknown"
    assert box.call("applications.rollback")["version"] == "2099.1.1"
    assert application_of(box, "newcomer.example") == "newcomer"
    assert box.call("applications.rollback")["version"] == released
    with pytest.raises(Invalid, match="there is none before it"):
        box.call("applications.rollback")


def test_what_cannot_be_trusted_or_read_changes_nothing(box: Box, hq: Publisher, tmp_path: Path) -> None:
    released = box.call("applications.database")
    good = hq.release("2099.1.1")
    broken = good.replace(b'"category": "im"', b'"category": "talk"', 1)
    line = broken[: broken.index(b'"talk"')].count(b"\n") + 1
    for data, reason in (
        (Publisher(tmp_path, "stranger").release("2099.1.1"), "Nobody whom you trust has signed"),
        (bundle.write(RELEASED.applications, "2099.1.1"), "Nobody whom you trust has signed"),
        (good.replace(b"newcomer.example", b"newcomer.evil.io"), "Nobody whom you trust has signed"),
        (broken, f"line {line}: .*category 'talk' does not exist"),
        (good[: len(good) // 2], "line"),
        (b"\x00\x01 rubbish", "line 1"),
        (hq.release(released["version"]), "is not newer than"),
    ):
        with pytest.raises(Invalid, match=reason):
            box.call("applications.update", content=text(data))
        assert box.call("applications.database") == released
    with pytest.raises(Invalid, match="not base64"):
        box.call("applications.update", content="???")
    with pytest.raises(Invalid, match="Nothing says where"):
        box.call("applications.update")
    assert application_of(box, "www.wechat.com") == "wechat"


def test_a_database_without_what_a_policy_names_is_refused(box: Box, hq: Publisher) -> None:
    box.commit(trusting(hq, policies={"no": Policy(position=1, action="block", applications=("wechat",))}))
    with pytest.raises(Invalid) as refused:
        box.call("applications.update", content=text(hq.release("2099.1.1", without="wechat")))
    assert refused.value.problems[0].path == "policies.no.applications.0"
    assert application_of(box, "www.wechat.com") == "wechat"


def test_a_rollback_to_what_lacks_an_application_is_refused(box: Box, hq: Publisher) -> None:
    box.call("applications.update", content=text(hq.release("2099.1.1")))
    needs = trusting(hq, policies={"no": Policy(position=1, action="block", applications=("newcomer",))})
    box.commit(needs)
    with pytest.raises(Invalid) as refused:
        box.call("applications.rollback")
    assert refused.value.problems[0].path == "policies.no.applications.0"
    assert box.call("applications.database")["version"] == "2099.1.1"
    box.commit(trusting(hq), confirm_s=60)
    with pytest.raises(Invalid, match="waits for its confirmation"):
        box.call("applications.rollback")
    box.call("config.confirm")
    assert box.call("applications.rollback")["source"] == "firmware"
    assert application_of(box, "newcomer.example") == "unknown"


@contextmanager
def _served(box: Box, folder: Path) -> Iterator[str]:
    argv = [sys.executable, "-m", "http.server", str(URL_PORT), "--directory", str(folder)]
    server = subprocess.Popen(netns.inside(box.server, argv), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    listening = ["ss", "-tln"]
    try:
        netns.wait_until(
            lambda: f":{URL_PORT} " in netns.command(netns.inside(box.server, listening)), "the server listens"
        )
        yield f"http://{SERVER}:{URL_PORT}"
    finally:
        server.kill()
        server.wait()


def test_it_can_be_fetched(box: Box, hq: Publisher, tmp_path: Path) -> None:
    (tmp_path / "apps.rsapps").write_bytes(hq.release("2099.1.1"))
    with _served(box, tmp_path) as address:
        with pytest.raises(Invalid, match="cannot be fetched: File not found"):
            box.call("applications.update", url=f"{address}/other")
        assert box.call("applications.update", url=f"{address}/apps.rsapps")["version"] == "2099.1.1"
    with pytest.raises(Invalid, match=r"cannot be fetched: .*refused"):
        box.call("applications.update", url=f"{address}/apps.rsapps")
    with pytest.raises(Invalid, match="does not begin with"):
        box.call("applications.update", url="file:///etc/shadow")


def test_live_traffic_is_tried_and_named(box: Box) -> None:
    """A protocol of somebody's own: unknown, found in the workshop, tried, made, and then known by its bytes."""
    script = (
        "import socket, sys\n"
        "listener = socket.create_server(('0.0.0.0', 7123))\n"
        "ends = []\n"
        "while True:\n"
        "    end, _ = listener.accept()\n"
        "    end.recv(100)\n"
        "    end.sendall(b'\\x01\\x02answer of the shop system')\n"
        "    ends.append(end)\n"
    )
    talk = (
        "import socket, time\n"
        f"end = socket.create_connection(('{SERVER}', 7123))\n"
        "end.sendall(bytes.fromhex('51f00d0700') + b'till 4')\n"
        "end.recv(100)\n"
        "time.sleep(60)\n"
    )
    processes = []
    try:
        processes.append(subprocess.Popen(netns.inside(box.server, [sys.executable, "-c", script])))
        netns.wait_until(
            lambda: ":7123 " in netns.command(netns.inside(box.server, ["ss", "-tln"])), "the server listens"
        )
        processes.append(subprocess.Popen(netns.inside(box.client, [sys.executable, "-c", talk])))

        def rows() -> list[dict[str, Any]]:
            return [row for row in box.call("unknown") if row["port"] == 7123]

        netns.wait_until(lambda: rows() and rows()[0]["opening"][1], "the workshop shows the flow")
        (row,) = rows()
        assert row["server"] == SERVER
        assert row["hosts"] == [CLIENT]
        assert row["opening"][0].startswith("51f00d0700")
        assert bytes.fromhex(row["opening"][1]).startswith(b"\x01\x02answer")
        trial = {"name_zh": "收银", "name_en": "Till", "category": "office"}
        signs = {"patterns": [{"transport": "tcp", "hex": "51 f0 0d ??"}]}
        (found,) = box.call("applications.try", application={**trial, **signs})
        assert (found["sign"], found["application"]) == ("51f00d??", "unknown")
        assert box.call("applications.try", application={**trial, "ports": ["7124"]}) == []
        with pytest.raises(Invalid) as refused:
            box.call("applications.try", application={**trial, "patterns": [{"transport": "tcp", "hex": "51 ??"}]})
        assert refused.value.problems[0].path == "applications.trial.patterns.0.hex"
        pattern = Pattern(transport="tcp", hex="51 f0 0d ??")
        till = Application(name_zh="收银", name_en="Till", category="office", patterns=(pattern,))
        box.commit(config(applications={"till": till}))
        processes.append(subprocess.Popen(netns.inside(box.client, [sys.executable, "-c", talk])))
        netns.wait_until(lambda: box.call("flows", application="till"), "the next one is known")
    finally:
        for process in processes:
            process.kill()
            process.wait()
