"""Verbs about updates of the firmware."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from firmware.daemon.errors import ForbiddenError, InvalidError
from firmware.daemon.firmware_updates import ALARM
from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb

Text = Annotated[str, Meta(max_length=1024)]


@verb("update.state", "auditor")
def update_state(box: Services, call: Call) -> dict[str, Any]:
    return box.firmware.state()


@verb("update.install", "admin", audited=("source", "url", "path", "downgrade"))
def update_install(
    box: Services,
    call: Call,
    *,
    source: Literal["upload", "url", "usb", "file"],
    url: Text = "",
    path: Text = "",
    downgrade: bool = False,
) -> dict[str, Any]:
    """Into the other slot, in the background. ``upload`` answers with the address that takes the file; ``url`` is by
    default the configured one; a ``file`` of the box is for who is on the box."""
    upload = None
    if source == "upload":
        upload = box.firmware.await_upload(may_go_back=downgrade)
    elif source == "usb":
        box.firmware.begin("usb", may_go_back=downgrade)
    elif source == "file":
        if call.who.kind != "local":
            raise ForbiddenError("Only who is logged in on the box itself may name a file of it.")
        box.firmware.begin(f"file:{path}", may_go_back=downgrade)
    else:
        address = url or box.engine.config.update.url
        if not address.startswith(("https://", "http://")):
            raise InvalidError("Nothing says where the update is: give an address, or set update.url.")
        box.firmware.begin(address, may_go_back=downgrade)
    return {**box.firmware.state(), "upload": upload}


@verb("update.restart", "admin", audited=())
def update_restart(box: Services, call: Call) -> dict[str, Any]:
    """Into the new version; the configuration of now is kept for the way back."""
    box.firmware.restart(box)
    return box.firmware.state()


@verb("update.cancel", "admin", audited=())
def update_cancel(box: Services, call: Call) -> dict[str, Any]:
    """End what is under way, forget what is installed, or note what has been taken back."""
    box.firmware.cancel()
    box.alarm(ALARM, None)
    return box.firmware.state()


VERBS = (update_state, update_install, update_restart, update_cancel)
