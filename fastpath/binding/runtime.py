"""The running fastpath as rsd sees it: orders tables, reads what rs-fastpath writes into the shared file.

``rs-fastpath --shm RUN/fastpath.shm --queues K`` is started by rsd's supervisor; nothing here starts or stops it.
Tables go as ``policy.bin`` and ``apps.bin`` beside the shared file. See ``docs/design/fastpath-runtime.md``.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any

from fastpath.binding import records
from fastpath.binding._native import ffi, lib
from fastpath.binding.records import Decision, Drain, Event, Host, LineShare

QUEUES_MAX: int = lib.RS_QUEUES_MAX
APPLICATIONS_MAX = 4096  # of a mark
_EVENTS = 1024
_USAGE = 16384
_HOSTS = 16384
# Room for the most there can be; what is not filled is not touched and takes no memory.
_buffer = ffi.new_allocator(should_clear_after_alloc=False)


class TableRefusedError(ValueError):
    """The fastpath did not take a table; the one before stays in force. The text is its reason."""


class Runtime:
    """One shared file. With ``queues`` the file is made where it does not fit; without, it must be there.

    Threads may share it: C runs without the GIL, so what one of them works with is let go by who used it last.
    """

    def __init__(self, shm_path: Path | str, queues: int = 0, flows: int = 16384) -> None:
        """:raise OSError: FileNotFoundError without ``queues``; EBUSY when a fastpath runs with another geometry."""
        self.path = Path(shm_path)
        self._policy: tuple[int, Any] | None = None
        self._deciding = threading.Lock()  # a policy that was opened for one thread caches for one
        self._shm = self._open(queues, flows)

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file; the fastpath goes on. May be called twice."""
        self._shm = self._policy = None

    # -- tables -------------------------------------------------------------------------------------------------------

    def set_policy(self, policy: bytes, timeout_s: float = 5.0) -> None:
        """Puts a policy table in force. Returns when it is; without a living fastpath, when it lies ready for the next.

        :raise TableRefusedError: with the reason; the old table stays. :raise TimeoutError: the fastpath hangs.
        """
        self.set_tables(policy, None, timeout_s)

    def set_apps(self, apps: Path, timeout_s: float = 5.0) -> None:
        """Puts an application database in force; its numbering must be that of the policy table in force."""
        self.set_tables(None, apps, timeout_s)

    def set_tables(self, policy: bytes | None, apps: Path | None, timeout_s: float = 5.0) -> None:
        """Both at once, as a changed numbering of applications needs it."""
        shm = self._attached()
        if policy is not None:
            _open_policy(policy)
        changed = _replace_all({self.path.with_name("policy.bin"): policy, self.path.with_name("apps.bin"): apps})
        try:
            if lib.rs_shm_announce(shm, apps is not None) < 0:
                return
            error = ffi.new("char[]", lib.RS_ERROR_SIZE)
            result = lib.rs_shm_wait_loaded(shm, round(timeout_s * 1000), error)
            if result == -errno.ETIMEDOUT:
                raise TimeoutError(records.text(error))
            if result < 0:
                _put_back(changed)
                raise TableRefusedError(records.text(error))
        finally:
            for _, before in changed:
                before.unlink(missing_ok=True)
            self._policy = None

    def decide(self, ip: str, mac: str | None = None, application: int = 0) -> Decision:
        """What the policy table beside the file says; a MAC that is not given is looked up among the hosts seen."""
        identity = ffi.new("rs_identity *")
        lib.rs_shm_identity(self._attached(), _packed(ip), identity)
        if mac is not None:
            identity.mac = bytes.fromhex(mac.replace(":", ""))
        policy = self._loaded_policy()
        if policy is None:
            return Decision("allow", None, ())
        decision = ffi.new("rs_decision *")
        with self._deciding:
            lib.rs_policy_decide(policy, 0, identity, application, decision)
        count = lib.rs_policy_groups(policy, identity, ffi.NULL, 0)
        groups = ffi.new("uint32_t[]", max(count, 1))
        lib.rs_policy_groups(policy, identity, groups, count)
        return Decision(
            records.ACTIONS[decision.action],
            None if decision.row < 0 else decision.row,
            tuple(groups[n] for n in range(count)),
        )

    # -- what was seen ------------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, int]:
        """Counters and state; ``alive`` is 1 while an rs-fastpath runs; ``heartbeat_ms`` is the slowest beat's age."""
        raw = ffi.new("rs_stats *")
        lib.rs_shm_stats(self._attached(), raw)
        names = [name for name, _ in ffi.typeof("rs_stats").fields]
        stats: dict[str, int] = {name: getattr(raw, name) for name in names}
        stats["alive"] = int(stats["pid"] != 0)
        stats["heartbeat_ms"] = max(0, round(time.monotonic() * 1000) - stats["heartbeat_ms"])
        return stats

    def line_share(self, line: int) -> LineShare:
        """Of a line by its number: what went over it in the last minute or so."""
        raw = ffi.new("rs_line_share *")
        lib.rs_shm_line(self._attached(), line, raw)
        return LineShare(raw.bytes, raw.fast_bytes, raw.flows, raw.fast_flows)

    def events(self) -> list[Event]:
        """Takes the events that wait; what overflowed is counted in ``stats()["events_lost"]``."""
        raw = _buffer("rs_event[]", _EVENTS)
        count = lib.rs_shm_events(self._attached(), raw, _EVENTS)
        return records.events(raw, count)

    def hosts(self) -> list[Host]:
        """LAN hosts seen, the one seen last first."""
        raw = _buffer("rs_host[]", _HOSTS)
        count = lib.rs_shm_hosts(self._attached(), raw, _HOSTS)
        return sorted(records.hosts(raw, count), key=lambda host: -host.last_s)

    def flows(
        self,
        host: str | None = None,
        applications: Collection[int] | None = None,
        limit: int = 200,
        *,
        line: int | None = None,
    ) -> list[dict[str, Any]]:
        """Live flows, the largest first; ``application``, ``protocol`` are numbers (0 unknown), ``wan`` 0 is none.
        ``None``: of every host, of all applications, on any line.

        ``opening`` is what both sides began with, the client first, in hexadecimal; "" where it was not kept.
        ``confidence`` is per cent, ``None`` where the stage is sure.

        :raise OSError: without CAP_NET_ADMIN.
        """
        raw = _buffer("rs_live_flow[]", max(limit, 1))
        kept: list[Any] = []  # what the filter points to
        wanted = ffi.new("rs_flow_filter *", {"line": -1 if line is None else line})
        if host is not None:
            kept.append(ffi.new("uint8_t[16]", _packed(host)))
            wanted.host = kept[-1]
        if applications is not None:
            kept.append(ffi.new("uint8_t[]", _bits(applications)))
            wanted.applications = kept[-1]
        policy = self._loaded_policy() or ffi.NULL
        count = _checked("rs_shm_flows", lib.rs_shm_flows(self._attached(), policy, wanted, raw, limit))
        return sorted(records.flows(raw, count), key=lambda flow: -(flow["up_bytes"] + flow["down_bytes"]))

    # -- accounting ---------------------------------------------------------------------------------------------------

    def set_dump_interval(self, interval_s: float) -> None:
        """How often live flows are accounted (10 s unless set): the resolution of live rates."""
        lib.rs_shm_set_interval(self._attached(), round(interval_s * 1000))

    def want_sites(self, on: bool) -> None:
        """Whether the kernel is told to which site the servers of answered names belong (map ``site4``)."""
        lib.rs_shm_want_sites(self._attached(), on)

    def set_delay(self, line: int, delay_ms: int) -> None:
        """Tell the shaper how long answers take on a line (1-7) now; 0: not known."""
        lib.rs_shm_set_delay(self._attached(), line, delay_ms)

    def accounting_drain(self, timeout_s: float = 2.0) -> Drain:
        """Everything accounted until now and not yet acknowledged.

        Store the rows and ``serial`` in one transaction (skip them when that serial is stored already), then call
        ``accounting_done``: so neither side's death at any point loses or doubles anything.

        :raise TimeoutError: the fastpath is dead or hangs; what it accounted comes with a later drain.
        """
        raw = _buffer("rs_usage[]", _USAGE)
        instance, epoch = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        count = lib.rs_shm_drain(self._attached(), raw, _USAGE, round(timeout_s * 1000), instance, epoch)
        if count == -errno.ETIMEDOUT:
            raise TimeoutError("the fastpath does not answer")
        _checked("rs_shm_drain", count)
        return Drain(f"{instance[0]:016x}-{epoch[0]}", records.usage(raw, count), epoch[0])

    def accounting_done(self, drain: Drain) -> None:
        """The drain is stored for good: the fastpath may forget it."""
        lib.rs_shm_drained(self._attached(), drain.epoch)

    def usage(self) -> Drain:
        """The next drain's rows as they stand now, without draining: for live rates."""
        raw = _buffer("rs_usage[]", _USAGE)
        instance, epoch = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        count = _checked("rs_shm_usage", lib.rs_shm_usage(self._attached(), raw, _USAGE, instance, epoch))
        return Drain(f"{instance[0]:016x}-{epoch[0]}", records.usage(raw, count), epoch[0])

    # -- inside -------------------------------------------------------------------------------------------------------

    def _open(self, queues: int = 0, flows: int = 0) -> Any:
        handle = ffi.new("rs_shm **")
        error = ffi.new("char[]", lib.RS_ERROR_SIZE)
        result = lib.rs_shm_open(os.fsencode(self.path), queues, flows, handle, error)
        if result < 0:
            raise OSError(-result, f"rs_shm_open: {records.text(error)}")
        return ffi.gc(handle[0], lib.rs_shm_close)

    def _attached(self) -> Any:
        """The mapping; anew where the fastpath was restarted with another geometry and replaced the file."""
        shm = self._shm
        if shm is None:
            raise ValueError("the runtime is closed")
        if lib.rs_shm_is_replaced(shm):
            shm = self._shm = self._open()
        return shm

    def _loaded_policy(self) -> Any:
        """``policy.bin`` opened here; again when the file was replaced."""
        path = self.path.with_name("policy.bin")
        try:
            inode = path.stat().st_ino
        except FileNotFoundError:
            return None
        loaded = self._policy
        if loaded is None or loaded[0] != inode:
            loaded = self._policy = (inode, _open_policy(path.read_bytes()))
        return loaded[1]


