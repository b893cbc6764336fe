"""``rs``: imports what rsd and rsweb share, forks both, and starts again whichever ends.

The parent does nothing else, so what it imported stays shared memory. Its children die with it; the units that rsd
runs do not, and the next rsd adopts them.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import logging
import os
import pwd
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from firmware.daemon.business_data import show_within
from firmware.daemon.services import Options
from firmware.kernel import storage

log = logging.getLogger("rs")

BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
WELL_AFTER_S = 20.0
STOP_S = 15.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_M_MMAP_THRESHOLD, _MMAP_BYTES = -3, 256 << 10
_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})


class Account(NamedTuple):
    """Whom rsweb runs as."""

    uid: int
    gid: int


class Child:
    """One of the two processes, and when it may be started again."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self.name = name
        self._run = run
        self.pid: int | None = None
        self._started_s = 0.0
        self._failures = 0
        self.due_s = 0.0

    def start(self) -> None:
        """Fork."""
        parent = os.getpid()
        self._started_s = time.monotonic()
        pid = os.fork()
        if pid:
            self.pid = pid
            return
        status = 1
        try:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._run()
            status = 0
        except BaseException:
            logging.getLogger(self.name).exception("it failed")
        finally:
            logging.shutdown()
            os._exit(status)

    def ended(self, status: int, *, is_wanted: bool) -> None:
        """Note that it has ended, and decide when to start it again."""
        if not is_wanted:
            self.pid = None
            return
        now = time.monotonic()
        if now - self._started_s > WELL_AFTER_S:
            self._failures = 0
        delay_s = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self.pid, self.due_s = None, now + delay_s
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
        log.error("%s ended with %s; it is started again in %g s", self.name, how, delay_s)


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT."""
    arguments = _arguments(argv)
    logging.basicConfig(level=arguments.log_level, format="%(asctime)s %(levelname).1s %(name)s: %(message)s")
    if os.geteuid() != 0:
        print("rs: rsd owns the kernel's network configuration: start me as root", file=sys.stderr)
        return 2
    os.umask(0o022)
    state, run = arguments.state.resolve(), arguments.run.resolve()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    run.mkdir(mode=0o755, parents=True, exist_ok=True)
    account = _account() if arguments.web else None
    ports = tuple(arguments.ports.split(",")) if arguments.ports else None
    options = Options(state, run, ports, with_web=arguments.web, web_gid=account.gid if account else None)
    children = [Child("rsd", lambda: _rsd(options))]
    if account is not None:
        (run / "web").mkdir(mode=0o755, exist_ok=True)
        folder = _uploads(state, account)
        business = _business(state, run, account)
        children.append(Child("rsweb", lambda: _rsweb(run, account, folder, business)))
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _give_memory_back()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    _import_shared()
    gc.collect()
    gc.freeze()
    _supervise(children, run)
    return 0


def _supervise(children: list[Child], run: Path) -> None:
    is_told = False
    while True:
        now = time.monotonic()
        for child in children:
            if child.pid is None and now >= child.due_s:
                child.start()
        is_told = is_told or _tell_first_password(run)
        waits = [child.due_s - now for child in children if child.pid is None]
        if not is_told:
            waits.append(0.2)
        timeout_s = max(0.0, min(waits, default=3600.0))
        got = signal.sigtimedwait(_SIGNALS, timeout_s)
        if got is not None and got.si_signo != signal.SIGCHLD:
            _end(children)
            return
        _reap(children)


def _reap(children: list[Child], *, is_wanted: bool = True) -> None:
    """Take note of children that have ended, and of units whose rsd is no more."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        for child in children:
            if child.pid == pid:
                child.ended(status, is_wanted=is_wanted)


def _end(children: list[Child]) -> None:
    """End rsweb first, then rsd, which ends its units."""
    for child in reversed(children):
        if child.pid is not None:
            os.kill(child.pid, signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_S
    while any(child.pid is not None for child in children):
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            for child in children:
                if child.pid is not None:
                    log.error("%s does not end: it is killed", child.name)
                    os.kill(child.pid, signal.SIGKILL)
            return
        signal.sigtimedwait({signal.SIGCHLD}, left_s)
        _reap(children, is_wanted=False)


def _tell_first_password(run: Path) -> bool:
    """Print the first password as soon as rsd has made one; returns whether there is nothing more to tell."""
    if not (run / "rsd.sock").exists():
        return False
    try:
        password = (run / "first-password").read_text().strip()
    except OSError:
        return True
    print(f"First password, for setting up the router: {password}", flush=True)
    return True


def _rsd(options: Options) -> None:
    from firmware.daemon import rsd

    rsd.main(options)


def _uploads(state: Path, account: Account) -> int:
    """A folder for what people send, on the disk and rsweb's own, and open: rsweb may not go through ``state``."""
    folder = state / "uploads"
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.iterdir():  # files, unless somebody has broken into rsweb
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink()
    os.chown(folder, account.uid, account.gid)
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _business(state: Path, run: Path, account: Account) -> tuple[Path, Path]:
    """The folder of the business's data, rsweb's own, and the place at which rsweb alone sees it."""
    folder, place = state / "business", run / "web" / "business"
    for path, mode in ((folder, 0o700), (place, 0o755)):
        path.mkdir(mode=mode, exist_ok=True)
    if not storage.is_read_only(folder):  # of a disk that is worn out it is shown, and no business is done
        os.chown(folder, account.uid, account.gid)
    return folder, place


def _rsweb(run: Path, account: Account, folder: int, business: tuple[Path, Path]) -> None:
    from webui import server

    show_within(*business)
    uploads = Path(f"/proc/self/fd/{folder}")
    server.main(run, before_serving=lambda: _drop_privileges(run, account), uploads=uploads, business=business[1])


def _drop_privileges(run: Path, account: Account) -> None:
    """Be nobody in particular before the first request is read; only the socket has been bound as root."""
    os.chown(run / "web" / "rsweb.sock", account.uid, account.gid)
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    os.umask(0o077)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # changing the user has cleared it
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _import_shared() -> None:
    """What both processes use is imported once, before the fork.

    So are the codecs that others look up late: where the interpreter lies in root's home, rsweb cannot read them then.
    """
    import codecs
    import json
    import sqlite3
    import ssl

    import msgspec

    import firmware.client
    import firmware.model.codec

    for codec in ("ascii", "idna", "latin-1", "punycode", "raw-unicode-escape", "unicode-escape", "utf-8-sig"):
        codecs.lookup(codec)
    for module in (json, sqlite3, ssl, msgspec, firmware.client, firmware.model.codec):
        log.debug("shared: %s", module.__name__)


def _account() -> Account:
    for name in ("rsweb", "www-data", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return Account(65534, 65534)


def _give_memory_back() -> None:
    """Large blocks go back to the system when they are freed.

    glibc raises its threshold to whatever was freed last: after one login, whose scrypt needs 16 MB, it would keep as
    much for ever. Other C libraries have no such call and no such habit.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rs", description="Start the router: rsd and, with --web, rsweb.")
    parser.add_argument("--state", type=Path, default=Path("/var/lib/rs"), help="what is kept (flash)")
    parser.add_argument("--run", type=Path, default=Path("/run/rs"), help="what lasts until the next start (memory)")
    parser.add_argument("--ports", default="", help="the box's ports, the line's first (default: all it has)")
    parser.add_argument("--web", action="store_true", help="start the page too")
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
