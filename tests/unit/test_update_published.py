"""What is published for boxes: the signed list, whose turn it is, and that a bundle is the one that was named."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildroot.dev import bundle as bundles
from buildroot.dev import publish as publishing
from buildroot.dev import signing
from buildroot.dev.publish import LIST, PublishError, publish
from buildroot.dev.signing import Signer
from firmware.daemon import database, published, rollout
from firmware.daemon.bundle import BundleError, Own
from firmware.daemon.errors import InvalidError
from firmware.daemon.published import Measured, Published, read
from firmware.daemon.rollout import FAILED, PUBLISHED, Rollout
from firmware.daemon.update_state import State
from firmware.model.config import Config, System, Update
from firmware.monitor.store import CLOCK_IS_SET_S
from tests.unit.test_daemon_update import VERITY

URL = "https://hq.example/firmware/rs-index.json"
NOW_S = CLOCK_IS_SET_S + 1e6
NEXT = "9.1.0"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return signing.signer(tmp_path_factory.mktemp("key"))


@pytest.fixture
def folder(tmp_path: Path, signer: Signer) -> Path:
    """A publisher's folder with two versions for one board and one for another."""
    place = tmp_path / "www"
    place.mkdir()
    for version, board in ((NEXT, "x86_64"), ("0.9.0", "x86_64"), ("9.2.0", "nanopi_r2s")):
        make_bundle(place, version, board, signer)
    return place


def make_bundle(folder: Path, version: str, board: str, by: Signer) -> Path:
    slot = folder / "slot"
    slot.write_bytes(version.encode() * 1000)
    made = bundles.make(folder / f"rs-{version}-{board}.swu", slot, VERITY, version=version, board=board, by=by)
    slot.unlink()
    return made