def _open_policy(data: bytes) -> Any:
    handle = ffi.new("rs_policy **")
    error = ffi.new("char[]", lib.RS_ERROR_SIZE)
    if lib.rs_policy_open(data, len(data), 1, handle, error) < 0:
        raise TableRefusedError(records.text(error))
    return ffi.gc(handle[0], lib.rs_policy_close)


def _replace_all(contents: Mapping[Path, bytes | Path | None]) -> list[tuple[Path, Path]]:
    """Each by ``_replace``, or none when one fails."""
    changed = []
    try:
        for path, content in contents.items():
            if content is not None:
                changed.append(_replace(path, content))
    except OSError:
        _put_back(changed)
        raise
    return changed


def _put_back(changed: Iterable[tuple[Path, Path]]) -> None:
    """A restarted fastpath shall find the pair that is in force, not one that was refused or is half there."""
    for path, before in changed:
        if before.exists():
            before.replace(path)
        else:
            path.unlink()


def _replace(path: Path, content: bytes | Path) -> tuple[Path, Path]:
    """Puts new content in the file's place by rename; what was there is kept as ``*.before``."""
    fresh, before = path.with_name(path.name + ".new"), path.with_name(path.name + ".before")
    try:
        if isinstance(content, Path):
            shutil.copyfile(content, fresh)
        else:
            fresh.write_bytes(content)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    before.unlink(missing_ok=True)
    if path.exists():
        before.hardlink_to(path)
    fresh.replace(path)
    return path, before


def _checked(function: str, result: int) -> int:
    if result < 0:
        raise OSError(-result, f"{function}: {os.strerror(-result)}")
    return result


def _bits(numbers: Collection[int]) -> bytes:
    """A bit for each application."""
    bits = bytearray(APPLICATIONS_MAX // 8)
    for number in numbers:
        bits[number // 8] |= 1 << number % 8
    return bytes(bits)


def _packed(text: str) -> bytes:
    address = ip_address(text)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
