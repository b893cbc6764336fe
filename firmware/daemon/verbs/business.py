"""Verbs about the business's data. Files are written and read for root on the box only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from firmware.daemon.errors import ForbiddenError
from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb

PathText = Annotated[str, Meta(min_length=1, max_length=4096)]


@verb("business.state", "auditor")
def business_state(box: Services, call: Call) -> dict[str, Any]:
    """Whether it is on, and what there is."""
    return box.books.describe(box.engine.config.business)


@verb("business.check", "admin", audited=())
def business_check(box: Services, call: Call) -> dict[str, Any]:
    """Whether the books are sound; nothing is changed."""
    return box.books.check(box.engine.config.business)


@verb("business.backup", "owner", audited=("path",))
def business_backup(box: Services, call: Call, *, path: PathText) -> dict[str, Any]:
    """Everything as one ZIP file, not encrypted."""
    return {"bytes": box.books.take("backup", box.engine.config.business, _local(call, path))}


@verb("business.export", "owner", audited=("path",))
def business_export(box: Services, call: Call, *, path: PathText) -> dict[str, Any]:
    """Every table as CSV, as one ZIP file."""
    return {"bytes": box.books.take("export", box.engine.config.business, _local(call, path))}


@verb("business.restore", "owner", audited=("path",))
def business_restore(box: Services, call: Call, *, path: PathText) -> dict[str, Any]:
    """Puts such a backup in the place of what is there."""
    box.books.restore(box.engine.config.business, _local(call, path))
    return {}


def _local(call: Call, path: str) -> Path:
    if call.who.kind != "local":
        raise ForbiddenError("Files of the router are read for its local owner only.")
    return Path(path)


VERBS = (business_state, business_check, business_backup, business_export, business_restore)