class Server:
    """In place of the process that fetches: files of a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.setattr(database, "fetch_to", self._fetch)

    def _fetch(self, target: Path, url: str, limit_bytes: int) -> None:
        path = self.folder / url.rpartition("/")[2]
        if not path.exists():
            raise InvalidError("%(url)s cannot be fetched: %(reason)s.", url=url, reason="HTTP Error 404: Not Found")
        target.write_bytes(path.read_bytes())


@pytest.fixture
def looker(folder: Path, signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    Server(folder, monkeypatch)
    return Published(tmp_path / "update", own_of(signer))


def own_of(signer: Signer) -> Callable[[], Own]:
    return lambda: Own("0.1.0", "x86_64", "1", signer.certificate)


def test_the_newest_for_this_board_is_found_and_kept(
    looker: Published, folder: Path, signer: Signer, tmp_path: Path
) -> None:
    publish(folder, signer, notes={"en": "Mends the clock.", "zh": "修正时钟。"})
    found = looker.look(URL)
    assert found is not None
    assert (found.version, found.file) == (NEXT, f"rs-{NEXT}-x86_64.swu")
    assert found.size_bytes == (folder / found.file).stat().st_size
    again = Published(tmp_path / "update", own_of(signer))  # rsd begins anew
    state = again.state(URL)
    assert state["newer"]["notes"]["zh"] == "修正时钟。"
    assert state["time"]
    assert again.state("https://other.example/x.json")["newer"] is None
    assert published.address(published.load(tmp_path / "update"), found) == f"https://hq.example/firmware/{found.file}"


def test_a_list_that_was_put_back_is_refused(looker: Published, folder: Path, signer: Signer) -> None:
    publish(folder, signer)
    old = (folder / LIST).read_bytes()
    publish(folder, signer)
    looker.look(URL)
    (folder / LIST).write_bytes(old)
    with pytest.raises(BundleError, match="put it back"):
        looker.look(URL)
    state = looker.state(URL)
    assert (state["newer"]["version"], "put it back" in state["reason"]) == (NEXT, True)
    looker.look(URL.replace("hq", "other"))  # another publisher begins anew
    assert looker.state(URL)["newer"] is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda signed: {**signed, "index": signed["index"].replace(NEXT, "9.9.9")}, "has signed the list"),
        (lambda signed: {**signed, "signature": ""}, "has signed the list"),
        (lambda signed: {**signed, "signature": "???"}, "no list of versions"),
        (lambda signed: {"index": signed["index"]}, "no list of versions"),
        (lambda signed: [], "no list of versions"),
    ],
)
def test_who_changes_the_list_is_noticed(
    looker: Published, folder: Path, signer: Signer, change: Callable[[Any], Any], reason: str
) -> None:
    publish(folder, signer)
    signed = json.loads((folder / LIST).read_text())
    (folder / LIST).write_text(json.dumps(change(signed)))
    with pytest.raises(BundleError, match=reason):
        looker.look(URL)
    assert looker.state(URL)["newer"] is None


@pytest.mark.parametrize(
    "index",
    [
        {"format": 2},
        {"format": 1, "issued": 1},
        {"format": 1, "issued": 1, "releases": [{"version": "1.0"}]},
        {"format": 1, "issued": 1, "releases": [{"file": "../../etc/passwd"}]},
        {"format": 1, "issued": 1, "releases": [{"file": "https://x.example/y"}]},
        {"format": 1, "issued": 1, "releases": [{"version": "1.0-rc1"}]},
        [],
    ],
)
def test_a_signed_list_that_is_none(signer: Signer, tmp_path: Path, index: Any) -> None:
    good = {"version": "1.0", "board": "x86_64", "file": "a.swu", "size_bytes": 1, "sha256": "0" * 64}
    if isinstance(index, dict) and any(len(release) > 1 or "file" in release for release in index.get("releases", [])):
        index = {**index, "releases": [{**good, **release} for release in index["releases"]]}
    (tmp_path / "index").write_text(json.dumps(index))
    signing.sign(tmp_path / "index", tmp_path / "signature", signer)
    signature = base64.b64encode((tmp_path / "signature").read_bytes()).decode()
    data = json.dumps({"index": json.dumps(index), "signature": signature}).encode()
    with pytest.raises(BundleError, match="needs a newer version"):
        read(data, own_of(signer)())


def test_a_stranger_publishes_for_nobody(looker: Published, folder: Path, tmp_path: Path) -> None:
    stranger = signing.signer(tmp_path / "stranger")
    with pytest.raises(PublishError, match="has signed the bundle"):
        publish(folder, stranger)
    for path in folder.glob("*.swu"):
        path.unlink()
    make_bundle(folder, NEXT, "x86_64", stranger)
    publish(folder, stranger)
    with pytest.raises(BundleError, match="has signed the list"):
        looker.look(URL)


def test_first_one_box_then_the_others(
    looker: Published, folder: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turns(*args: str) -> list[bool]:
        assert publishing.main([str(folder), "--keys", str(signer.key.parent), *args]) == 0
        looker.look(URL)
        days = (("SN1", 0.0), ("SN2", 0.0), ("SN2", 4 * 86_400.0), ("", 4 * 86_400.0))
        return [looker.turn(URL, serial, NOW_S + later_s) is not None for serial, later_s in days]

    clock = SimpleNamespace(time=lambda: NOW_S)
    monkeypatch.setattr(publishing, "time", clock)
    assert turns("--first", "SN1") == [True, False, False, False]
    assert turns("--first", "SN1", "--others-after", "3") == [True, False, True, True]
    assert turns() == [True, True, True, True]


def test_an_older_version_is_nobodys_turn(looker: Published, folder: Path, signer: Signer) -> None:
    (folder / f"rs-{NEXT}-x86_64.swu").unlink()
    make_bundle(folder, "0.0.9", "x86_64", signer)
    (folder / "rs-0.9.0-x86_64.swu").unlink()
    publish(folder, signer)
    found = looker.look(URL)
    assert found is not None
    assert found.version == "0.0.9"
    assert looker.newer(URL) is None
    assert looker.turn(URL, "SN1", NOW_S) is None


def test_a_bundle_is_the_one_that_was_named(looker: Published, folder: Path, signer: Signer) -> None:
    publish(folder, signer)
    release = looker.look(URL)
    assert release is not None
    data = (folder / release.file).read_bytes()
    good = Measured(io.BytesIO(data).read, release)
    good.read(1000)
    good.check()
    good.check_version(NEXT)
    with pytest.raises(BundleError, match=f"is version 0.9.0, the list of versions names {NEXT}"):
        good.check_version("0.9.0")
    for other in (data[:-1], data + b"x", data[:-1] + b"\1", b""):
        with pytest.raises(BundleError, match="not the one that was published"):
            Measured(io.BytesIO(other).read, release).check()


def test_make_says_what_is_missing() -> None:
    done = subprocess.run(["make", "-s", "publish", "FOLDER=/none"], capture_output=True, text=True, check=False)
    assert (done.returncode, "FOLDER=path" in done.stdout) == (2, True)


def test_what_cannot_be_published_is_said(
    folder: Path, signer: Signer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(place: Path, *args: str, keys: Path = signer.key.parent) -> str:
        assert publishing.main([str(place), "--keys", str(keys), *args]) == 1
        return capsys.readouterr().err

    (tmp_path / "long").write_text("x" * 4001)
    assert "There is no key" in refused(folder, keys=tmp_path / "keys")
    assert "There is no bundle" in refused(tmp_path)
    assert "--first" in refused(folder, "--others-after", "3")
    assert "at most 4000" in refused(folder, "--notes-en", str(tmp_path / "long"))
    assert not (folder / LIST).exists()
    (folder / LIST).write_text("[]")
    assert "no list of versions" in refused(folder)


# ---- by itself ----


class Bench:
    """A rollout with stand-ins for the updates and the box."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, looker: Published, *, daily: bool = True, hour: int = 4
    ) -> None:
        self.begun: list[str] = []
        self.restarts = 0
        self.refusal = ""
        self.alarms: dict[str, tuple[str, str]] = {}
        self.taken_back = ""
        self.state = State()
        update = Update(url=URL, daily=daily)
        now = datetime(2026, 11, 27, hour, 0, tzinfo=UTC)
        monkeypatch.setattr(rollout, "datetime", SimpleNamespace(now=lambda zone: now))
        updates: Any = SimpleNamespace(
            published=looker, begin=lambda source, *, automatic: self.begun.append(source), restart=self._restart,
            may_begin=lambda: True,
        )  # fmt: skip
        self.updates = updates
        box: Any = SimpleNamespace(
            engine=SimpleNamespace(config=Config(system=System(timezone="UTC"), update=update), pending=None),
            box=SimpleNamespace(serial="SN1"),
            tell=lambda key, level, message, params: self.alarms.update({key: (level, message % params)}),
            alarm=lambda key, _message: self.alarms.pop(key, None),
        )
        self.rollout = Rollout(updates, box)

    def _restart(self, _box: Any) -> None:
        self.restarts += 1
        if self.refusal:
            raise InvalidError(self.refusal)

    def look(self) -> None:
        self.updates.taken_back = self.taken_back
        self.rollout.look(2.0, self.state)


