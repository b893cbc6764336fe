"""What can go wrong when asking rsd.

ClientError
├── Unavailable      rsd does not answer: not started, restarting, or too slow
└── Refused          rsd answered with an error; ``code`` is the contract's word for it
    ├── Invalid          the arguments or the configuration; ``problems`` says where
    ├── Forbidden        the role does not permit the verb
    ├── Unauthenticated  no session, or one that has ended
    ├── Conflict         somebody else changed the configuration; ``problems`` names the paths
    ├── NotFound         no such revision, host, path ...
    ├── Busy             try again after ``retry_s`` (lockout, or a commit is running)
    └── Internal         a fault in rsd, or of the box (full disk)
"""

from __future__ import annotations

from firmware.model.problem import Problem


class ClientError(Exception):
    """Base of all errors of this package."""


class Unavailable(ClientError):  # noqa: N818
    """rsd cannot be reached, or the connection broke before the reply."""


class Refused(ClientError):  # noqa: N818
    """rsd's refusal: ``message`` is an English message identifier with ``%(name)s`` places filled from ``params``."""

    code = "internal"

    def __init__(
        self,
        message: str,
        *,
        params: dict[str, str] | None = None,
        problems: tuple[Problem, ...] = (),
        retry_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.params = params or {}
        self.problems = problems
        self.retry_s = retry_s

    def __str__(self) -> str:
        return self.message % self.params if self.params else self.message


class Invalid(Refused):
    code = "invalid"


class Forbidden(Refused):
    code = "forbidden"


class Unauthenticated(Refused):
    code = "unauthenticated"


class Conflict(Refused):
    code = "conflict"


class NotFound(Refused):
    code = "not_found"


class Busy(Refused):
    code = "busy"


class Internal(Refused):
    code = "internal"


BY_CODE: dict[str, type[Refused]] = {
    kind.code: kind for kind in (Invalid, Forbidden, Unauthenticated, Conflict, NotFound, Busy, Internal)
}
