"""Installs a bundle into the slot that is not running, in a process of its own: ``installer.py STATE RUN SOURCE``.

It reads the bundle once, checks it, and writes each piece where it shall lie, so that it needs neither room on the
data partition nor memory for it. While it works its state is in ``RUN/update.json``; the end is in ``STATE/update``.
SOURCE is ``upload:TOKEN``, ``file:PATH``, ``usb``, ``published`` (what ``published.py`` has found) or an address.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from io import RawIOBase
from pathlib import Path

import msgspec

from firmware.daemon import bundle, published
from firmware.daemon.bundle import Bundle, BundleError, Image, OldVersionError, Read
from firmware.daemon.published import Measured
from firmware.daemon.update_state import PROGRESS, Record, State
from firmware.kernel import files, slots, usb
from firmware.kernel.errors import CommandError
from firmware.kernel.slots import Slots
from firmware.version import VERSION

_SYNC_BYTES = 4 << 20  # so that what is not yet on the disk stays small
_PIECE_BYTES = 256 << 10
_TIMEOUT_S = 30.0
_WORN = "The disk does not keep what is written to slot %(slot)s: it is worn or broken and must be replaced."
_UNREADABLE = "The update could not be read or written: %(reason)s."


class Installer:
    """One installation, and what it tells."""

    def __init__(self, record: Record, run_dir: Path, place: Slots, box: bundle.Own) -> None:
        self._record, self._run, self._place, self._box = record, run_dir, place, box
        self._state = State(before=box.version, slot=place.other, pid=os.getpid())

    def tell(self, **changes: object) -> None:
        """How far it is, for whoever asks rsd."""
        state = msgspec.structs.replace(self._state, **changes)
        if state != self._state:
            self._state = state
            files.write(self._run / PROGRESS, msgspec.json.encode(state), 0o600)

    def install(
        self, read: Read, *, may_go_back: bool, automatic: bool = False, wanted: Measured | None = None
    ) -> State:
        """Write the slot and read it back. Raises BundleError, OSError, CommandError; the slot then stays closed.

        ``wanted`` is what was published; by itself no version is installed that was taken back before.
        """
        self.tell(phase="checking", percent=0)
        source = Bundle(wanted.read if wanted else read)
        image = source.checked(self._box, self._place.other, self._place.size_bytes, may_go_back=may_go_back)
        if wanted:
            wanted.check_version(image.version)
        if automatic and image.version == self._record.taken_back:
            raise OldVersionError("Version %(version)s was taken back before.", version=image.version)
        self.tell(phase="writing", version=image.version)
        self._place.close_other()  # half a slot must never be started
        self._write(source, image)
        if wanted:
            wanted.check()
        self.tell(phase="verifying", percent=0)
        self._read_back(image)
        return msgspec.structs.replace(
            self._state,
            phase="ready",
            percent=100,
            verity=image.verity,
            size_bytes=image.size_bytes,
            sha256=image.sha256,
            automatic=automatic,
        )

    def _write(self, source: Bundle, image: Image) -> None:
        done = unsynced = 0
        with self._place.device.open("r+b", buffering=0) as disk:
            for piece in source.contents(image):
                with self._worn_when_refused():
                    _put(disk, piece)
                    done += len(piece)
                    unsynced += len(piece)
                    if unsynced >= _SYNC_BYTES:
                        _settle(disk.fileno())
                        unsynced = 0
                self.tell(percent=100 * done // image.size_bytes)
            with self._worn_when_refused():
                _settle(disk.fileno())

    @contextmanager
    def _worn_when_refused(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BundleError(_WORN, slot=self._place.other) from error

    def _read_back(self, image: Image) -> None:
        digest = digest_of(self._place.device, image.size_bytes, lambda percent: self.tell(percent=percent))
        if digest != image.sha256:
            raise BundleError(_WORN, slot=self._place.other)


def digest_of(device: Path, size_bytes: int, tell: Callable[[int], None] = lambda percent: None) -> str:
    """SHA-256 of the beginning of a slot, from the disk itself."""
    digest, left = hashlib.sha256(), size_bytes
    with device.open("rb", buffering=0) as disk:
        os.posix_fadvise(disk.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while left and (piece := disk.read(min(left, _PIECE_BYTES))):
            digest.update(piece)
            left -= len(piece)
            tell(100 * (size_bytes - left) // size_bytes)
        os.posix_fadvise(disk.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return digest.hexdigest()


def _put(disk: RawIOBase, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[disk.write(view) or 0 :]


def _settle(handle: int) -> None:
    """Onto the disk, and out of memory, which others need."""
    os.fsync(handle)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def from_address(url: str) -> Iterator[Read]:
    """What lies at an address."""
    from firmware.daemon.fetch import opened

    with opened(url, _TIMEOUT_S) as answer:
        yield answer.read


@contextmanager
def from_file(path: Path) -> Iterator[Read]:
    with path.open("rb", buffering=0) as file:
        yield file.read


@contextmanager
def from_usb() -> Iterator[Read]:
    """The newest ``rs-*.swu`` on the first partition of a USB disk that has one. Raises BundleError."""
    with tempfile.TemporaryDirectory() as place:
        for device in usb.plugged_in():
            with contextlib.ExitStack() as stack:
                try:
                    stack.enter_context(usb.mounted(device, Path(place)))
                except CommandError:
                    continue
                found = sorted(Path(place).glob("rs-*.swu"), key=_by_version)
                if found:
                    yield stack.enter_context(from_file(found[-1]))
                    return
    raise BundleError("There is no file rs-….swu on a USB stick (FAT or ext4, in its topmost folder).")


def _by_version(path: Path) -> tuple[tuple[int, ...], str]:
    version = path.name.split("-")[1]
    with contextlib.suppress(ValueError):
        return bundle.version_key(version), path.name
    return (), path.name


def main(arguments: Sequence[str]) -> int:
    """Ends with 0 when the slot is ready, with 1 when it is not: the state says why. SIGTERM ends it in order."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # rsd waits for it, and its children inherit that
    parser = argparse.ArgumentParser()
    parser.add_argument("state", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("source")
    parser.add_argument("--downgrade", action="store_true")
    parser.add_argument("--automatic", action="store_true")
    asked = parser.parse_args(arguments)
    place = slots.find()
    record = Record(asked.state)
    if place is None:
        return 1
    installer = Installer(record, asked.run, place, bundle.own(VERSION))
    kept = record.load()  # by whoever began it, with the reason when a version did not stay
    state = _install(installer, asked, place)
    if asked.automatic and kept.reason and state.phase != "ready":
        state = msgspec.structs.replace(kept, phase="fell_back")
    try:
        record.save(state)
    except OSError:  # the disk takes nothing any more: until the restart it is told from memory
        files.write(asked.run / PROGRESS, msgspec.json.encode(state), 0o600)
    else:
        (asked.run / PROGRESS).unlink(missing_ok=True)
    return 0 if state.phase == "ready" else 1


def _install(installer: Installer, asked: argparse.Namespace, place: Slots) -> State:
    """The end of it, which is never an exception."""
    kind, _, rest = asked.source.partition(":")
    failed = State(phase="failed", before=VERSION, slot=place.other, automatic=asked.automatic)

    known = published.load(Record(asked.state).folder)
    release = known.release if kind == "published" else None

    def run(read: Read) -> State:
        wanted = Measured(read, release) if release else None
        try:
            return installer.install(read, may_go_back=asked.downgrade, automatic=asked.automatic, wanted=wanted)
        except BundleError as error:
            if asked.automatic and isinstance(error, OldVersionError):
                return State(before=VERSION, automatic=True)
            return msgspec.structs.replace(failed, reason=error.message, params=error.params)
        except (OSError, CommandError, HTTPException) as error:
            return msgspec.structs.replace(failed, reason=_UNREADABLE, params={"reason": _why(error)})

    sources: dict[str, Callable[[], AbstractContextManager[Read]]] = {
        "file": lambda: from_file(Path(rest)),
        "usb": from_usb,
    }
    try:
        if kind == "upload":
            from firmware.daemon.upload import receive

            installer.tell(phase="waiting")
            return receive(asked.run, rest, run)
        url = published.address(known, release) if release else asked.source
        with sources.get(kind, lambda: from_address(url))() as read:
            return run(read)
    except BundleError as error:
        return msgspec.structs.replace(failed, reason=error.message, params=error.params)
    except (OSError, ValueError, HTTPException) as error:
        return msgspec.structs.replace(failed, reason=_UNREADABLE, params={"reason": _why(error)})


def _why(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error or type(error).__name__)


def digest_main(arguments: Sequence[str]) -> int:
    """``DEVICE BYTES``: prints the hash of what a slot holds."""
    print(digest_of(Path(arguments[0]), int(arguments[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
