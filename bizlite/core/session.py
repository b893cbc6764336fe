"""Who acts, and what they may: given by the router's login, or by a test; there is no login here."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field

from bizlite.core.errors import Forbidden, Problem

EVERYTHING = "*"
CHINA = datetime.timezone(datetime.timedelta(hours=8))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A user with their permissions; the clock is an argument, the business day is the site's."""

    user: str
    rights: frozenset[str]
    now: Callable[[], datetime.datetime] = field(default=_now, repr=False)
    zone: datetime.tzinfo = field(default=CHINA, repr=False)

    def may(self, permission: str) -> bool:
        """Whether the permission is held, by name, by its module (``stock.*``) or as everything."""
        return bool(self.rights & {permission, f"{permission.partition('.')[0]}.*", EVERYTHING})

    def require(self, permission: str) -> None:
        """:raise Forbidden: when the permission is not held."""
        if not self.may(permission):
            raise Forbidden(
                Problem(
                    field="session",
                    message="%(user)s may not do this",
                    remedy="Ask for the permission “%(permission)s”.",
                    params={"user": self.user, "permission": permission},
                )
            )

    def now_ms(self) -> int:
        """The moment in milliseconds UTC, as rows store it."""
        return int(self.now().timestamp() * 1000)

    def today(self) -> datetime.date:
        """The business day."""
        return self.now().astimezone(self.zone).date()
