"""One long-lived process: started so that it outlives us, found again by whoever comes after us.

Every process leads a session of its own. Before it becomes its program it writes its process id and start time (which
together name it for ever) into ``<name>.pid``; beside it ``<name>.json`` says what it was started for. So a killed rsd
leaves neither a process that nobody knows nor a pid file that names a stranger.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from firmware.kernel import files


class Purpose(msgspec.Struct, frozen=True):
    """What a process was started for: its arguments and the digests of the files it has read."""

    argv: tuple[str, ...]
    restart: str = ""
    reload: str = ""


class Process:
    """A process that is alive, or was when this object was made; ``fileno()`` becomes readable when it ends."""

    def __init__(self, pid: int, purpose: Purpose, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self.purpose = purpose
        self._child = child
        self._handle = os.pidfd_open(pid)

    def fileno(self) -> int:
        """The process's descriptor, for poll."""
        return self._handle

    def signal(self, number: int) -> None:
        """Send a signal to the process alone."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """End the process and all that it started in its session."""
        self.signal(signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> str:
        """Reap a process that has ended and say how it did."""
        status = None
        if self._child is not None:
            status = self._child.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # helpers that it left behind
        self.release()
        if status is None:
            return "it ended"
        return f"killed by signal {-status}" if status < 0 else f"it ended with {status}"

    def release(self) -> None:
        """Let the process run on without us."""
        os.close(self._handle)
        if self._child is not None and self._child.returncode is None:
            self._child.returncode = 0  # it is not ours to wait for any more


class Registry:
    """The directory that knows which processes were started."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, purpose: Purpose, argv: Sequence[str], environment: Mapping[str, str]) -> Process:
        """Start a process. OSError when its program is not there."""
        pid_path = self._directory / f"{name}.pid"
        pid_path.unlink(missing_ok=True)
        self.note(name, purpose)
        pid_file = os.open(pid_path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        log = os.open(self.log_path(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environment),
                cwd="/",
                start_new_session=True,
                preexec_fn=lambda: _become(pid_file),  # noqa: PLW1509 (it takes no lock)
            )
        finally:
            os.close(pid_file)
            os.close(log)
        return Process(child.pid, purpose, child)

    def note(self, name: str, purpose: Purpose) -> None:
        """Keep what the process stands for now."""
        files.write(self._directory / f"{name}.json", msgspec.json.encode(purpose))

    def forget(self, name: str) -> None:
        """The process has ended and is not wanted any more."""
        for suffix in ("pid", "json", "log"):
            (self._directory / f"{name}.{suffix}").unlink(missing_ok=True)

    def find(self) -> dict[str, Process]:
        """The processes that an earlier rsd started and that are still alive."""
        names = sorted(path.stem for path in self._directory.glob("*.json"))
        found = ((name, self._find(name)) for name in names)
        return {name: process for name, process in found if process is not None}

    def log_path(self, name: str) -> Path:
        """What the process says."""
        return self._directory / f"{name}.log"

    def last_words(self, name: str) -> str:
        """The last line that the process said, for an alarm."""
        with contextlib.suppress(OSError):
            lines = self.log_path(name).read_text(errors="replace").strip().splitlines()
            return lines[-1][:300] if lines else ""
        return ""

    def end_of_log(self, name: str, limit_bytes: int) -> str:
        """The end of what the process said."""
        with contextlib.suppress(OSError):
            return self.log_path(name).read_bytes()[-limit_bytes:].decode(errors="replace")
        return ""

    def trim_logs(self, limit_bytes: int) -> None:
        """Empty the logs that have outgrown their budget (they are appended to, so their writers go on)."""
        for path in self._directory.glob("*.log"):
            with contextlib.suppress(OSError):
                if path.stat().st_size > limit_bytes:
                    os.truncate(path, 0)

    def _find(self, name: str) -> Process | None:
        try:
            pid, started = (self._directory / f"{name}.pid").read_text().split()
            purpose = msgspec.json.decode((self._directory / f"{name}.json").read_bytes(), type=Purpose)
            process = Process(int(pid), purpose)
        except (OSError, ValueError, msgspec.DecodeError):
            return None
        if start_time(int(pid)) == int(started):
            return process
        process.release()
        return None


def start_time(pid: int | str) -> int | None:
    """When a process was started, in ticks since boot; ``None`` when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _become(pid_file: int) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # rsd blocks what it waits for
    os.pwrite(pid_file, f"{os.getpid()} {start_time('self')}\n".encode(), 0)
