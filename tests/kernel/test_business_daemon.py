"""The business pages behind the real front, rsweb and rsd: one login, their data on the box, in backups and back."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from firmware.model.config import Business, User
from tests.kernel.engine_box import LAN, Box, config
from tests.lab import netns

pytestmark = pytest.mark.kernel

PASSWORD, PASSPHRASE = "a long enough password", "three long words"
USERS = {"boss": User(role="owner"), "zhao": User(role="clerk")}
LARGE = 3 << 20


class Browser:
    """curl in the client's namespace, with cookies of its own."""

    def __init__(self, box: Box, name: str) -> None:
        self._box, self._jar = box, box.directory / f"{name}.cookies"

    def __call__(self, path: str, *options: str) -> tuple[int, str]:
        """Status and body; redirects are not followed."""
        argv = ["curl", "-sk", "-b", str(self._jar), "-c", str(self._jar), "-H", "Accept-Language: en"]
        argv += ["-w", "\n%{http_code} %{redirect_url}", *options, f"https://{LAN}{path}"]
        body, _, end = netns.command(netns.inside(self._box.client, argv)).rpartition("\n")
        status, _, place = end.partition(" ")
        return int(status), place or body

    def hidden(self, page: str, name: str) -> str:
        found = re.search(f'name="{name}" value="([^"]*)"', page)
        assert found, page
        return found[1]

    def send(self, path: str, **fields: str) -> tuple[int, str]:
        """Fills in the form of an address as a browser does."""
        page = self(path)[1]
        names = [name for name in ("csrf", "key") if f'name="{name}"' in page]
        sent = {name: self.hidden(page, name) for name in names} | fields
        return self(path, *(word for name, text in sent.items() for word in ("--data-urlencode", f"{name}={text}")))

    def log_in(self, user: str) -> None:
        assert self.send("/login", user=user, password=PASSWORD)[0] == 303


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box("biz") as box:
        box.start(web=True)
        box.commit(config(users=USERS, business=Business(enabled=True)))
        for user in USERS:
            box.call("password.change", user=user, new=PASSWORD)
        box.settled()
        boss = Browser(box, "probe")
        netns.wait_until(lambda: _answers(boss), "the page answers", 30)
        yield box


def _answers(browser: Browser) -> bool:
    try:
        return browser("/login")[0] == 200
    except RuntimeError:
        return False


@pytest.fixture(scope="module")
def boss(box: Box) -> Browser:
    browser = Browser(box, "boss")
    browser.log_in("boss")
    return browser


def test_the_routers_login_opens_the_business_whose_data_are_rswebs_own(box: Box, boss: Browser) -> None:
    stranger = Browser(box, "stranger")
    assert stranger("/business/finance/party")[1].endswith("/login?next=/business/finance/party")
    assert stranger("/api/biz/v1/finance/party")[0] == 401
    assert boss.send("/business/finance/party/new", code="C1", name="Wang", payment_days="30")[0] == 303
    assert "Wang" in boss("/business/finance/party")[1]
    database = box.state / "business" / "company.db"
    owner = database.stat()
    assert (owner.st_uid != 0, owner.st_mode & 0o077) == (True, 0)
    assert "/business/" in boss("/")[1]


def test_a_token_is_the_same_person_by_rest(box: Box) -> None:
    token = box.call("token.create", name="shop", role="admin")["token"]
    status, body = Browser(box, "program")("/api/biz/v1/finance/party", "-H", f"Authorization: Bearer {token}")
    assert (status, '"items"' in body) == (200, True)


def test_who_is_for_the_business_only_may_what_is_given_there(box: Box, boss: Browser) -> None:
    clerk = Browser(box, "clerk")
    clerk.log_in("zhao")
    assert clerk("/")[1].endswith("/business/")
    assert clerk("/lines/")[0] == 403
    assert clerk("/business/finance/party")[0] == 403
    for fields in (
        {"what": "grant", "holder": "sales", "right": "finance.party.view"},
        {"what": "assign", "user": "zhao", "holder": "sales"},
    ):
        assert boss.send("/business/rights", **fields)[0] == 303
    assert clerk("/business/finance/party")[0] == 200
    assert clerk("/business/finance/party/new")[0] == 403