def test_it_is_begun_within_its_hours_once(
    looker: Published, folder: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(folder, signer)
    looker.look(URL)
    by_day = Bench(monkeypatch, looker, hour=12)
    by_day.look()
    assert by_day.begun == []
    by_hand = Bench(monkeypatch, looker, daily=False)
    by_hand.look()
    assert by_hand.begun == []
    bench = Bench(monkeypatch, looker)
    monkeypatch.setattr(rollout, "time", SimpleNamespace(time=lambda: 1000.0))
    bench.look()
    assert bench.begun == []  # before the clock is set
    monkeypatch.setattr(rollout, "time", SimpleNamespace(time=lambda: NOW_S))
    bench.look()
    bench.look()
    assert bench.begun == ["published"]
    bench.state = State(phase="ready", automatic=True)
    monkeypatch.setattr(rollout, "time", SimpleNamespace(time=lambda: 1000.0))
    bench.look()
    assert bench.restarts == 0  # whatever hour a clock shows that is not set
    monkeypatch.setattr(rollout, "time", SimpleNamespace(time=lambda: NOW_S))
    bench.look()
    assert (bench.begun, bench.restarts) == (["published"], 1)


def test_a_night_that_failed_is_forgotten_by_one_that_finds_nothing_newer(
    looker: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(monkeypatch, looker)
    bench.state = State(phase="failed", automatic=True, reason="This is no firmware bundle.", time=1.0)
    bench.look()
    assert FAILED in bench.alarms
    bench.state = State(phase="idle", automatic=True)
    bench.look()
    assert bench.alarms == {}


def test_a_restart_that_is_refused_is_told_and_tried_now_and_then(
    looker: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(monkeypatch, looker)
    monkeypatch.setattr(rollout, "time", SimpleNamespace(time=lambda: NOW_S))
    bench.state = State(phase="ready", automatic=True)
    bench.refusal = "No space left on device"
    for _ in range(int(rollout.RESTART_AGAIN_S) + 2):  # each is two seconds
        bench.look()
    assert bench.restarts == 3
    assert bench.alarms == {FAILED: ("warning", "No space left on device")}


def test_a_version_that_did_not_stay_is_not_taken_again(
    looker: Published, folder: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(folder, signer)
    looker.look(URL)
    bench = Bench(monkeypatch, looker)
    bench.taken_back = NEXT
    bench.look()
    assert bench.begun == []


def test_who_has_to_press_a_button_is_told(
    looker: Published, folder: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(monkeypatch, looker, daily=False)
    with pytest.raises(InvalidError, match="404"):
        bench.rollout.look_for()
    assert bench.alarms == {}  # the line may be down; the page says it
    publish(folder, signer)
    bench.rollout.look_for()
    assert bench.alarms == {PUBLISHED: ("info", f"Version {NEXT} is published.")}
    (folder / LIST).write_text("{}")
    with pytest.raises(InvalidError, match="no list of versions"):
        bench.rollout.look_for()
    assert bench.alarms[PUBLISHED][0] == "warning"
    assert FAILED not in bench.alarms
