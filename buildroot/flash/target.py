"""A disk, or a file that stands for one: read and write at a place, and read what it has kept rather than what the
kernel remembers of it."""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
from pathlib import Path

from buildroot.flash.image import BLOCK

_BLKRRPART, _BLKFLSBUF = 0x125F, 0x1261


class Target:
    """An open disk; ``close`` it, or use ``with``. Errors are OSError."""

    def __init__(self, path: Path) -> None:
        mode = path.stat().st_mode
        self.is_device = stat.S_ISBLK(mode)
        # O_EXCL: the kernel refuses a device that is mounted or used otherwise.
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_EXCL if self.is_device else 0))
        self.size = os.lseek(self._fd, 0, os.SEEK_END)
        self._page = mmap.mmap(-1, BLOCK)  # aligned, as O_DIRECT wants it
        self._direct = self._open_direct(path)

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        for fd in (self._fd, self._direct):
            if fd is not None:
                os.close(fd)

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def write(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, offset)
            view, offset = view[written:], offset + written

    def read_back(self, offset: int, length: int) -> bytes:
        """Up to one block from the medium itself. ``offset`` is a whole number of blocks."""
        if self._direct is not None:
            try:
                got = os.preadv(self._direct, [self._page], offset)
                return self._page[: min(got, length)]
            except OSError:  # a sector larger than a page, or a bridge that cannot
                os.close(self._direct)
                self._direct = None
        os.posix_fadvise(self._fd, offset, length, os.POSIX_FADV_DONTNEED)
        return self.read(offset, length)

    def flush(self) -> None:
        """Has the medium keep what was written, and the kernel forget it."""
        os.fsync(self._fd)
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)
        if self.is_device:
            fcntl.ioctl(self._fd, _BLKFLSBUF)

    def read_table_again(self) -> None:
        """Has the kernel look at the new partitions, where it can."""
        if self.is_device:
            try:
                fcntl.ioctl(self._fd, _BLKRRPART)
            except OSError:
                return

    @staticmethod
    def _open_direct(path: Path) -> int | None:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
        except OSError:  # tmpfs has none
            return None
