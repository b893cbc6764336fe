"""Why a change was not made.

EngineError
├── RefusedError      the configuration has errors; ``problems`` lists all
├── ConflictError     somebody else changed the same places; ``problems`` names them
├── PendingError      another change waits for its confirmation
├── NoRevisionError   there is no such revision, or nothing waits for confirmation
├── NotAllowedError   who confirms must reach the box anew, with at least the role of who committed
├── BusyError         another commit is running
├── StorageError      the disk is full or broken; nothing was changed
└── ApplyError        the box refused a step; what was in force before is in force again
"""

from __future__ import annotations

from firmware.model.problem import Problem


class EngineError(Exception):
    """Base: ``message`` is an English message identifier whose ``%(name)s`` places are filled from ``params``."""

    def __init__(self, message: str, *, problems: list[Problem] | None = None, **params: str) -> None:
        super().__init__(message % params if params else message)
        self.message = message
        self.params = params
        self.problems = problems or []


class RefusedError(EngineError):
    """The configuration has errors."""


class ConflictError(EngineError):
    """The base has changed in places that the candidate changes too."""


class PendingError(EngineError):
    """Another change waits for its confirmation."""


class NoRevisionError(EngineError):
    """There is no such revision."""


class NotAllowedError(EngineError):
    """This confirmation proves nothing."""


class BusyError(EngineError):
    """Another commit is running."""


class StorageError(EngineError):
    """The configuration could not be kept on the disk."""


class ApplyError(EngineError):
    """The box refused a step of applying."""
