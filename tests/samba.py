"""A Samba server with one share, for tests: it listens on one address, and keeps all that is its own in a folder."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD, SHARE = "root", "geheim", "备份"
_START_S = 10.0
_CONFIG = """\
[global]
server role = standalone server
bind interfaces only = yes
interfaces = {address}
smb ports = {port}
disable netbios = yes
load printers = no
printcap name = /dev/null
private dir = {folder}/private
lock directory = {folder}/lock
state directory = {folder}/lock
cache directory = {folder}/lock
pid directory = {folder}/lock
ncalrpc dir = {folder}/lock/ncalrpc
log file = {folder}/log
passdb backend = tdbsam:{folder}/private/passdb.tdb
server signing = mandatory
{settings}
[{share}]
path = {files}
read only = no
"""


@contextmanager
def samba(
    folder: Path,
    files: Path,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    settings: str = "",
    inside: Callable[[list[str]], list[str]] = list,
) -> Iterator[int]:
    """Serves ``files`` as the share; its port. ``inside`` puts a command into the network namespace of the server."""
    port = port or free_port()
    for name in ("private", "lock", "lock/ncalrpc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    path = folder / "smb.conf"
    text = _CONFIG.format(
        address=address, port=port, folder=folder, files=files, share=SHARE, settings=settings
    )  # fmt: skip
    path.write_text(text)
    twice = f"{PASSWORD}\n{PASSWORD}\n"
    subprocess.run(["smbpasswd", "-c", path, "-a", "-s", USER], input=twice, text=True, check=True, capture_output=True)
    argv = inside(["smbd", "--foreground", "--no-process-group", f"--configfile={path}", "--debug-stdout"])
    # When it ends it ends its process group, which must not be ours.
    with (
        (folder / "out").open("w") as out,
        subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True) as server,
    ):
        try:
            _await(inside(["ss", "-ltn"]), f"{address}:{port} ", server, folder / "out")
            yield port
        finally:
            server.terminate()


def free_port() -> int:
    """One of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _await(argv: list[str], listens: str, server: subprocess.Popen[bytes], out: Path) -> None:
    until_s = time.monotonic() + _START_S
    while listens not in subprocess.run(argv, capture_output=True, text=True, check=True).stdout:
        if server.poll() is not None or time.monotonic() > until_s:
            raise AssertionError(f"smbd does not listen: {out.read_text()}")
        time.sleep(0.02)
