"""Automatic backups: when they are due, what is sent where, what stays there, and what is said when one fails."""

from __future__ import annotations

import errno
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.daemon import automatic_backups, backup_send
from firmware.daemon.automatic_backups import NO_KEY, AutomaticBackups
from firmware.daemon.errors import InvalidError
from firmware.features.backup import last_due, smb_place, verify
from firmware.model.config import Backup, Config, System
from firmware.model.facts import Facts

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("wanted", "now", "due"),
    [
        (Backup(every="daily", hour=3), MONDAY, datetime(2026, 11, 23, 3, tzinfo=UTC)),
        (Backup(every="daily", hour=13), MONDAY, datetime(2026, 11, 22, 13, tzinfo=UTC)),
        (Backup(every="daily", hour=12), MONDAY, MONDAY),
        (Backup(every="weekly", hour=3, day="mon"), MONDAY, datetime(2026, 11, 23, 3, tzinfo=UTC)),
        (Backup(every="weekly", hour=13, day="mon"), MONDAY, datetime(2026, 11, 16, 13, tzinfo=UTC)),
        (Backup(every="weekly", hour=3, day="tue"), MONDAY, datetime(2026, 11, 17, 3, tzinfo=UTC)),
    ],
)
def test_the_last_moment_it_was_due(wanted: Backup, now: datetime, due: datetime) -> None:
    assert last_due(wanted, now) == due


@pytest.mark.parametrize(
    ("wanted", "facts", "paths"),
    [
        (Backup(), Facts(has_backup_key=False), []),
        (Backup(every="daily", usb=True), Facts(), []),
        (Backup(every="daily", usb=True), Facts(has_backup_key=False), ["warning backup.every"]),
        (Backup(every="daily"), Facts(), ["error backup.every"]),
        (Backup(every="daily", usb=True, parts=()), Facts(), ["error backup.parts"]),
        (Backup(share_url="ftp://x", hq_url="http://x/"), Facts(), ["error backup.share_url", "warning backup.hq_url"]),
        (Backup(share_url="https://me:secret@x/"), Facts(), ["error backup.share_url"]),
        (Backup(share_url="smb://nas/backup", share_user="rs"), Facts(), []),
        (Backup(share_url="smb://nas/backup"), Facts(), ["error backup.share_user"]),
        (Backup(share_url="smb://nas/", share_user="rs"), Facts(), ["error backup.share_url"]),
        (Backup(hq_url="smb://nas/backup"), Facts(), ["error backup.hq_url"]),
    ],
)
def test_what_is_wrong_is_said(wanted: Backup, facts: Facts, paths: list[str]) -> None:
    found = verify(Config(backup=wanted), facts)
    assert [f"{problem.severity} {problem.path}" for problem in found] == paths
    assert all(problem.remedy for problem in found)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("smb://nas/backup", ("nas", 445, "backup", "")),
        ("smb://192.168.8.5:4450/备份/shop 1/", ("192.168.8.5", 4450, "备份", "shop 1")),
        ("smb://[fd00::1]/b/one/two%20three", ("fd00::1", 445, "b", "one/two three")),
        ("smb:/nas/backup", None),
        ("smb://nas", None),
        ("smb://me@nas/backup", None),
        ("smb://nas:0/backup", None),
        ("smb://nas:x/backup", None),
        ("smb://nas/backup/../secret", None),
        ("smb://nas/backup//x", None),
        ("smb://nas/back%5Cup", None),
        ("smb://nas/back?up", None),
        ("smb://[nas/backup", None),
    ],
)
def test_which_share_an_address_names(url: str, place: tuple[str, int, str, str] | None) -> None:
    assert smb_place(url) == place


