"""Verbs about backups. A backup holds everybody's secrets, so only an owner makes, reads or restores one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from firmware.daemon.errors import ForbiddenError, InvalidError
from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb
from firmware.model.config import BackupPart
from firmware.model.sections import SECTIONS, Section

Passphrase = Annotated[str, Meta(max_length=256)]
Number = Annotated[str, Meta(max_length=64)]
PathText = Annotated[str, Meta(max_length=4096)]
Offset = Annotated[int, Meta(ge=0)]
Parts = Annotated[list[BackupPart], Meta(min_length=1, max_length=16)]
Port = Annotated[str, Meta(max_length=15)]


@verb("backup.make", "owner", audited=("parts",))
def backup_make(box: Services, call: Call, *, parts: Parts, passphrase: Passphrase) -> dict[str, Any]:
    return box.backups.make(parts, passphrase)


@verb("backup.read", "owner")
def backup_read(box: Services, call: Call, *, id: Number, offset: Offset = 0) -> dict[str, Any]:
    return box.backups.read(id, offset)


@verb("backup.open", "owner", audited=())
def backup_open(
    box: Services, call: Call, *, passphrase: Passphrase, upload: Number = "", path: PathText = ""
) -> dict[str, Any]:
    """What rsweb has received (``upload``), which is gone then, or a file of the box (``path``), for root only."""
    if path and call.who.kind != "local":
        raise ForbiddenError("Files of the router are read for its local owner only.")
    if not path and not upload:
        raise InvalidError("Name the file of the backup.")
    if path:
        return box.backups.open(Path(path), passphrase)
    source = box.backups.upload(upload)
    try:
        return box.backups.open(source, passphrase)
    finally:
        source.unlink(missing_ok=True)


@verb("backup.opened", "owner")
def backup_opened(box: Services, call: Call, *, id: Number) -> dict[str, Any]:
    return box.backups.describe(id)


@verb("backup.restore", "owner", audited=("parts", "sections", "map"))
def backup_restore(
    box: Services,
    call: Call,
    *,
    id: Number,
    parts: Parts,
    sections: list[Section] | Literal["all"] = "all",
    map: dict[Port, Port] | None = None,
) -> dict[str, Any]:
    """The configuration becomes the candidate; what belongs to it follows when that is committed."""
    chosen = SECTIONS if sections == "all" else tuple(sections)
    return box.restoring.restore(call.who.user, id, parts, chosen, map or {})


@verb("backup.state", "auditor")
def backup_state(box: Services, call: Call) -> dict[str, Any]:
    """How automatic backups are doing."""
    return box.automatic_backups.state()


@verb("backup.run", "admin", audited=())
def backup_run(box: Services, call: Call) -> dict[str, Any]:
    box.automatic_backups.run()
    return {}


@verb("backup.passphrase", "owner", audited=())
def backup_passphrase(box: Services, call: Call, *, passphrase: Passphrase) -> dict[str, Any]:
    box.automatic_backups.set_passphrase(passphrase)
    return {}


@verb("backup.login", "admin", audited=("destination",))
def backup_login(
    box: Services, call: Call, *, destination: Literal["share", "hq"], secret: Annotated[str, Meta(max_length=512)]
) -> dict[str, Any]:
    """The share's password or HQ's token; it is kept beside the configuration and never shown."""
    if secret and not (secret.isascii() and secret.isprintable()):
        raise InvalidError("The password or token holds signs that cannot be sent.")
    box.authority.secrets.set_backup_login(destination, secret)
    return {}


VERBS = (
    backup_make,
    backup_read,
    backup_open,
    backup_opened,
    backup_restore,
    backup_state,
    backup_run,
    backup_passphrase,
    backup_login,
)
