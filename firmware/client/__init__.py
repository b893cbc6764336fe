"""Typed client of rsd's control socket."""

from firmware.client.client import Client, Event
from firmware.client.errors import (
    Busy,
    ClientError,
    Conflict,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
)

__all__ = [
    "Busy",
    "Client",
    "ClientError",
    "Conflict",
    "Event",
    "Forbidden",
    "Internal",
    "Invalid",
    "NotFound",
    "Refused",
    "Unauthenticated",
    "Unavailable",
]
