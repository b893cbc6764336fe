"""Network namespaces: made, filled and entered by iproute2, removed with every process in them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

_NETNS = Path("/run/netns")
_ETC = Path("/etc/netns")
_CLONE_NEWNET = 0x40000000
PATIENCE = float(os.environ.get("RS_PATIENCE", "1"))  # how much longer all takes here than on a machine


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 10.0) -> None:
    """Returns when ``condition()`` holds; :raise TimeoutError: naming ``what``, when it does not in time."""
    deadline = time.monotonic() + timeout_s * PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not after {timeout_s:g} s")
        time.sleep(0.03)


def command(argv: Sequence[str], stdin: str | None = None) -> str:
    """Runs a tool and returns its output; :raise RuntimeError: with its message when it fails."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}\n{stdin or ''}")
    return done.stdout


def batch(lines: Iterable[str], namespace: str | None = None) -> None:
    """Carries out ``ip`` commands in one process, inside a namespace where one is named."""
    where = ["-n", namespace] if namespace else []
    command(["ip", *where, "-batch", "-"], "".join(f"{line}\n" for line in lines))


def inside(namespace: str, argv: Sequence[str]) -> list[str]:
    """The argument list that runs ``argv`` in a namespace, with its own resolv.conf and sysfs."""
    return ["ip", "netns", "exec", namespace, *argv]


def sysctl(namespace: str, **values: str) -> None:
    """Sets kernel parameters of a namespace; ``__`` in a name stands for the dot."""
    assignments = [f"{key.replace('__', '.')}={value}" for key, value in values.items()]
    command(inside(namespace, ["sysctl", "-qw", *assignments]))


def existing(prefix: str) -> list[str]:
    """Names of the namespaces that begin with ``prefix``."""
    return sorted(path.name for path in _NETNS.glob(f"{prefix}*")) if _NETNS.is_dir() else []


def add(namespaces: Sequence[str]) -> None:
    """Makes namespaces with loopback up and a resolv.conf of their own, empty at first."""
    batch(f"netns add {name}" for name in namespaces)
    for name in namespaces:
        directory = _ETC / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "resolv.conf").write_text("")
    for name in namespaces:
        batch(["link set lo up"], name)


def resolv_conf(namespace: str) -> Path:
    """The file that programs in the namespace see as /etc/resolv.conf."""
    return _ETC / namespace / "resolv.conf"


def delete(namespaces: Sequence[str]) -> None:
    """Ends every process in the namespaces, then removes them."""
    for name in namespaces:
        end([int(pid) for pid in command(["ip", "netns", "pids", name]).split()])
    if namespaces:
        batch(f"netns delete {name}" for name in namespaces)
    for name in namespaces:
        (_ETC / name / "resolv.conf").unlink(missing_ok=True)
        if (_ETC / name).is_dir():
            (_ETC / name).rmdir()


def end(pids: Sequence[int], grace_s: float = 2.0) -> None:
    """Ends processes: TERM, and KILL for those that are still there after the grace."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            _signal(pid, number)
        deadline = time.monotonic() + grace_s
        while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not any(_runs(pid) for pid in pids):
            return


def start_time(pid: int) -> int | None:
    """Kernel ticks at which the process began (tells a reused pid), or None when there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def enter(namespace: str) -> None:
    """Moves the calling thread into a namespace: sockets it makes from now on belong there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (_NETNS / namespace).open("rb") as handle:
        if libc.setns(handle.fileno(), _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, f"setns {namespace}: {os.strerror(number)}")


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
