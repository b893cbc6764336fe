"""Backups inside rsd: what a restore changes and when, what waits for its commit, what is taken back."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import msgspec
import pytest

from firmware.daemon import backup_cipher, backup_parts, backup_worker, backups, restoring
from firmware.daemon.auth import Identity
from firmware.daemon.backups import Backups
from firmware.daemon.errors import BusyError, InvalidError, NotFoundError
from firmware.daemon.restoring import Restoring
from firmware.daemon.secrets_file import SecretsFile, lines_of
from firmware.daemon.verbs import Call, Verb
from firmware.daemon.verbs.configuration import delete, import_, set_
from firmware.model import codec
from firmware.model.config import BackupPart, Config, Group, Lan, User, Wan
from firmware.model.facts import PortFact
from firmware.model.problem import ConfigError
from firmware.model.sections import SECTIONS

PASSPHRASE = "three long words"
BOSS = Identity(user="boss", role="owner", language="en", kind="session")
SAVED = Config(
    wans={"adsl": Wan(interface="eth0", number=1, protocol="pppoe", username="x")},
    lans={"main": Lan(ports=("eth1",), address="192.168.8.1/24")},
    users={"boss": User(role="owner"), "clerk": User(role="clerk")},
)


class Engine:
    """Candidates and commits without a kernel."""

    def __init__(self, config: Config) -> None:
        self.config, self.pending, self.running = config, None, 1
        self.candidates: dict[str, Config] = {}

    def change(self, author: str, edit: Callable[[Config], Config]) -> list[Any]:
        self.candidates[author] = edit(self.candidate(author))
        return []

    def candidate(self, author: str) -> Config:
        return self.candidates.get(author, self.config)

    def commit(self, author: str, pending: Any = None) -> int:
        self.config, self.pending = self.candidates.pop(author), pending
        self.running += 1
        return self.running


class Bench:
    """A box of stand-ins around the real secrets, backups and restoring."""

    def __init__(self, folder: Path, config: Config, ports: tuple[str, ...] = ("eth0", "eth1")) -> None:
        (folder / "uploads").mkdir(parents=True)
        self.folder = folder
        self.engine = Engine(config)
        self.secrets = SecretsFile(folder / "secrets.json")
        self.authority = SimpleNamespace(secrets=self.secrets, prepare_first_password=lambda: None)
        self.dialling = SimpleNamespace(set_password=self.secrets.set_line_password, write=lambda: None)
        self.facts = SimpleNamespace(ports=lambda: {name: PortFact(mac=f"m-{name}") for name in ports})
        self.told: list[str] = []
        self.usage: list[str] = []
        self.authorities: list[list[str]] = []
        self.monitor = SimpleNamespace(restore_usage=lambda path: self.usage.append(path.name))
        self.backups = Backups(self, folder, folder)  # type: ignore[arg-type]
        self.restoring = Restoring(self, folder)  # type: ignore[arg-type]
        self.waiting = folder / "backup" / "waiting"

    set_line_password = property(lambda self: self.secrets.set_line_password)

    def tell(self, _key: str, _level: str, message: str, params: dict[str, str]) -> None:
        self.told.append(message % params)

    def alarm(self, key: str, message: None) -> None:
        pass

    def take_authority(self, folder: Path) -> None:
        self.authorities.append(sorted(path.name for path in folder.glob("*")))

    def restore(self, source: Path, **wanted: Any) -> dict[str, Any]:
        found = self.backups.open(source, PASSPHRASE)
        asked = {"parts": ["configuration"], "chosen": (), "mapping": {}, **wanted}
        return self.restoring.restore("boss", found["id"], **asked)

    def restart(self) -> None:
        """rsd begins anew; the configuration is in force."""
        self.backups = Backups(self, self.folder, self.folder)  # type: ignore[arg-type]
        self.restoring = Restoring(self, self.folder)  # type: ignore[arg-type]
        self.restoring.resume()
        self.settle_rest()

    def settle_rest(self) -> None:
        for thread in threading.enumerate():
            if thread.name == "restore":
                thread.join(5)

    def settle(self) -> None:
        until_s = time.monotonic() + 5
        while (self.waiting.exists() or self.waiting.with_name("restoring").exists()) and time.monotonic() < until_s:
            time.sleep(0.005)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's jobs in this process, and cheaply."""

    def work(kind: str, job: dict[str, Any]) -> dict[str, Any]:
        answer = backup_worker.run(kind, msgspec.json.encode(job).decode())
        if "error" in answer:
            raise InvalidError(answer["error"]["message"], **answer["error"]["params"])
        return answer

    monkeypatch.setattr(backups, "work", work)
    monkeypatch.setattr(backup_cipher.Derivation.__new__, "__defaults__", (2, 1, 1))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A backup of another box."""
    other = Bench(tmp_path / "other", SAVED)
    for name in ("tls/ca.key", "tls/ca.crt", "usage.db"):
        (tmp_path / "other" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "other" / name).write_bytes(b"")
    other.secrets._write(msgspec.structs.replace(other.secrets._content, passwords={"boss": "00$11", "gone": "00$22"}))
    other.secrets.set_line_password("adsl", "dial")
    other.secrets.add_token("hq", "auditor", "boss")
    made = other.backups.make(["configuration", "statistics"], PASSPHRASE)
    target = tmp_path / "x.rsbackup"
    shutil.copy(tmp_path / "other" / "backup" / f"{made['id']}.rsbackup", target)
    return target


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "here", Config(groups={"mine": Group()}, users={"boss": User(role="owner")}))


def test_the_passwords_come_with_the_commit_and_the_rest_when_it_is_kept(bench: Bench, source: Path) -> None:
    result = bench.restore(source, parts=["configuration", "statistics"])
    assert result["waits"]
    assert bench.engine.candidate("boss") == SAVED
    assert not bench.secrets.has_password("boss")
    assert bench.secrets.line_password("adsl") == "dial"  # a line that is still to come is lent its password
    revision = bench.engine.commit("boss", pending="waits")
    bench.restoring.committed("boss", revision)
    assert bench.secrets._content.passwords == {"boss": "00$11"}
    assert [token.name for token in bench.secrets.tokens()] == ["hq"]
    assert (bench.usage, bench.authorities) == ([], [])
    bench.restoring.changed("confirmed", revision)
    bench.settle()
    assert (bench.usage, bench.authorities, bench.told) == (["usage.db"], [["ca.crt", "ca.key"]], [])


def test_what_is_not_kept_takes_its_passwords_back(bench: Bench, source: Path) -> None:
    bench.secrets._write(msgspec.structs.replace(bench.secrets._content, passwords={"boss": "00$99"}))
    before = bench.secrets._content.passwords
    bench.restore(source, parts=["configuration", "statistics"])
    bench.restoring.committed("boss", revision := bench.engine.commit("boss", pending="waits"))
    assert bench.secrets._content.passwords != before
    bench.restoring.changed("taken_back", revision - 1)
    assert bench.secrets._content.passwords == before
    assert bench.secrets.tokens() == []
    assert not bench.waiting.exists()
    assert bench.usage == []


def test_a_discarded_candidate_leaves_nothing_and_others_commits_do_not_count(bench: Bench, source: Path) -> None:
    bench.restore(source)
    bench.restoring.forget("somebody")
    bench.restoring.committed("somebody", 9)
    assert bench.waiting.exists()
    assert not bench.secrets.has_password("boss")
    bench.restoring.forget("boss")
    assert not bench.waiting.exists()
    assert bench.secrets.lines_with_password == frozenset()


def test_going_back_to_a_revision_is_not_the_commit_that_it_waits_for(bench: Bench, source: Path) -> None:
    """It is the same author's; the backup's data would take the place of the present ones, without its settings."""
    bench.restore(source, parts=["configuration", "statistics"])
    bench.restoring.changed("committed", 2)
    bench.restoring.changed("confirmed", 2)
    bench.settle_rest()
    assert bench.waiting.exists()
    assert (bench.secrets.has_password("boss"), bench.usage) == (False, [])


@pytest.mark.parametrize("edit", [import_, set_, delete], ids=lambda verb: verb.name)
def test_a_candidate_that_is_edited_away_leaves_nothing(bench: Bench, source: Path, edit: Verb) -> None:
    """Else his next commit, of whatever it is, would bring the backup's passwords and data months later."""
    bench.restore(source, chosen=("lines",))
    arguments = {
        "config.import": {"text": codec.encode(bench.engine.config).decode()},
        "config.set": {"path": "wans", "value": {}},
        "config.delete": {"path": "wans.adsl"},
    }
    call = Call(peer_uid=0, reached_boot_s=0.0, identity=BOSS)
    edit.handler(bench, call, **arguments[edit.name])
    assert bench.engine.candidate("boss") == bench.engine.config
    assert not bench.waiting.exists()
    assert bench.secrets.lines_with_password == frozenset()


