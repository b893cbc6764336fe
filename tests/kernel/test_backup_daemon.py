"""Backups through the real daemon: everything comes back by a commit, goes back when that is not kept, moves to other
ports, and is brought to a share by itself."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.client import Invalid
from firmware.daemon import backup_worker
from firmware.model import codec
from firmware.model.config import Backup, Config, Group, Policy
from tests import samba
from tests.kernel.engine_box import SERVER, Box, config
from tests.lab import netns

pytestmark = pytest.mark.kernel

PASSPHRASE = "three long words"
PARTS = ["configuration", "statistics"]
SHARE_PORT = 8090
# A little WebDAV: what is put lies in the folder it was started in.
SHARE = f"""
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
class Share(BaseHTTPRequestHandler):
    def do_PUT(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        is_known = self.headers.get("Authorization") == "Basic cnM6Z2VoZWlt"
        if is_known:
            Path("." + self.path).write_bytes(data)
        self.send_response(201 if is_known else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()
HTTPServer(("{SERVER}", {SHARE_PORT}), Share).serve_forever()
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box("backup") as box:
        box.start()
        yield box


def made(box: Box) -> Path:
    """A backup of the box as a file, read in pieces."""
    found = box.call("backup.make", parts=PARTS, passphrase=PASSPHRASE)
    data, is_last = b"", False
    while not is_last:
        piece = box.call("backup.read", id=found["id"], offset=len(data))
        data, is_last = data + base64.b64decode(piece["data"]), piece["is_last"]
    assert len(data) == found["bytes"]
    path = box.directory / found["name"]
    path.write_bytes(data)
    return path


def opened(box: Box, path: Path, passphrase: str = PASSPHRASE) -> dict[str, Any]:
    return dict(box.call("backup.open", path=str(path), passphrase=passphrase))


def of_another_model(box: Box, saved: Config) -> Path:
    """A backup of a router whose ports are called eth0 and eth1."""
    text = codec.encode(saved).decode().replace('"wan0"', '"eth0"').replace('"lan1"', '"eth1"')
    header = {
        "product": "0.0.9", "board": "mips", "hostname": "old", "time": 1.0, "parts": ["configuration"],
        "config_format": 1, "ports": [{"name": "eth0"}, {"name": "eth1"}],
    }  # fmt: skip
    target = box.directory / "old.rsbackup"
    job = {"state": str(box.directory), "target": str(target), "header": header, "passphrase": PASSPHRASE}
    job["given"] = {"config.json": text, "secrets.json": "{}"}
    assert "error" not in backup_worker.run("make", json.dumps(job))
    return target


def test_everything_comes_back_and_goes_back(box: Box) -> None:
    box.commit(config(groups={"sales": Group(members=("192.168.8.20",))}))
    token = box.call("token.create", name="hq", role="auditor")
    file = made(box)
    box.call("token.revoke", id=token["id"])
    box.commit(config())
    found = opened(box, file)
    assert found["fits"]
    assert box.call("backup.restore", id=found["id"], parts=found["parts"])["waits"]
    assert [change["path"] for change in box.call("config.diff")] == ["groups.sales"]
    assert box.call("token.list") == []
    box.call("config.commit", confirm_s=60)
    assert [row["name"] for row in box.call("token.list")] == ["hq"]
    waiting = box.call("status")["pending"]["revision"]
    box.call("config.rollback", revision=box.call("config.revision", id=waiting)["parent"])
    assert box.call("token.list") == []
    assert box.running() == config()


def test_going_back_while_a_restore_waits_brings_nothing_of_it(box: Box) -> None:
    box.commit(config(groups={"sales": Group(members=("192.168.8.20",))}))
    revision = box.call("status")["last_change"]["revision"]
    token = box.call("token.create", name="waits", role="auditor")
    file = made(box)
    box.call("token.revoke", id=token["id"])
    box.commit(config(groups={"other": Group()}))
    assert box.call("backup.restore", id=opened(box, file)["id"], parts=["configuration"])["waits"]
    box.call("config.rollback", revision=revision)
    assert box.call("token.list") == []
    box.call("config.discard")
    box.commit(config())
    assert box.call("token.list") == []


def test_only_policies_bring_their_group(box: Box) -> None:
    saved = config(
        groups={"sales": Group(members=("192.168.8.20",)), "other": Group()},
        policies={"games": Policy(position=10, action="block", groups=("sales",), categories=("game",))},
    )
    box.commit(saved)
    file = made(box)
    box.commit(config())
    found = opened(box, file)
    result = box.call("backup.restore", id=found["id"], parts=["configuration"], sections=["policies"])
    assert result["along"] == [{"path": "groups.sales", "because": "policies.games.groups.0"}]
    box.call("config.commit")
    assert box.running().groups.keys() == {"sales"}
    box.commit(config())


def test_a_backup_of_another_model_moves_to_other_ports(box: Box) -> None:
    file = of_another_model(box, config())
    found = opened(box, file)
    assert not found["fits"]
    assert found["map"] == {"eth0": "wan0", "eth1": "lan1"}
    with pytest.raises(Invalid):
        box.call("backup.restore", id=found["id"], parts=["configuration"], map={"eth0": "lan1", "eth1": "lan1"})
    result = box.call("backup.restore", id=found["id"], parts=["configuration"], map={"eth0": "wan0", "eth1": "lan2"})
    assert [problem for problem in result["problems"] if problem["severity"] == "error"] == []
    box.call("config.commit", confirm_s=60)
    assert box.running().lans["office"].ports == ("lan2",)
    box.call("config.rollback", revision=box.call("status")["last_change"]["revision"] - 1)


def test_what_is_wrong_with_a_file_is_said_and_changes_nothing(box: Box) -> None:
    file = made(box)
    before = box.running()
    data = file.read_bytes()
    file.write_bytes(data[:-1])
    with pytest.raises(Invalid, match="a part of it is missing"):
        opened(box, file)
    file.write_bytes(data)
    with pytest.raises(Invalid, match="passphrase is wrong"):
        opened(box, file, "three wrong words")
    assert box.running() == before
    assert list((box.state / "backup").glob("opened-*")) == []


def test_a_backup_goes_to_a_share_by_itself(box: Box) -> None:
    folder = box.directory / "share"
    folder.mkdir()
    wanted = Backup(every="daily", share_url=f"http://{SERVER}:{SHARE_PORT}/", share_user="rs")
    box.commit(config(backup=wanted))
    box.call("backup.passphrase", passphrase=PASSPHRASE)
    argv = netns.inside(box.server, [sys.executable, "-c", SHARE])
    with subprocess.Popen(argv, cwd=folder, stderr=subprocess.DEVNULL) as share:
        try:
            netns.wait_until(lambda: _listens(box), "the share listens")
            assert "refuses the account" in run(box)["reason"]
            assert "refuses the account" in box.call("alarms")[0]["params"]["reason"]
            box.call("backup.login", destination="share", secret="geheim")
            assert run(box)["reason"] == ""
        finally:
            share.kill()
    (file,) = folder.iterdir()
    assert opened(box, file)["hostname"] == "eng-box"
    assert [row for row in box.call("alarms") if row["cleared"] is None and "backup" in row["message"]] == []


def test_a_backup_goes_to_a_share_of_windows(box: Box) -> None:
    """The password is in the secrets alone: neither in the configuration nor among the processes."""
    files = box.directory / "files"
    files.mkdir()
    url = f"smb://{SERVER}/{samba.SHARE}"
    box.commit(config(backup=Backup(every="daily", keep=1, share_url=url, share_user=samba.USER)))
    box.call("backup.passphrase", passphrase=PASSPHRASE)
    box.call("backup.login", destination="share", secret="wrong")

    def inside(argv: list[str]) -> list[str]:
        return netns.inside(box.server, argv)

    with samba.samba(box.directory / "samba", files, address=SERVER, port=445, inside=inside):
        assert "refuses the account" in run(box)["reason"]
        box.call("backup.login", destination="share", secret=samba.PASSWORD)
        assert run(box)["reason"] == ""
        first = run(box)["file"]
    assert [path.name for path in files.iterdir()] == [first]  # one is kept
    assert opened(box, files / first)["hostname"] == "eng-box"
    assert samba.PASSWORD not in str(box.call("config.export"))
    assert samba.PASSWORD not in box.log()
    assert (box.state / "secrets.json").stat().st_mode & 0o777 == 0o600


def run(box: Box) -> dict[str, Any]:
    """Make one now; what is known of the share then."""
    box.call("backup.run")
    netns.wait_until(lambda: not box.call("backup.state")["running"], "it is over", 30)
    return dict(next(row for row in box.call("backup.state")["destinations"] if row["name"] == "share"))


def _listens(box: Box) -> bool:
    return f":{SHARE_PORT}" in netns.command(netns.inside(box.server, ["ss", "-ltn"]))
