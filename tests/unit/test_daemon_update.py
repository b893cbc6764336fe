"""Updates of the firmware: what a bundle is refused for, the boot block, the trial and the way back."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from buildroot.dev import bundle as bundles
from buildroot.dev import signing
from buildroot.dev.signing import Signer
from firmware.daemon import installer, trial, upload
from firmware.daemon.bundle import Bundle, BundleError, OldVersionError, Own, version_key
from firmware.daemon.errors import BusyError, InvalidError
from firmware.daemon.firmware_updates import FirmwareUpdates
from firmware.daemon.installer import Installer
from firmware.daemon.update_state import UPLOAD_SOCKET, Record, State
from firmware.features.update import may_restart
from firmware.kernel import slots
from firmware.kernel.slots import Slots
from firmware.model.config import FORMAT, Config, System, Update
from firmware.version import VERSION

TOOL = Path(__file__).parents[2] / "buildroot/board/common/overlay/usr/sbin/boot-slots"
VERITY = "9:aa:" + "0" * 64
BLOCK = f"# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=1\nB_OK=1\nB_TRY=0\nB_VERITY={VERITY}\nterminal=serial\n"
SLOT = os.urandom(700_000)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return signing.signer(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "rootfs.squashfs").write_bytes(SLOT)
    target = folder / "rs-0.2.0-x86_64.swu"
    return bundles.make(
        target, folder / "rootfs.squashfs", VERITY, version="0.2.0", board="x86_64", by=signer
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slots:
    """Slot B as a file, and GRUB's block as another."""
    block = tmp_path / "grubenv"
    block.write_text(BLOCK.ljust(1024, "#"))
    monkeypatch.setenv("RS_GRUBENV", str(block))
    monkeypatch.setenv("RS_LOCK", str(tmp_path / "boot-slots.lock"))
    monkeypatch.setenv("PATH", f"{TOOL.parent}:{os.environ['PATH']}")
    (tmp_path / "slot-b").write_bytes(bytes(1 << 20))
    return Slots("A", "B", tmp_path / "slot-b", 1 << 20)


def box(signer: Signer, **changes: str) -> Own:
    return Own("0.1.0", "x86_64", "1", signer.certificate)._replace(**changes)


def refusal(data: bytes, own: Own, room_bytes: int = 1 << 20) -> str:
    source = Bundle(io.BytesIO(data).read)
    with pytest.raises(BundleError) as caught:
        list(source.contents(source.checked(own, "B", room_bytes, may_go_back=False)))
    return str(caught.value)


def test_a_bundle_is_read_and_is_what_swupdate_reads(bundle: Path, signer: Signer) -> None:
    source = Bundle(io.BytesIO(bundle.read_bytes()).read)
    image = source.checked(box(signer), "B", 1 << 20, may_go_back=False)
    assert (image.version, image.size_bytes, image.verity) == ("0.2.0", len(SLOT), VERITY)
    assert b"".join(source.contents(image)) == SLOT
    listed = subprocess.run(["cpio", "-t", "--quiet"], input=bundle.read_bytes(), capture_output=True, check=True)
    assert listed.stdout.split() == [b"sw-description", b"sw-description.sig", b"rootfs.squashfs"]
    entry = json.loads(bundles.description("0.2.0", "x86_64", bundle.with_name("rootfs.squashfs"), VERITY))
    assert entry["software"]["x86_64"]["stable"]["a"]["images"][0]["device"] == "/dev/disk/by-partlabel/slot-a"


