"""What a helper process is told, and how it says that a tool came to nothing."""

from __future__ import annotations

from msgspec import Struct

from firmware.model.tools import AnyRequest, AnyResult, Said

OUTPUT_BYTES = 256 * 1024  # of a helper: results are rows of a page, files go to the run directory


class Place(Struct, frozen=True, kw_only=True):
    """A line as its sockets are bound to it."""

    name: str
    device: str
    mark: int
    servers: tuple[str, ...]  # its name servers


class Task(Struct, frozen=True, kw_only=True):
    """One helper's work. ``device`` is where a capture listens; ``ports`` are the box's own."""

    request: AnyRequest
    place: Place | None = None
    device: str = ""
    ports: tuple[str, ...] = ()
    file: str = ""
    state_dir: str = ""
    run_dir: str = ""


class Outcome(Struct, frozen=True, kw_only=True):
    """What a helper writes: one of the two."""

    result: AnyResult | None = None
    trouble: Said | None = None


class ToolError(Exception):
    """Nothing came of it; the message is an identifier whose ``%(name)s`` places are filled from ``params``."""

    def __init__(self, message: str, **params: str) -> None:
        super().__init__(message % params if params else message)
        self.said = Said("bad", message, params)
