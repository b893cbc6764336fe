"""A compiled application database, asked by name: which application a host name belongs to."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from fastpath.binding._native import ffi, lib


class Apps:
    """``apps.bin`` opened; close it, or use ``with``."""

    def __init__(self, data: bytes) -> None:
        """:raise ValueError: with the reason, when the data is no database."""
        self._data = ffi.from_buffer(data)  # kept: C reads it where it lies
        handle = ffi.new("rs_apps **")
        error = ffi.new("char[]", lib.RS_ERROR_SIZE)
        if lib.rs_apps_open(self._data, len(data), handle, error) < 0:
            raise ValueError(ffi.string(error).decode("utf-8", "replace"))
        self._apps: Any = handle[0]

    def __enter__(self) -> Apps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the data. May be called twice."""
        if self._apps is not None:
            lib.rs_apps_close(self._apps)
            self._apps = None

    def match_host(self, host: str) -> str | None:
        """The application whose domain is the longest suffix of the name; ``None`` when there is none."""
        name = host.lower().rstrip(".").encode()
        number = lib.rs_apps_match_host(self._apps, name, len(name))
        return ffi.string(lib.rs_apps_id(self._apps, number)).decode() if number else None