def test_what_is_refused(bundle: Path, signer: Signer, tmp_path: Path) -> None:
    data = bundle.read_bytes()
    stranger = signing.signer(tmp_path / "stranger")
    assert "has signed" in refusal(data, box(signer, trust=stranger.certificate))  # type: ignore[arg-type]
    assert "has signed" in refusal(data.replace(b'"0.2.0"', b'"0.9.0"'), box(signer))
    assert "for the board x86_64, this box is a nanopi_r2s 1" in refusal(data, box(signer, board="nanopi_r2s"))
    assert "for the board" in refusal(data, box(signer, revision="2"))
    assert "0.2.0 is not newer than 0.10.0" in refusal(data, box(signer, version="0.10.0"))
    assert "not newer" in refusal(data, box(signer, version="0.2.0"))
    assert "room for 0 MB" in refusal(data, box(signer), room_bytes=1 << 16)
    assert "damaged" in refusal(data.replace(SLOT[:32], bytes(32)), box(signer))
    for size in (0, 50, 110, 400, 2000, len(data) // 2):
        assert "ends too early" in refusal(data[:size], box(signer))
    for rubbish in (b"\0" * 500, b"PK" + data, data[:6] + b"Z" * 200):
        assert refusal(rubbish, box(signer)) == "This is no firmware bundle."


def test_versions_have_an_order() -> None:
    assert version_key("1.9") < version_key("1.10") < version_key("1.10.1")
    for text in ("", "1", "1.x", "1.2-rc1", "1..2"):
        with pytest.raises(ValueError):
            version_key(text)


def test_the_boot_block_stays_where_it_is(place: Slots, tmp_path: Path) -> None:
    path = tmp_path / "grubenv"
    inode = path.stat().st_ino
    place.confirm_start()
    assert slots.parse_block(path.read_text())["A_TRY"] == "0"
    place.close_other()
    assert slots.parse_block(path.read_text())["B_OK"] == "0"
    place.start_other(VERITY)
    assert (path.stat().st_ino, path.stat().st_size) == (inode, 1024)
    assert place.boot_values() == {
        "ORDER": "B A", "A_OK": "1", "A_TRY": "0", "B_OK": "1", "B_TRY": "0", "B_VERITY": VERITY, "terminal": "serial",
    }  # fmt: skip
    before = path.read_bytes()
    with pytest.raises(slots.command.CommandError, match="more than a sector"):
        place.start_other("9:" + "a" * 400 + ":" + "0" * 64)
    assert path.read_bytes() == before


def test_a_lock_that_was_left_is_overcome_while_somebody_waits(
    place: Slots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "boot-slots.lock").mkdir()
    sleep, slept = tmp_path / "bin/sleep", tmp_path / "slept"
    sleep.parent.mkdir()
    sleep.write_text(f'#!/bin/sh\necho "$1" >>{slept}\n')
    sleep.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sleep.parent}:{os.environ['PATH']}")
    place.confirm_start()
    assert sum(map(float, slept.read_text().split())) < slots.command.TIMEOUT_S / 2 + 1
    place.confirm_start()  # it is gone
    assert len(slept.read_text().split()) == 10


def test_the_slots_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cmdline, disk = tmp_path / "cmdline", tmp_path / "vda"
    (disk / "vda4").mkdir(parents=True)
    (disk / "vda4/uevent").write_text("DEVNAME=vda4\nPARTNAME=slot-b\n")
    (disk / "vda4/size").write_text("2048\n")
    monkeypatch.setattr(slots, "_disk", lambda sysfs: disk)
    cmdline.write_text("ro quiet rs.slot=A panic=10\n")
    assert slots.find(cmdline) == Slots("A", "B", Path("/dev/vda4"), 1 << 20)
    cmdline.write_text("ro quiet\n")
    assert slots.find(cmdline) is None