class Bench:
    """The real thing with a clock, a worker and destinations of stand-ins."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, wanted: Backup) -> None:
        self.now_s = MONDAY.timestamp()
        self.sent: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"left": []}
        self.alarms: dict[str, str] = {}
        (folder / "backup").mkdir(exist_ok=True)
        clock = SimpleNamespace(time=lambda: self.now_s)
        monkeypatch.setattr(automatic_backups, "time", clock)
        self.secrets = SimpleNamespace(backup_key="k", backup_login=lambda name: f"secret of {name}")
        config = Config(backup=wanted, system=System(timezone="UTC"))
        self.box: Any = SimpleNamespace(
            engine=SimpleNamespace(config=config),
            authority=SimpleNamespace(secrets=self.secrets),
            backups=SimpleNamespace(
                folder=folder / "backup",
                alone=threading.Lock,
                file_name=lambda: f"rs-{self.now_s:.0f}.rsbackup",
                write=self._write,
            ),
            tell=lambda key, _level, message, params: self.alarms.update({key: message % params}),
            alarm=lambda key, _message: self.alarms.pop(key, None),
        )
        self.tests = AutomaticBackups(self.box, folder, folder, self._send)

    def _write(self, target: Path, _parts: Any, *, key: str) -> None:
        target.write_text(key)

    def _send(self, job: dict[str, Any]) -> dict[str, Any]:
        assert Path(job["file"]).exists()
        self.sent.append(job)
        return self.answer

    def pass_hours(self, hours: float) -> list[dict[str, Any]]:
        """Let time go by and look; what was sent meanwhile."""
        self.sent = []
        self.now_s += hours * HOUR_S
        self.tests.look(HOUR_S)
        self.settle()
        return self.sent

    def settle(self) -> None:
        until_s = time.monotonic() + 5
        while self.tests.state()["running"] and time.monotonic() < until_s:
            time.sleep(0.002)

    def row(self, name: str) -> dict[str, Any]:
        return next(row for row in self.tests.state()["destinations"] if row["name"] == name)


SHARE = Backup(every="daily", hour=3, keep=2, share_url="https://nas/b", share_user="rs", usb=True)


def test_it_waits_for_its_hour_and_keeps_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, monkeypatch, SHARE)
    assert bench.pass_hours(0) == []  # chosen just now
    assert bench.pass_hours(14) == []  # 02:00
    jobs = {job["kind"]: job for job in bench.pass_hours(1.5)}
    assert jobs.keys() == {"usb", "share"}
    assert (jobs["share"]["url"], jobs["share"]["secret"], jobs["usb"]["url"]) == (
        "https://nas/b", "secret of share", "",
    )  # fmt: skip
    assert bench.pass_hours(1) == []
    first = bench.row("share")["file"]
    assert [job["old"] for job in bench.pass_hours(24)] == [[], []]
    assert [job["old"] for job in bench.pass_hours(24)] == [[], [first]]  # two stay
    again = Bench(tmp_path, monkeypatch, SHARE)  # rsd begins anew
    again.now_s = bench.now_s
    assert again.pass_hours(1) == []
    assert again.row("share")["file"] == bench.row("share")["file"]
    assert not (tmp_path / "backup" / "automatic.rsbackup").exists()
    assert len(again.pass_hours(48)) == 2  # a day without power is made up for once


def test_a_box_that_is_off_at_night_makes_its_first_one_in_the_morning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a place was chosen is on the disk: else it would be chosen just now after every start, for ever."""
    bench = Bench(tmp_path, monkeypatch, Backup(every="daily", hour=3, usb=True))
    assert bench.pass_hours(0) == []
    morning = Bench(tmp_path, monkeypatch, Backup(every="daily", hour=3, usb=True))
    assert len(morning.pass_hours(20)) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_after_a_clock_that_was_years_ahead_there_are_backups_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    bench = Bench(tmp_path, monkeypatch, Backup(every="daily", hour=3, usb=True))
    bench.now_s += 9 * 365 * 24 * HOUR_S
    bench.answer = {"error": backup_send.NO_STICK} if fails else {"left": []}
    bench.tests.run()
    bench.settle()
    bench.now_s = MONDAY.timestamp()
    bench.answer = {"left": []}
    bench.pass_hours(0)
    assert len(bench.pass_hours(24)) == 1
    assert bench.pass_hours(1) == []


def test_on_a_worn_disk_it_is_made_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one by hand is: now it is wanted most."""
    bench = Bench(tmp_path, monkeypatch, SHARE)
    bench.box.backups.folder = tmp_path / "memory"
    (tmp_path / "memory").mkdir()
    bench.tests.run()
    bench.settle()
    assert {job["file"] for job in bench.sent} == {str(tmp_path / "memory/automatic.rsbackup")}
    assert list((tmp_path / "memory").iterdir()) == []


def test_what_one_place_has_is_noted_before_the_next_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a restart meanwhile forgets the file on the share, and it is never removed."""
    bench = Bench(tmp_path, monkeypatch, SHARE)
    noted: list[str] = []

    def send(job: dict[str, Any]) -> dict[str, Any]:
        after_restart = Bench(tmp_path, monkeypatch, SHARE)
        noted.append(f"{job['kind']} {after_restart.row('usb')['file'] != ''}")
        return {"left": []}

    bench.tests._send = send
    bench.tests.run()
    bench.settle()
    assert noted == ["usb False", "share True"]


def test_two_in_one_second_are_one_file_and_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, monkeypatch, Backup(every="daily", hour=3, keep=1, share_url="https://nas/b"))
    for _ in range(2):
        bench.tests.run()
        bench.settle()
    assert [job["old"] for job in bench.sent] == [[], []]
    bench.now_s += 1
    bench.tests.run()
    bench.settle()
    assert bench.sent[-1]["old"] == [bench.sent[0]["name"]]


def test_what_fails_is_an_alarm_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, monkeypatch, Backup(every="daily", hour=3, usb=True))
    bench.pass_hours(0)
    bench.answer = {"error": backup_send.NO_STICK}
    assert len(bench.pass_hours(16)) == 1
    assert bench.alarms["backup.usb"].startswith("The automatic backup to the USB stick failed: No USB stick")
    assert bench.pass_hours(0.5) == []
    bench.answer = {"left": []}
    assert len(bench.pass_hours(0.6)) == 1
    assert (bench.alarms, bench.row("usb")["reason"]) == ({}, "")