def attached(box: Box, boss: Browser) -> bytes:
    """Sends a file larger than other forms may be, in the form of a party, and reads it again."""
    content = bytes(range(256)) * (LARGE // 256)
    file = box.directory / "photo.bin"
    file.write_bytes(content)
    page = boss("/business/finance/party/1")[1]
    action = re.search(r'action="(/business/files/[^"]*)"', page)
    assert action
    address = action[1].replace("&amp;", "&")
    csrf = boss.hidden(page, "csrf")
    assert boss(address, "-F", f"csrf={csrf}", "-F", f"file=@{file}")[0] == 303
    boss("/business/file/1", "-o", str(box.directory / "back.bin"))
    assert (box.directory / "back.bin").read_bytes() == content
    return content


def taken(box: Box) -> Path:
    """A backup of the router, of the business alone."""
    made = box.call("backup.make", parts=["business"], passphrase=PASSPHRASE)
    data, is_last = b"", False
    while not is_last:
        piece = box.call("backup.read", id=made["id"], offset=len(data))
        data, is_last = data + base64.b64decode(piece["data"]), piece["is_last"]
    file = box.directory / "b.rsbackup"
    file.write_bytes(data)
    return file


def test_a_backup_takes_the_business_along_and_brings_it_back(box: Box, boss: Browser) -> None:
    attached(box, boss)
    file = taken(box)
    assert boss.send("/business/finance/party/new", code="C2", name="Later", payment_days="1")[0] == 303
    found: dict[str, Any] = box.call("backup.open", path=str(file), passphrase=PASSPHRASE)
    assert found["parts"] == ["business"]
    box.call("backup.restore", id=found["id"], parts=["business"])
    page = boss("/business/finance/party")[1]
    assert ("Wang" in page, "Later" in page) == (True, False)
    assert boss.send("/business/finance/party/new", code="C3", name="After", payment_days="1")[0] == 303
    assert "After" in boss("/business/finance/party")[1]
    assert boss("/business/file/1", "-o", "/dev/null")[0] == 200


def rsctl(box: Box, *words: str) -> tuple[int, str]:
    """Exit code and what was said, of ``rsctl business``."""
    environment = {**os.environ, "LANG": "C.UTF-8", "RS_SOCKET": str(box.run / "rsd.sock")}
    argv = [sys.executable, "-m", "firmware.cli.main", "business", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


def test_the_command_line_looks_takes_along_and_puts_back(box: Box, boss: Browser, tmp_path: Path) -> None:
    code, said = rsctl(box, "status", "--json")
    state = json.loads(said)
    assert (code, state["enabled"], state["company"]["modules"]["finance"]) == (0, True, True)
    assert (state["company"]["users"], state["company"]["bytes"] > LARGE) == (1, True)
    assert rsctl(box, "check")[0] == 0
    kept, tables = tmp_path / "kept.zip", tmp_path / "tables.zip"
    for what, path in (("backup", kept), ("export", tables)):
        assert rsctl(box, what, str(path))[0] == 0
        assert path.stat().st_mode & 0o777 == 0o600
    code, said = rsctl(box, "backup", str(tmp_path / "none" / "kept.zip"))
    assert (code, "No such file or directory" in said, "Traceback" in said) == (1, True, False), said
    with zipfile.ZipFile(kept) as archive:
        names = archive.namelist()
    assert names[0] == "company.db"
    assert len(names) == 2
    with zipfile.ZipFile(tables) as archive:
        assert b"Wang" in archive.read("finance_party.csv")
    assert boss.send("/business/finance/party/new", code="C4", name="Newest", payment_days="1")[0] == 303
    assert "Newest" in boss("/business/finance/party")[1]
    (tmp_path / "bad.zip").write_bytes(kept.read_bytes()[:-100])
    assert rsctl(box, "restore", str(tmp_path / "bad.zip"))[0] == 1
    assert "Newest" in boss("/business/finance/party")[1]
    code, said = rsctl(box, "restore", str(kept))
    assert code == 0, said
    page = boss("/business/finance/party")[1]
    assert ("Wang" in page, "Newest" in page) == (True, False)
    assert boss.send("/business/finance/party/new", code="C5", name="Behind", payment_days="1")[0] == 303


def test_a_backup_of_a_newer_release_is_refused_and_books_that_are_bent_are_told(box: Box, tmp_path: Path) -> None:
    assert rsctl(box, "backup", str(tmp_path / "kept.zip"))[0] == 0
    with zipfile.ZipFile(tmp_path / "kept.zip") as archive:
        archive.extract("company.db", tmp_path)

    def bent(name: str, *statements: str) -> str:
        path = tmp_path / f"{name}.db"
        shutil.copyfile(tmp_path / "company.db", path)
        with contextlib.closing(sqlite3.connect(path)) as file, file:
            for statement in statements:
                file.execute(statement)
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.write(path, "company.db")
        return str(tmp_path / f"{name}.zip")

    code, said = rsctl(box, "restore", bent("newer", "INSERT INTO core_migration VALUES ('core', 99, 0)"))
    assert (code, "the data is of version 99" in said) == (1, True), said
    assert rsctl(box, "check")[0] == 0
    wrong = "INSERT INTO finance_day (date, account, debit, credit) VALUES ('2026-01-01', '1001', 5, 0)"
    assert rsctl(box, "restore", bent("bent", wrong))[0] == 0
    code, said = rsctl(box, "check")
    assert (code, "2026-01-01 1001 differs from its lines by 5" in said) == (1, True), said
    assert rsctl(box, "restore", str(tmp_path / "kept.zip"))[0] == 0
    assert rsctl(box, "check")[0] == 0
    assert not list((box.state / "backup").glob("books-*"))


def test_the_routers_backup_of_a_newer_release_is_refused_too(box: Box, boss: Browser) -> None:
    """As after a fall back to the older slot: the books that are here stay."""

    def say(statement: str) -> None:
        with closing(sqlite3.connect(box.state / "business" / "company.db", timeout=30)) as file, file:
            file.execute(statement)

    say("INSERT INTO core_migration VALUES ('core', 99, 0)")
    try:
        newer = taken(box)
    finally:
        say("DELETE FROM core_migration WHERE number = 99")
    found: dict[str, Any] = box.call("backup.open", path=str(newer), passphrase=PASSPHRASE)
    with pytest.raises(Exception, match="the data is of version 99"):
        box.call("backup.restore", id=found["id"], parts=["business"])
    assert "Wang" in boss("/business/finance/party")[1]


def test_switched_off_it_is_not_there_and_keeps_its_data(box: Box, boss: Browser) -> None:
    box.commit(config(users=USERS))
    assert boss("/business/")[0] == 404
    assert "/business/" not in boss("/")[1]
    box.commit(config(users=USERS, business=Business(enabled=True)))
    assert "Wang" in boss("/business/finance/party")[1]


def test_on_a_disk_that_cannot_be_written_it_is_closed_and_goes_into_a_backup(box: Box, boss: Browser) -> None:
    folder = box.state / "business"
    box.cut_power()  # what was entered last is still in SQLite's journal
    netns.command(["mount", "--bind", str(folder), str(folder)])
    try:
        netns.command(["mount", "-o", "remount,bind,ro", str(folder)])
        box.start(web=True)
        netns.wait_until(lambda: _answers(boss), "the page answers", 30)
        boss.log_in("boss")
        status, page = boss("/business/finance/party")
        assert (status, "The business is closed" in page) == (507, True)
        token = box.call("token.create", name="worn", role="admin")["token"]
        status, body = Browser(box, "worn")("/api/biz/v1/finance/party", "-H", f"Authorization: Bearer {token}")
        assert (status, '"not_kept"' in body) == (507, True)
        made = box.call("backup.make", parts=["business"], passphrase=PASSPHRASE)
        file = box.state / "backup" / f"{made['id']}.rsbackup"
        found: dict[str, Any] = box.call("backup.open", path=str(file), passphrase=PASSPHRASE)
        (database,) = (box.state / "backup").glob("opened-*/business/business/company.db")
        with closing(sqlite3.connect(database)) as company:
            names = {name for (name,) in company.execute("SELECT name FROM finance_party")}
        assert ("Wang" in names, found["parts"]) == (True, ["business"])
        box.cut_power()
    finally:
        netns.command(["umount", str(folder)])
    box.start(web=True)
    netns.wait_until(lambda: _answers(boss), "the page answers", 30)
    boss.log_in("boss")
    assert "Wang" in boss("/business/finance/party")[1]
