"""Verbs about recognition: what has no name, trying an application, and the application database."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from msgspec import Meta

from fastpath.binding.bundle import BUNDLE_BYTES
from firmware.daemon.database import fetch
from firmware.daemon.errors import InvalidError
from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb
from firmware.features.applications import CATEGORIES, one_application, verify_one
from firmware.model.config import Application

Limit = Annotated[int, Meta(ge=1, le=10_000)]
Seconds = Annotated[int, Meta(ge=1, le=400 * 86_400)]
Content = Annotated[str, Meta(max_length=BUNDLE_BYTES * 4 // 3 + 4)]


@verb("applications", "auditor")
def applications(box: Services, call: Call) -> dict[str, Any]:
    return {"applications": box.monitor.catalogue.all(), "categories": sorted(CATEGORIES)}


@verb("unknown", "auditor")
def unknown(box: Services, call: Call, *, limit: Limit = 50) -> Any:
    return box.monitor.unknown(limit)


@verb("posture", "auditor")
def posture(box: Services, call: Call, *, since_s: Seconds = 86_400) -> dict[str, Any]:
    """What cannot be seen into, and which levers are in use."""
    dns = box.engine.config.dns
    levers = {"redirect": dns.redirect, "canary": dns.canary, "hide_ech_keys": dns.hide_ech_keys}
    return {**box.monitor.posture(since_s), "levers": levers}


@verb("applications.try", "auditor")
def applications_try(box: Services, call: Call, *, application: Application, limit: Limit = 100) -> Any:
    """Which live connections an application that is not yet made would be."""
    if problems := verify_one("trial", application):
        raise InvalidError("The application cannot be used as it is.", problems=problems)
    return box.monitor.try_application(one_application("trial", application), limit)


@verb("applications.database", "auditor")
def applications_database(box: Services, call: Call) -> dict[str, Any]:
    return box.updates.state()


@verb("applications.update", "admin", audited=())
def applications_update(box: Services, call: Call, *, url: str = "", content: Content = "") -> dict[str, Any]:
    """From ``content`` (base64), else from ``url``, else from the configured address."""
    if content:
        try:
            return box.updates.update(base64.b64decode(content, validate=True))
        except ValueError:
            raise InvalidError("The content is not base64.") from None
    address = url or box.engine.config.recognition.update_url
    if not address:
        raise InvalidError(
            "Nothing says where the database is: give a file or an address, or set recognition.update_url."
        )
    return box.updates.update(fetch(address))


@verb("applications.rollback", "admin", audited=())
def applications_rollback(box: Services, call: Call) -> dict[str, Any]:
    return box.updates.roll_back()


VERBS = (
    applications,
    unknown,
    posture,
    applications_try,
    applications_database,
    applications_update,
    applications_rollback,
)