def test_one_that_waits_to_be_kept_is_not_replaced(bench: Bench, source: Path) -> None:
    """What goes back when it is not kept would be gone."""
    bench.secrets._write(msgspec.structs.replace(bench.secrets._content, passwords={"boss": "00$99"}))
    bench.restore(source)
    bench.restoring.committed("boss", revision := bench.engine.commit("boss", pending="waits"))
    with pytest.raises(InvalidError, match="waits for its confirmation"):
        bench.restore(source)
    bench.restoring.changed("taken_back", revision - 1)
    assert bench.secrets._content.passwords == {"boss": "00$99"}


def test_data_that_are_being_put_back_outlive_a_restart_and_a_look_at_another_backup(
    bench: Bench, source: Path
) -> None:
    bench.restore(source, parts=["configuration", "statistics"])
    bench.restoring.committed("boss", bench.engine.commit("boss", pending="waits"))
    bench.waiting.rename(bench.waiting.with_name("restoring"))  # as when it is kept; then the power goes
    bench.backups.open(source, PASSPHRASE)
    assert bench.usage == []
    bench.restart()
    assert (bench.usage, bench.authorities, bench.told) == (["usage.db"], [["ca.crt", "ca.key"]], [])
    bench.restart()
    assert bench.usage == ["usage.db"]


