"""Brings one backup to where it is kept, in a process of its own: TLS costs 8 MB that rsd need not keep.

One job as JSON on standard input, for it holds a password; one object is written: what was done, or ``error``, an
English message identifier or the words of whoever refused. A share is one of Windows (``smb://``), or WebDAV, which is
HTTP's PUT and DELETE; HQ takes a PUT with a token.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import shutil
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from firmware.daemon.smb import client as smb
from firmware.kernel import usb
from firmware.kernel.errors import CommandError

TIMEOUT_S = 30.0
NO_STICK = "No USB stick is plugged in. Plug one in, or choose another place."
NO_MOUNT = "The USB stick cannot be read. Format it with FAT or ext4, or take another one."
STICK_FULL = "The USB stick is full. Delete something from it, or keep fewer backups."
STICK_READ_ONLY = "The USB stick cannot be written to: it is locked, or damaged."
NO_FOLDER = "The folder does not exist on the server. Make it there, or correct the address."
NO_ACCESS = "The server refuses the account. Enter user and password (or the token) again."
SERVER_FULL = "The server has no room left."
NO_SHARE = "The server has no share of this name. Correct the address."
NO_WRITING = "The account may not write there. Let it change files in the share, or take another folder."
NO_SMB = "The server does not speak SMB 2 or 3, or does not sign. Switch SMB 2 on there, or use WebDAV."
NOT_SIGNED = "The server's answer was not signed by who knows the password; somebody may be in between."
NO_CERTIFICATE = "The certificate of the server is not valid. Use a name that it is made for, from a known authority."


class Job(Struct, frozen=True, kw_only=True):
    """``old`` are names that are removed when ``name`` is there; on a stick all but ``keep`` of ``hostname`` are."""

    kind: str  # usb, share, hq
    file: str
    name: str
    url: str = ""
    share: tuple[str, int, str, str] | None = None  # of Windows: host, port, share, folder
    user: str = ""
    secret: str = ""
    old: tuple[str, ...] = ()
    keep: int = 1
    hostname: str = ""
    mount_point: str = ""


class SendError(Exception):
    """Why it is not there."""


# ---- a server ----


def put(job: Job) -> dict[str, Any]:
    """Send the file, then remove the old ones; those that could not be removed are told to be tried again."""
    with Path(job.file).open("rb") as file:
        headers = {"Content-Length": str(os.fstat(file.fileno()).st_size), "Content-Type": "application/octet-stream"}
        _expect(_ask(job, "PUT", job.name, headers, file))
    left = []
    for name in job.old:
        try:
            status = _ask(job, "DELETE", name, {}, None)
        except SendError:
            status = 0
        if not 200 <= status < 300 and status not in {404, 410}:
            left.append(name)
    return {"left": left}


def _ask(job: Job, method: str, name: str, headers: dict[str, str], body: Any) -> int:
    parts = urlsplit(job.url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    path = f"{parts.path.rstrip('/')}/{quote(name)}" + (f"?{parts.query}" if parts.query else "")
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, {**headers, **_login(job), "User-Agent": "rs-backup"})
        with connection.getresponse() as answer:
            answer.read(1 << 16)
            return answer.status
    except (OSError, HTTPException) as error:
        if "CERTIFICATE" in str(error):
            raise SendError(NO_CERTIFICATE) from None
        raise SendError(_words(error)) from None
    finally:
        connection.close()


def _login(job: Job) -> dict[str, str]:
    if job.kind == "hq":
        return {"Authorization": f"Bearer {job.secret}"} if job.secret else {}
    if not job.user:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{job.user}:{job.secret}".encode()).decode()}


def _expect(status: int) -> None:
    known = {401: NO_ACCESS, 403: NO_ACCESS, 404: NO_FOLDER, 409: NO_FOLDER, 413: SERVER_FULL, 507: SERVER_FULL}
    if not 200 <= status < 300:
        raise SendError(known.get(status, f"HTTP {status}"))


# ---- a share of Windows ----


def to_smb(job: Job) -> dict[str, Any]:
    """The same as ``put``."""
    assert job.share
    host, port, name, folder = job.share
    top = f"{folder}/" if folder else ""
    left = []
    try:
        with (
            smb.Share(host, name, job.user, job.secret, port=port, timeout_s=TIMEOUT_S) as share,
            Path(job.file).open("rb") as file,
        ):
            # Always the same name: what a broken connection leaves is written over by the next one.
            share.put(top + job.name, file, f"{top}{job.hostname}.rsbackup.part")
            for old in job.old:
                try:
                    share.remove(top + old)
                except (smb.SmbError, OSError):
                    left.append(old)
    except smb.SmbError as error:
        raise SendError(_SMB_REASONS.get(error.status, str(error))) from None
    return {"left": left}


_SMB_REASONS = {  # MS-ERREF 2.3.1
    0xC000006D: NO_ACCESS,  # logon failure
    0xC000006E: NO_ACCESS,  # the account is restricted
    0xC0000071: NO_ACCESS,  # the password has expired
    0xC0000072: NO_ACCESS,  # the account is disabled
    0xC000015B: NO_ACCESS,  # not by network
    0xC0000224: NO_ACCESS,  # the password must be changed
    0xC0000234: NO_ACCESS,  # locked out
    0xC0000022: NO_WRITING,  # access denied
    0xC00000A2: NO_WRITING,  # write protected
    0xC00000CC: NO_SHARE,  # bad network name
    0xC0000034: NO_FOLDER,
    0xC000003A: NO_FOLDER,
    0xC0000044: SERVER_FULL,  # quota
    0xC000007F: SERVER_FULL,
    0xC00000BB: NO_SMB,  # no dialect in common
    smb.NOT_SIGNED: NOT_SIGNED,
    smb.NO_SMB: NO_SMB,
}


# ---- a USB stick ----


def to_stick(job: Job) -> dict[str, Any]:
    """Onto the first partition that can be read: another one may be of a system that we do not know."""
    devices, folder = usb.plugged_in(), Path(job.mount_point)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for device in devices:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(usb.mounted(device, folder, is_writable=True))
            except CommandError:
                continue
            copy(Path(job.file), folder, job.name)
            prune(folder, job.hostname, job.keep, job.name)
        return {"left": []}
    raise SendError(NO_MOUNT if devices else NO_STICK)


def copy(source: Path, folder: Path, name: str) -> None:
    """A whole file or none."""
    partial = folder / f"{name}.part"
    try:
        if shutil.disk_usage(folder).free < source.stat().st_size:
            raise SendError(STICK_FULL)
        with source.open("rb") as file, partial.open("wb") as target:
            shutil.copyfileobj(file, target, 1 << 18)
            target.flush()
            os.fsync(target.fileno())
        partial.rename(folder / name)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        reasons = {errno.ENOSPC: STICK_FULL, errno.EROFS: STICK_READ_ONLY, errno.EIO: STICK_READ_ONLY}
        raise SendError(reasons.get(error.errno or 0, _words(error))) from None


def prune(folder: Path, hostname: str, keep: int, new: str) -> None:
    """Remove all but the newest backups of this router. Their names sort by time; ``new`` is the newest whatever the
    clock says."""
    others = sorted(path for path in folder.glob(f"{hostname}-????????-??????.rsbackup") if path.name != new)
    for path in others[: max(0, len(others) + 1 - keep)]:
        path.unlink(missing_ok=True)


def _words(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())


def run(text: str) -> dict[str, Any]:
    """Do one job."""
    job = msgspec.json.decode(text, type=Job)
    try:
        if job.kind == "usb":
            return to_stick(job)
        return to_smb(job) if job.share else put(job)
    except SendError as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": _words(error)}


def main(_arguments: Sequence[str]) -> int:
    """See the module's text."""
    sys.stdout.write(json.dumps(run(sys.stdin.read())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