def test_an_installation_ends_with_a_slot_that_is_read_back(
    bundle: Path, signer: Signer, place: Slots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Installer(Record(tmp_path / "state"), tmp_path, place, box(signer))
    with installer.from_file(bundle) as read:
        state = work.install(read, may_go_back=False)
    assert (state.phase, state.version, state.slot, state.verity) == ("ready", "0.2.0", "B", VERITY)
    assert place.device.read_bytes()[: len(SLOT)] == SLOT
    assert place.boot_values()["B_OK"] == "0"  # it is opened by the restart only
    assert installer.digest_of(place.device, state.size_bytes) == state.sha256
    monkeypatch.setattr(installer, "digest_of", lambda *arguments: "0" * 64)
    with installer.from_file(bundle) as read, pytest.raises(BundleError, match="worn or broken"):
        work.install(read, may_go_back=False)


def test_an_old_version_is_installed_when_it_is_asked_for(
    bundle: Path, signer: Signer, place: Slots, tmp_path: Path
) -> None:
    work = Installer(Record(tmp_path / "state"), tmp_path, place, box(signer, version="0.3.0"))
    with installer.from_file(bundle) as read, pytest.raises(OldVersionError):
        work.install(read, may_go_back=False)
    with installer.from_file(bundle) as read:
        assert work.install(read, may_go_back=True).phase == "ready"


def test_what_was_taken_back_comes_again_by_hand_only(
    bundle: Path, signer: Signer, place: Slots, tmp_path: Path
) -> None:
    record = Record(tmp_path / "state")
    record.save(State())
    record.take_back("0.2.0")
    work = Installer(record, tmp_path, place, box(signer))
    with installer.from_file(bundle) as read, pytest.raises(OldVersionError, match="taken back before"):
        work.install(read, may_go_back=False, automatic=True)
    with installer.from_file(bundle) as read:
        assert work.install(read, may_go_back=False).phase == "ready"


def test_a_look_that_finds_nothing_newer_leaves_why_a_version_did_not_stay(
    bundle: Path, signer: Signer, place: Slots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = installed(tmp_path, place)
    make(tmp_path, place).restart(Box({}))  # type: ignore[arg-type]
    updates = make(tmp_path, place)
    updates.look(Box({}), 2.0)  # type: ignore[arg-type]
    told = updates.state()
    assert told["phase"] == "fell_back"

    def begin(argv: list[str], **options: object) -> Any:
        installer.main(argv[argv.index(str(tmp_path / "state")) :])
        return SimpleNamespace(wait=lambda: 0)

    monkeypatch.setattr(installer.slots, "find", lambda: place)
    monkeypatch.setattr(installer.bundle, "own", lambda version: box(signer))
    monkeypatch.setattr(subprocess, "Popen", begin)
    monkeypatch.setattr(installer.bundle, "is_signed", lambda *arguments: True)  # openssl is another process
    for source in (f"file:{bundle}", "file:/none"):
        updates.begin(source, automatic=True)
        assert {**updates.state(), "time": told["time"]} == told
    updates.cancel()
    updates.begin(f"file:{bundle}", automatic=True)
    assert (updates.state()["phase"], record.load().automatic) == ("idle", True)


@pytest.mark.parametrize("kind", ["PUT", "form"])
def test_an_upload_is_taken_once_by_whoever_has_the_token(tmp_path: Path, kind: str) -> None:
    seen: list[bytes] = []

    def install(read: Callable[[int], bytes]) -> State:
        seen.append(read(5))
        return State(phase="ready", version="0.2.0")

    server = threading.Thread(target=upload.receive, args=(tmp_path, "token", install))
    server.start()
    assert b" 403 " in ask(tmp_path, "PUT", "other", b"12345")
    if kind == "PUT":
        answer = ask(tmp_path, "PUT", "token", b"12345rest")
        assert b" 200 " in answer
        assert b'"phase": "ready"' in answer
    else:
        form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n12345\r\n--x--\r\n'
        answer = ask(tmp_path, "POST", "token", form, "Content-Type: multipart/form-data; boundary=x\r\n")
        assert b"Location: /system/update" in answer
    server.join()
    assert seen == [b"12345"]
    assert not (tmp_path / UPLOAD_SOCKET).exists()


def ask(run_dir: Path, method: str, token: str, body: bytes, headers: str = "") -> bytes:
    import socket

    with socket.socket(socket.AF_UNIX) as client:
        while True:
            try:
                client.connect(str(run_dir / UPLOAD_SOCKET))
                break
            except OSError:
                threading.Event().wait(0.01)
        head = f"{method} /update/bundle/{token} HTTP/1.0\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_the_gate_asks_in_order() -> None:
    def ask(*, applied: bool = True, page: bool = True, before: tuple[str, ...] = (), up: bool = False) -> str | None:
        return trial.missing(lambda: applied, lambda: page, before, lambda: {"one": up, "two": False})

    assert ask(applied=False, page=False) == "configuration"
    assert ask(page=False) == "page"
    assert ask() is None  # no line worked before
    assert ask(before=("one", "two")) == ask(before=("one", "two"), page=False) == "lines"
    assert ask(before=("one", "two"), up=True) is None
    assert set(trial.REASONS) == {"", "rsd", "block", *trial.STAGES}


def test_the_box_restarts_within_its_hours_only() -> None:
    def may(start: str, end: str, hour: int) -> bool:
        config = Config(system=System(timezone="Asia/Shanghai"), update=Update(restart_from=start, restart_until=end))
        return may_restart(config, datetime(2026, 11, 26, hour, 30, tzinfo=UTC))

    assert may("03:00", "05:00", 20)  # 04:30 in Shanghai
    assert not may("03:00", "05:00", 4)
    assert may("23:00", "02:00", 17)
    assert not may("23:00", "02:00", 19)


class Box:
    """As much of rsd as an update sees."""

    def __init__(self, lines: dict[str, bool]) -> None:
        self.told: list[tuple[str, dict[str, str]]] = []
        self.wrong: set[str] = set()
        self.with_web = True
        update = SimpleNamespace(daily=False, url="")
        self.engine = SimpleNamespace(pending=None, config=SimpleNamespace(update=update))
        self.monitor = SimpleNamespace(lines_up=lambda: lines)
        self.journal = SimpleNamespace(is_open=lambda key: key in self.wrong)

    def tell(self, key: str, level: str, message: str, params: dict[str, str]) -> None:
        self.told.append((message, params))

    def alarm(self, key: str, message: str | None) -> None:
        self.wrong.discard(key)


def make(tmp_path: Path, place: Slots | None, **changes: Any) -> FirmwareUpdates:
    run = tmp_path / "run"
    shutil.rmtree(run, ignore_errors=True)  # memory does not outlive a start
    run.mkdir()
    (tmp_path / "state").mkdir(exist_ok=True)
    options = {"find": lambda: place, "reboot": lambda: None, "page_answers": lambda: True, **changes}
    return FirmwareUpdates(tmp_path / "state", run, **options)


def installed(tmp_path: Path, place: Slots) -> Record:
    """An update that is ready, beside a configuration."""
    state = tmp_path / "state"
    state.mkdir()
    write_store(state, "of 0.1.0")
    place.device.write_bytes(SLOT)
    digest = installer.digest_of(place.device, len(SLOT))
    record = Record(state)
    record.save(State(phase="ready", version="0.2.0", slot="B", verity=VERITY, size_bytes=len(SLOT), sha256=digest))
    return record


def write_store(state: Path, text: str, number: int = FORMAT) -> None:
    (state / "config.json").write_text(text)
    (state / "config.db").unlink(missing_ok=True)
    with sqlite3.connect(state / "config.db") as database:
        database.execute("CREATE TABLE revision (id INTEGER PRIMARY KEY, config BLOB)")
        database.execute("CREATE TABLE state (key TEXT, value TEXT)")
        database.execute("INSERT INTO state VALUES ('running', '1')")
        packed = zlib.compress(json.dumps({"format": number, "text": text}).encode())
        database.execute("INSERT INTO revision VALUES (1, ?)", (packed,))
    database.close()


def test_a_good_version_stays(tmp_path: Path, place: Slots) -> None:
    record = installed(tmp_path, place)
    up = {"one": False}
    box = Box({"one": True})
    old = make(tmp_path, place)
    old.look(box, 2.0)  # type: ignore[arg-type]
    old.restart(box)  # type: ignore[arg-type]
    assert place.boot_values()["ORDER"] == "B A"
    assert record.reached == ""
    new = make(tmp_path, place._replace(own="B", other="A"))
    box = Box(up)
    box.wrong.add("configuration")
    new.look(box, 2.0)  # type: ignore[arg-type]
    assert (new.state()["phase"], new.state()["waits_for"]) == ("trying", "configuration")
    box.wrong.clear()
    new.look(box, 2.0)  # type: ignore[arg-type]
    assert new.state()["waits_for"] == "lines"
    with pytest.raises(BusyError):
        new.begin("usb")
    up["one"] = True
    new.look(box, 2.0)  # type: ignore[arg-type]
    assert (new.state()["phase"], record.reached) == ("confirmed", None)
    assert (tmp_path / "run/started-well").exists()


def test_what_was_once_wrong_with_the_configuration_takes_no_update_back(tmp_path: Path, place: Slots) -> None:
    installed(tmp_path, place)
    box = Box({})
    box.wrong.add("configuration")  # config.db was broken last year, and mended from its copy
    make(tmp_path, place).restart(box)  # type: ignore[arg-type]
    new = make(tmp_path, place._replace(own="B", other="A"))
    assert new.is_on_trial
    new.look(box, 2.0)  # type: ignore[arg-type]
    assert (new.state()["phase"], new.is_on_trial) == ("confirmed", False)


@pytest.mark.parametrize(
    ("reached", "damage", "reason"), [("", False, ""), ("lines", False, "lines"), ("rsd", True, "block")]
)
def test_a_bad_version_is_taken_back_and_says_why(
    tmp_path: Path, place: Slots, reached: str, damage: bool, reason: str
) -> None:
    record = installed(tmp_path, place)
    old = make(tmp_path, place)
    box = Box({"one": True})
    old.restart(box)  # type: ignore[arg-type]
    record.reach(reached)
    write_store(tmp_path / "state", "of 0.2.0", FORMAT + 1)  # migrated
    if damage:
        place.device.write_bytes(bytes(len(SLOT)))
    back = make(tmp_path, place)
    assert (tmp_path / "state/config.json").read_text() == "of 0.1.0"
    assert not record.is_from_the_future()
    assert place.boot_values()["ORDER"] == "A B"
    assert place.boot_values()["B_OK"] == "0"
    back.look(box, 2.0)  # type: ignore[arg-type]
    ((message, params),) = box.told
    assert params == {"version": "0.2.0", "before": VERSION, "reason": trial.REASONS[reason]}
    assert back.state()["phase"] == "fell_back"
    assert back.taken_back == "0.2.0"
    assert back.state()["reason"] == message
    back.cancel()
    assert back.state()["phase"] == "idle"


def test_what_was_committed_while_the_slots_were_switched_outlives_a_version_that_never_started(
    tmp_path: Path, place: Slots
) -> None:
    installed(tmp_path, place)
    make(tmp_path, place).restart(Box({"one": True}))  # type: ignore[arg-type]
    write_store(tmp_path / "state", "committed later")
    assert make(tmp_path, place).state()["phase"] == "fell_back"
    assert (tmp_path / "state/config.json").read_text() == "committed later"


def test_an_rsd_that_ends_before_the_box_does_takes_nothing_back(
    tmp_path: Path, place: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = installed(tmp_path, place)
    old = make(tmp_path, place)
    old.look(Box({}), 2.0)  # type: ignore[arg-type]
    monkeypatch.setattr("firmware.daemon.firmware_updates._REBOOT_AFTER_S", 0.0)
    old.restart(Box({}))  # type: ignore[arg-type]
    started = threading.Event()
    again = FirmwareUpdates(tmp_path / "state", tmp_path / "run", find=lambda: place, reboot=started.set)
    assert started.wait(30)
    assert (again.state()["phase"], record.taken_back) == ("restarting", "")
    assert place.boot_values()["ORDER"] == "B A"


def test_a_copy_made_before_the_clock_is_set_is_kept(tmp_path: Path, place: Slots) -> None:
    record = installed(tmp_path, place)
    future_s = time.time() + 1e6  # of the copies that were made while the clock was right
    for version in ("0.0.1", "0.0.2"):
        record.keep_configuration(version)
        os.utime(record.folder / f"config-{version}", (future_s, future_s))
        future_s += 1
    record.keep_configuration(VERSION)
    assert sorted(path.name for path in record.folder.glob("config-*")) == ["config-0.0.2", f"config-{VERSION}"]
    write_store(tmp_path / "state", "of 0.2.0", FORMAT + 1)
    assert record.bring_back_configuration(VERSION)
    assert (tmp_path / "state/config.json").read_text() == "of 0.1.0"


def test_an_older_version_takes_its_own_configuration(tmp_path: Path, place: Slots) -> None:
    record = installed(tmp_path, place)
    record.keep_configuration(VERSION)
    write_store(tmp_path / "state", "of 0.2.0", FORMAT + 1)
    record.save(msgspec.structs.replace(record.load(), phase="restarting", version=VERSION, before="0.2.0", slot="A"))
    make(tmp_path, place)
    assert (tmp_path / "state/config.json").read_text() == "of 0.1.0"


@pytest.mark.parametrize("phase", ["confirmed", "idle"])
def test_the_slot_of_before_takes_its_own_configuration_without_a_trial(
    tmp_path: Path, place: Slots, phase: Any
) -> None:
    record = installed(tmp_path, place)
    record.keep_configuration(VERSION)
    write_store(tmp_path / "state", "of 0.2.0", FORMAT + 1)
    record.save(msgspec.structs.replace(record.load(), phase=phase))
    make(tmp_path, place)  # A, by the button, the boot menu, or two starts of B that were cut off
    assert (tmp_path / "state/config.json").read_text() == "of 0.1.0"
    assert not record.is_from_the_future()


def test_two_starts_in_vain_are_told(tmp_path: Path, place: Slots) -> None:
    (tmp_path / "state").mkdir()
    place._set("A_TRY=2")  # the power went twice within the first minute
    spare, box = place._replace(own="B", other="A"), Box({})
    make(tmp_path, spare).look(box, 2.0)  # type: ignore[arg-type]
    ((message, params),) = box.told
    assert "Slot A was started twice in vain, so slot B" in message % params
    place._set("ORDER=B A")  # somebody wants it so
    make(tmp_path, spare).look(box, 2.0)  # type: ignore[arg-type]
    place._set("ORDER=A B", "A_OK=0")  # it was closed after a trial
    make(tmp_path, spare).look(box, 2.0)  # type: ignore[arg-type]
    assert len(box.told) == 1


def test_a_full_data_partition_and_another_system_are_told(
    tmp_path: Path, place: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidError, match="not started from an image"):
        make(tmp_path, None).begin("usb")
    assert make(tmp_path, None).state()["available"] is False
    updates = make(tmp_path, place)
    box = Box({})
    updates.look(box, 2.0)  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match="install one first"):
        updates.restart(box)  # type: ignore[arg-type]

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("firmware.daemon.update_state.files.write", full)
    with pytest.raises(InvalidError, match="No space left on device"):
        updates.begin("usb")
    assert updates.state()["phase"] == "idle"


def test_a_way_back_that_cannot_be_kept_refuses_the_restart(
    tmp_path: Path, place: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = installed(tmp_path, place)
    updates = make(tmp_path, place)
    before = place.boot_values()

    def full(version: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(updates._record, "keep_configuration", full)
    with pytest.raises(InvalidError, match="nothing was changed"):
        updates.restart(Box({}))  # type: ignore[arg-type]
    assert (place.boot_values(), record.load().phase) == (before, "ready")


def test_an_update_by_itself_that_failed_is_told_once(tmp_path: Path, place: Slots) -> None:
    (tmp_path / "state").mkdir()
    updates, box = make(tmp_path, place), Box({})
    Record(tmp_path / "state").save(State(phase="failed", automatic=True, reason="This is no firmware bundle."))
    for _ in range(3):
        updates.look(box, 2.0)  # type: ignore[arg-type]
    assert box.told == [("This is no firmware bundle.", {})]


def test_an_installation_that_was_cut_off_is_told(tmp_path: Path, place: Slots) -> None:
    (tmp_path / "state").mkdir()
    Record(tmp_path / "state").save(State(phase="checking", slot="B"))
    assert make(tmp_path, place).state()["phase"] == "failed"
