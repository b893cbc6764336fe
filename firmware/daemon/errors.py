"""What a verb may answer instead of a result; the codes are the contract's.

VerbError
├── InvalidError          code invalid
├── ForbiddenError        code forbidden
├── UnauthenticatedError  code unauthenticated
├── NotFoundError         code not_found
└── BusyError             code busy, with ``retry_s``
    └── LockedOutError
"""

from __future__ import annotations

from firmware.model.problem import Problem


class VerbError(Exception):
    """Base: ``message`` is an English message identifier whose ``%(name)s`` places are filled from ``params``."""

    code = "internal"

    def __init__(self, message: str, *, problems: list[Problem] | None = None, **params: str) -> None:
        super().__init__(message % params if params else message)
        self.message = message
        self.params = params
        self.problems = problems or []
        self.retry_s: float | None = None


class InvalidError(VerbError):
    code = "invalid"


class ForbiddenError(VerbError):
    code = "forbidden"


class UnauthenticatedError(VerbError):
    code = "unauthenticated"


class NotFoundError(VerbError):
    code = "not_found"


class BusyError(VerbError):
    code = "busy"

    def __init__(self, message: str, retry_s: float, **params: str) -> None:
        super().__init__(message, problems=None, **params)
        self.retry_s = retry_s


class LockedOutError(BusyError):
    def __init__(self, retry_s: float) -> None:
        minutes = str(int(retry_s / 60) + 1)
        super().__init__("Too many wrong passwords; try again in %(minutes)s minutes.", retry_s, minutes=minutes)