@pytest.mark.parametrize(("is_in_force", "has_password"), [(True, True), (False, False)])
def test_a_restart_between_the_two_steps_of_a_change_ends_the_restore_as_the_change(
    bench: Bench, source: Path, is_in_force: bool, has_password: bool
) -> None:
    """The revision is kept or taken back, and nobody was told any more."""
    bench.restore(source, parts=["configuration", "statistics"])
    bench.restoring.committed("boss", bench.engine.commit("boss", pending="waits"))
    bench.restart()  # it still waits to be kept
    assert (bench.waiting.exists(), bench.secrets.has_password("boss")) == (True, True)
    bench.engine.pending, bench.engine.running = None, bench.engine.running - (not is_in_force)
    bench.restart()
    assert (bench.waiting.exists(), bench.secrets.has_password("boss")) == (False, has_password)
    assert bench.usage == (["usage.db"] if is_in_force else [])


def test_a_restart_between_the_commit_and_the_passwords_is_told(bench: Bench, source: Path) -> None:
    bench.restore(source, parts=["configuration", "statistics"])
    bench.restart()
    assert bench.waiting.exists()  # its candidate is still there
    bench.engine.commit("boss")
    bench.restart()
    assert (bench.waiting.exists(), bench.usage, bench.told) == (False, [], [restoring.CUT_SHORT])


def test_only_policies_bring_no_passwords(bench: Bench, source: Path) -> None:
    bench.restore(source, chosen=("policies", "hosts"))
    assert bench.engine.candidate("boss").users == {"boss": User(role="owner")}
    assert bench.secrets.lines_with_password == frozenset()
    assert not bench.secrets.has_password("boss")


def test_other_ports_are_proposed_and_mapped(tmp_path: Path, source: Path) -> None:
    bench = Bench(tmp_path / "model2", Config(), ports=("enp1s0", "enp2s0", "enp3s0"))
    found = bench.backups.open(source, PASSPHRASE)
    assert (found["fits"], found["map"]) == (False, {"eth0": "enp1s0", "eth1": "enp2s0"})
    with pytest.raises(InvalidError):  # twice
        bench.restoring.restore("boss", found["id"], ["configuration"], (), {"eth0": "enp1s0", "eth1": "enp1s0"})
    with pytest.raises(ConfigError):  # the LAN has none
        bench.restoring.restore("boss", found["id"], ["configuration"], (), {"eth0": "enp1s0"})
    assert bench.engine.candidates == {}
    bench.restoring.restore("boss", found["id"], ["configuration"], (), {"eth0": "enp3s0", "eth1": "enp1s0"})
    config = bench.engine.candidate("boss")
    assert (config.wans["adsl"].interface, config.lans["main"].ports) == ("enp3s0", ("enp1s0",))


def test_data_alone_is_put_back_at_once(bench: Bench, source: Path) -> None:
    assert bench.restore(source, parts=["statistics"])["waits"] is False
    assert (bench.usage, bench.engine.candidates) == (["usage.db"], {})


def test_what_cannot_be_is_refused_and_changes_nothing(bench: Bench, source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="passphrase is wrong"):
        bench.backups.open(source, "three wrong words")
    with pytest.raises(InvalidError, match="no part prefixes"):
        bench.restore(source, parts=["prefixes"])
    with pytest.raises(InvalidError, match="at least"):
        bench.backups.make(["configuration"], "short")
    with pytest.raises(NotFoundError):
        bench.backups.upload("../../etc/passwd")
    with pytest.raises(NotFoundError):
        bench.backups.read("0" * 16, 0)
    with bench.backups.alone(), pytest.raises(BusyError):
        bench.backups.make(["configuration"], PASSPHRASE)
    assert bench.engine.candidates == {}
    assert not list((tmp_path / "here" / "backup").glob(".*"))


def test_every_part_is_known_everywhere() -> None:
    from webui.views.backup import PARTS, SECTION_NAMES

    assert backup_parts.NAMES == get_args(BackupPart) == tuple(PARTS)
    assert tuple(SECTION_NAMES) == SECTIONS
    assert {"configuration", *restoring._DATA} == set(backup_parts.NAMES)


def test_a_dump_of_secrets_can_be_read(bench: Bench) -> None:
    bench.secrets.set_line_password("one", "p")
    bench.secrets.set_backup_login("share", "q")
    dump = bench.secrets.dump()
    bench.secrets.set_line_password("one", "")
    assert lines_of(dump) == {"one": "p"}
    bench.secrets.load(dump)
    assert (bench.secrets.line_password("one"), bench.secrets.backup_login("share")) == ("p", "q")
