"""Backups on a share of Windows, by a real Samba: each dialect, what it refuses, and who sits in between."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from firmware.daemon import backup_send
from firmware.daemon.smb.client import SmbError
from firmware.features.backup import smb_place
from tests.samba import PASSWORD, SHARE, USER, samba

pytestmark = pytest.mark.kernel

SEALED = "server smb encrypt = required"


class Place:
    """Where a test's server has its files."""

    def __init__(self, folder: Path) -> None:
        self.own, self.files, self.source = folder / "samba", folder / "files", folder / "source"
        self.files.mkdir()
        self.source.write_bytes(b"content" * 50_000)

    def send(self, port: int, **changes: Any) -> dict[str, Any]:
        job = {
            "kind": "share", "hostname": "rs", "file": str(self.source), "name": "new.rsbackup",
            "url": f"smb://127.0.0.1:{port}/{SHARE}", "user": USER, "secret": PASSWORD, **changes,
        }  # fmt: skip
        job["share"] = smb_place(job["url"])
        return backup_send.run(json.dumps(job))

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.files)) for path in self.files.rglob("*") if path.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, int]]:
    """A server with two shares more. Whoever has no account is a guest, who cannot sign: that is no account either."""
    place = Place(tmp_path_factory.mktemp("served"))
    settings = "map to guest = bad user\nguest account = nobody"
    for name, said in (("hidden", "read only = no\nsmb encrypt = required"), ("locked", "read only = yes")):
        settings += f"\n[{name}]\npath = {place.files}\n{said}"
    with samba(place.own, place.files, settings=settings) as port:
        yield place, port


@pytest.mark.parametrize(
    "settings",
    [
        "server max protocol = SMB2_02",
        "server max protocol = SMB2_10",
        "server min protocol = SMB3_00\nserver max protocol = SMB3_00",
        "server min protocol = SMB3_02\nserver max protocol = SMB3_02",
        "server min protocol = SMB3_11",
        SEALED,
        f"server max protocol = SMB3_00\n{SEALED}",
    ],
)
def test_each_dialect_signed_and_sealed(place: Place, settings: str) -> None:
    with samba(place.own, place.files, settings=settings) as port:
        assert place.send(port) == {"left": []}
    assert (place.files / "new.rsbackup").read_bytes() == place.source.read_bytes()


def test_a_share_that_alone_asks_for_sealing(served: tuple[Place, int]) -> None:
    place, port = served
    assert place.send(port, url=f"smb://127.0.0.1:{port}/hidden", name="hidden.rsbackup") == {"left": []}
    assert "hidden.rsbackup" in place.names()


def test_old_ones_go_and_the_same_name_is_replaced(served: tuple[Place, int]) -> None:
    place, port = served
    folder = place.files / "路由器 1"
    folder.mkdir()
    for name in ("old.rsbackup", "other.txt"):
        (folder / name).touch()
    for url in (f"smb://127.0.0.1:{port}/{SHARE}/路由器 1/", f"smb://127.0.0.1:{port}/{quote(SHARE + '/路由器 1')}"):
        assert place.send(port, url=url, old=["old.rsbackup", "gone.rsbackup"]) == {"left": []}
    (folder / "stuck.rsbackup").mkdir()
    assert place.send(port, url=url, old=["stuck.rsbackup"]) == {"left": ["stuck.rsbackup"]}
    assert {path.name for path in folder.iterdir() if path.is_file()} == {"new.rsbackup", "other.txt"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"secret": "wrong"}, backup_send.NO_ACCESS),
        ({"secret": ""}, backup_send.NO_ACCESS),
        ({"user": "nobody-here"}, backup_send.NO_ACCESS),
        ({"url": "smb://127.0.0.1:{port}/other"}, backup_send.NO_SHARE),
        ({"url": "smb://127.0.0.1:{port}/locked"}, backup_send.NO_WRITING),
        ({"url": "smb://127.0.0.1:{port}/" + SHARE + "/missing"}, backup_send.NO_FOLDER),
        ({"url": "smb://127.0.0.1:9/" + SHARE}, "Connection refused"),
    ],
)
def test_a_refusal_is_said(served: tuple[Place, int], changes: dict[str, str], reason: str) -> None:
    place, port = served
    given = {name: text.replace("{port}", str(port)) for name, text in changes.items()}
    assert place.send(port, **given, name="refused.rsbackup") == {"error": reason}
    assert [name for name in place.names() if "refused" in name] == []


def test_smb_1_is_not_spoken(place: Place) -> None:
    with samba(place.own, place.files, settings="server max protocol = NT1\nserver min protocol = NT1") as port:
        answer = place.send(port)
    assert answer["error"] in {backup_send.NO_SMB, "the server has ended the connection"}


def test_a_full_disk_leaves_nothing(place: Place) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place.files], check=True)
    try:
        with samba(place.own, place.files) as port:
            assert place.send(port) == {"error": backup_send.SERVER_FULL}
            assert place.names() == []
    finally:
        subprocess.run(["umount", "-l", place.files], check=True)


@pytest.mark.parametrize("settings", ["server max protocol = SMB2_10", "server max protocol = SMB3_02", "", SEALED])
def test_who_changes_an_answer_on_its_way_is_noticed(place: Place, settings: str) -> None:
    with samba(place.own, place.files, settings=settings) as port, between(port, range(4, 99), -1) as other:
        assert place.send(port, url=f"smb://127.0.0.1:{other}/{SHARE}") == {"error": backup_send.NOT_SIGNED}


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\x40" + b"\xfeSMB" + bytes(60)])
def test_what_is_no_server_of_shares(place: Place, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_say, args=(server, said))
        thread.start()
        answer = place.send(server.getsockname()[1])
        thread.join()
    assert answer["error"] in {backup_send.NO_SMB, "the server has ended the connection"}


def test_an_unknown_refusal_tells_its_number() -> None:
    assert str(SmbError(0xC0000001)) == "SMB status 0xC0000001"


def _say(server: socket.socket, said: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1 << 16)
        connection.sendall(said)


def test_who_changes_what_was_agreed_has_other_keys(place: Place) -> None:
    """The server's number in its first answer: nothing but 3.1.1 would notice."""
    with samba(place.own, place.files) as port, between(port, range(1, 2), 4 + 64 + 8) as other:
        assert place.send(port, url=f"smb://127.0.0.1:{other}/{SHARE}") == {"error": backup_send.NOT_SIGNED}
    assert place.names() == []


@contextmanager
def between(port: int, wrong: range, at: int) -> Iterator[int]:
    """Hands messages on, and turns one bit of the answers with these numbers: the fourth is the tree's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_hand_on, args=(server, port, wrong, at))
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def _hand_on(server: socket.socket, port: int, wrong: range, at: int) -> None:
    client, _ = server.accept()
    with client, socket.create_connection(("127.0.0.1", port)) as behind:
        number = 0
        while message := _message(client):
            behind.sendall(message)
            answer = bytearray(_message(behind))
            number += 1
            if number in wrong:
                answer[at] ^= 1
            client.sendall(answer)


def _message(connection: socket.socket) -> bytes:
    with connection.makefile("rb", buffering=0) as stream:
        head = stream.read(4)
        if not head:
            return b""
        (left,) = struct.unpack(">I", head)
        data = bytearray(head)
        while left and (piece := stream.read(left)):
            data += piece
            left -= len(piece)
        return bytes(data)
