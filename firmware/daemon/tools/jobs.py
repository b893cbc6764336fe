"""The field tools as rsd runs them: each in a helper process, few at a time, the last results remembered.

What a tool leaves behind as a file is in ``RUN/tools`` (memory) and is gone after its download, or after an hour.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from firmware.daemon.database import program
from firmware.daemon.errors import BusyError, InvalidError, NotFoundError
from firmware.daemon.tools.helper import LIMITS_S, name_of
from firmware.daemon.tools.task import OUTPUT_BYTES, Outcome, Place, Task
from firmware.features.topology import bridge, lines
from firmware.model.config import Config
from firmware.model.devices import line_device
from firmware.model.facts import Facts
from firmware.model.tools import AnyRequest, Capture, Job, Said

log = logging.getLogger(__name__)

RUNNING_MAX, KEPT = 3, 10
FILES_BYTES = 16 << 20  # of all files together: they are in memory
FILE_S = 3600.0
PIECE_BYTES = 192 * 1024
RETRY_S = 5.0
GRACE_S = 5.0  # beyond the time in which a helper ends itself
_SUFFIXES = {"capture": "pcap", "diagnosis": "tar.gz"}
_FILE_BYTES = 8 << 20  # that one may need
_HELP = "from firmware.daemon.tools.helper import main; sys.exit(main(sys.argv[1:]))"
_STOPPED = Said("info", "It was stopped.")


class _Run:
    """A job, and its process while there is one."""

    def __init__(self, job: Job, path: Path | None) -> None:
        self.job, self.path = job, path
        self.begun_s = time.monotonic()
        self.process: subprocess.Popen[bytes] | None = None
        self.is_stopped = False


class Tools:
    """Safe to use from several threads. ``argv`` is how a helper is started; the task's JSON is put after it."""

    def __init__(
        self,
        run_dir: Path,
        state_dir: Path,
        config: Callable[[], Config],
        facts: Callable[[Config], Facts],
        argv: tuple[str, ...] = program(_HELP),
    ) -> None:
        self._run_dir, self._state_dir, self._directory = run_dir, state_dir, run_dir / "tools"
        self._config, self._facts, self._argv = config, facts, argv
        self._lock = threading.Lock()
        self._runs: dict[int, _Run] = {}
        self._last_id = 0
        shutil.rmtree(self._directory, ignore_errors=True)  # what an earlier rsd has left
        self._directory.mkdir(mode=0o700, parents=True)

    def start(self, request: AnyRequest, who: str) -> int:
        """Begin; returns the job's number. Raises NotFoundError, InvalidError, BusyError."""
        task = self._task(request)
        tool = name_of(request)
        with self._lock:
            running = [run for run in self._runs.values() if run.job.running]
            # Captures and diagnoses are heavy: one of a kind.
            if len(running) >= RUNNING_MAX or any(
                tool in _SUFFIXES and name_of(r.job.request) == tool for r in running
            ):
                raise BusyError("Other tools are at work; wait for them, or stop one.", RETRY_S)
            self._last_id += 1
            number = self._last_id
            path = self._directory / str(number) if tool in _SUFFIXES else None
            if path is not None:
                self._make_room()
            task = msgspec.structs.replace(task, file=str(path or ""))
            run = _Run(Job(id=number, request=request, who=who, begun=time.time(), running=True), path)
            self._runs[number] = run
            for old in [key for key, kept in self._runs.items() if not kept.job.running][
                : max(0, len(self._runs) - KEPT)
            ]:
                self._forget(old)
        threading.Thread(target=self._work, args=(run, task), name="tool", daemon=True).start()
        return number

    def jobs(self) -> list[dict[str, Any]]:
        """All that are remembered, the newest first; results come with ``job``."""
        with self._lock:
            return [_plain(msgspec.structs.replace(run.job, result=None)) for run in reversed(self._runs.values())]

    def job(self, number: int) -> dict[str, Any]:
        """Raises NotFoundError."""
        with self._lock:
            return _plain(self._known(number).job)

    def stop(self, number: int) -> None:
        """End a tool; what a capture has is kept. One that is over is forgotten, file and all. Raises NotFoundError."""
        with self._lock:
            run = self._known(number)
            if not run.job.running:
                self._forget(number)
                return
            run.is_stopped = True
            if run.process is not None:
                _signal(run.process, signal.SIGTERM)

    def piece(self, number: int, offset: int) -> dict[str, Any]:
        """A piece of a job's file in base64; after the last one the file is gone. Raises NotFoundError."""
        with self._lock:
            run = self._known(number)
            if run.job.file is None or run.path is None:
                raise NotFoundError("This file is no more: it is kept for an hour, and until it is downloaded.")
            try:
                with run.path.open("rb") as file:
                    file.seek(offset)
                    content = file.read(PIECE_BYTES)
            except OSError as error:
                raise NotFoundError("The file cannot be read: %(reason)s.", reason=str(error)) from error
            name, size = run.job.file, run.job.file_bytes
            if offset + len(content) >= size:
                self._drop_file(run)
        return {"name": name, "size_bytes": size, "content": base64.b64encode(content).decode()}

    def tidy(self) -> None:
        """Remove files that nobody has fetched in time."""
        with self._lock:
            for run in self._runs.values():
                if run.job.file is not None and time.monotonic() - run.begun_s > FILE_S:
                    self._drop_file(run)

    def close(self) -> None:
        """End what is at work."""
        with self._lock:
            for run in self._runs.values():
                if run.process is not None and run.job.running:
                    _signal(run.process, signal.SIGKILL)

    def _make_room(self) -> None:
        """The oldest files go, so that what comes has its place."""
        while sum(run.job.file_bytes for run in self._runs.values()) > FILES_BYTES - _FILE_BYTES:
            self._drop_file(next(run for run in self._runs.values() if run.job.file_bytes))

    def _task(self, request: AnyRequest) -> Task:
        config = self._config()
        place, device = None, ""
        if (name := getattr(request, "line", None)) is not None:
            line = next((line for line in lines(config, self._facts(config)) if line.name == name), None)
            if line is None:
                raise NotFoundError("There is no line %(line)s in force.", line=name)
            place = Place(name=name, device=line.device, mark=line.mark, servers=line.dns)
        if isinstance(request, Capture):
            device = self._device(config, request.where)
            if request.protocol in ("arp", "icmp") and request.port is not None:
                raise InvalidError("Only TCP and UDP have ports: leave the port or the protocol out.")
        ports = tuple(self._facts(config).ports)
        return Task(
            request=request, place=place, device=device, ports=ports, state_dir=str(self._state_dir),
            run_dir=str(self._run_dir),
        )  # fmt: skip

    def _device(self, config: Config, where: str) -> str:
        kind, _, name = where.partition(":")
        if kind == "line" and name in config.wans:
            return line_device(config.wans[name])
        if kind == "lan" and name in config.lans:
            return bridge(name)
        if kind == "port" and name in self._facts(config).ports:
            return name
        raise NotFoundError("There is no place %(where)s to look at.", where=where)

    def _work(self, run: _Run, task: Task) -> None:
        tool = name_of(task.request)
        outcome = Outcome(trouble=Said("bad", "The tool ended without a result."))
        try:
            output = self._run(run, task, LIMITS_S[tool] + GRACE_S)
            if output:
                outcome = msgspec.json.decode(output, type=Outcome)
            elif run.is_stopped:
                outcome = Outcome(trouble=_STOPPED)
        except (OSError, msgspec.DecodeError) as error:
            log.error("%s: %s", tool, error)
        except Exception:
            log.exception("%s", tool)
        with self._lock:
            file, size = None, 0
            with contextlib.suppress(OSError):
                if run.path is not None and outcome.result is not None:
                    size = run.path.stat().st_size
                    file = self._file_name(run.job)
            run.job = msgspec.structs.replace(
                run.job, running=False, trouble=outcome.trouble, result=outcome.result, file=file, file_bytes=size
            )
            if file is None:
                self._drop_file(run)

    def _run(self, run: _Run, task: Task, limit_s: float) -> bytes:
        argv = (*self._argv, msgspec.json.encode(task).decode())
        log.debug("%s: begun for %s", name_of(task.request), run.job.who)
        with self._lock:
            if run.is_stopped:
                return b""
            run.process = process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/", start_new_session=True
            )
        watchdog = threading.Timer(limit_s, _signal, (process, signal.SIGKILL))
        watchdog.daemon = True
        watchdog.start()
        assert process.stdout is not None
        with process.stdout:
            output = process.stdout.read(OUTPUT_BYTES)
        watchdog.cancel()
        try:
            process.wait(GRACE_S)  # it has closed its output
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()
        return output

    def _file_name(self, job: Job) -> str:
        tool = name_of(job.request)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(job.begun))
        return f"{self._config().system.hostname}-{tool}-{stamp}.{_SUFFIXES[tool]}"

    def _known(self, number: int) -> _Run:
        run = self._runs.get(number)
        if run is None:
            raise NotFoundError("There is no such result any more.")
        return run

    def _forget(self, number: int) -> None:
        self._drop_file(self._runs.pop(number))

    def _drop_file(self, run: _Run) -> None:
        if run.path is not None:
            run.path.unlink(missing_ok=True)
        run.job = msgspec.structs.replace(run.job, file=None, file_bytes=0)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the helper alone, which may want to end well; what kills takes all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        elif process.poll() is None:
            process.send_signal(number)


def _plain(job: Job) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(job)
    return plain