def test_without_a_passphrase_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, monkeypatch, SHARE)
    bench.secrets.backup_key = ""
    bench.tests.run()
    bench.settle()
    assert bench.sent == []
    assert bench.row("usb")["reason"] == NO_KEY
    bench.box.engine.config = Config()
    with pytest.raises(InvalidError):
        bench.tests.run()


def test_before_the_clock_is_set_nothing_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, monkeypatch, SHARE)
    bench.pass_hours(0)
    bench.now_s = 1000.0
    assert bench.pass_hours(100) == []


# ---- the process that sends ----


class _Share(BaseHTTPRequestHandler):
    """A little WebDAV."""

    files: dict[str, bytes]
    status = 201
    logins: list[str]

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.logins.append(self.headers.get("Authorization", ""))
        if self.status < 300:
            self.files[self.path] = data
        self._answer(self.status)

    def do_DELETE(self) -> None:
        self._answer(204 if self.files.pop(self.path, None) is not None else 404)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def share() -> Iterator[tuple[str, type[_Share]]]:
    kind = type("Share", (_Share,), {"files": {"/b/old.rsbackup": b""}, "logins": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", kind
    server.shutdown()
    thread.join()
    server.server_close()


def job(folder: Path, **changes: Any) -> dict[str, Any]:
    (folder / "file").write_bytes(b"content" * 50_000)
    plain = {
        "kind": "share",
        "file": str(folder / "file"),
        "name": "new.rsbackup",
        "user": "rs",
        "secret": "x",
        **changes,
    }
    return backup_send.run(json.dumps(plain))


def test_a_file_is_put_and_old_ones_are_removed(tmp_path: Path, share: tuple[str, type[_Share]]) -> None:
    url, kind = share
    assert job(tmp_path, url=f"{url}/b/", old=["old.rsbackup", "gone.rsbackup"]) == {"left": []}
    assert kind.files == {"/b/new.rsbackup": b"content" * 50_000}
    assert job(tmp_path, url=f"{url}/b", kind="hq", secret="t") == {"left": []}
    assert kind.logins == ["Basic cnM6eA==", "Bearer t"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, backup_send.NO_ACCESS), (409, backup_send.NO_FOLDER), (507, backup_send.SERVER_FULL), (500, "HTTP 500")],
)
def test_a_refusal_is_said(tmp_path: Path, share: tuple[str, type[_Share]], status: int, reason: str) -> None:
    url, kind = share
    kind.status = status
    assert job(tmp_path, url=url, old=["old.rsbackup"]) == {"error": reason}
    assert kind.files == {"/b/old.rsbackup": b""}


def test_headquarters_are_who_their_certificate_says(
    tmp_path: Path, share: tuple[str, type[_Share]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By HTTPS with a certificate of an authority of our own: known, unknown, and made for another name."""
    _, kind = share
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    argv += ["-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1"]
    argv += ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "pem")]
    subprocess.run(argv, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "pem", tmp_path / "key")
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"https://127.0.0.1:{server.server_port}"
        assert job(tmp_path, url=address, kind="hq", secret="t") == {"error": backup_send.NO_CERTIFICATE}
        assert kind.logins == []  # the token was not told to a stranger
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "pem"))
        other = address.replace("127.0.0.1", "localhost")
        assert job(tmp_path, url=other, kind="hq") == {"error": backup_send.NO_CERTIFICATE}
        assert kind.logins == []
        assert job(tmp_path, url=address, kind="hq", secret="t") == {"left": []}
        server.shutdown()
        thread.join()
    assert kind.logins == ["Bearer t"]


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert job(tmp_path, url="http://127.0.0.1:9/") == {"error": "Connection refused"}


def test_a_stick_keeps_so_many_of_this_router(tmp_path: Path) -> None:
    source, stick = tmp_path / "file", tmp_path / "stick"
    source.write_bytes(b"x")
    stick.mkdir()
    (stick / "rs-other-20200101-000000.rsbackup").touch()
    for day in range(1, 5):
        backup_send.copy(source, stick, f"rs-2026010{day}-030000.rsbackup")
        backup_send.prune(stick, "rs", 2, f"rs-2026010{day}-030000.rsbackup")
    assert sorted(path.name for path in stick.iterdir()) == [
        "rs-20260103-030000.rsbackup", "rs-20260104-030000.rsbackup", "rs-other-20200101-000000.rsbackup"
    ]  # fmt: skip


def test_the_new_one_stays_though_the_clock_was_set_back(tmp_path: Path) -> None:
    old, new = "rs-20350101-030000.rsbackup", "rs-20261127-030000.rsbackup"
    for name in (old, new):
        (tmp_path / name).touch()
    backup_send.prune(tmp_path, "rs", 2, new)
    assert len(list(tmp_path.iterdir())) == 2
    backup_send.prune(tmp_path, "rs", 1, new)
    assert [path.name for path in tmp_path.iterdir()] == [new]


def test_a_full_stick_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "file"
    source.write_bytes(b"x")
    (tmp_path / "stick").mkdir()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup_send.shutil, "copyfileobj", fail)
    with pytest.raises(backup_send.SendError, match="stick is full"):
        backup_send.copy(source, tmp_path / "stick", "x.rsbackup")
    assert list((tmp_path / "stick").iterdir()) == []
