"""Verbs about updates of the firmware."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from firmware.daemon.errors import ForbiddenError, InvalidError
from firmware.daemon.rollout import FAILED
from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb
from firmware.features.update import is_index

Text = Annotated[str, Meta(max_length=1024)]


@verb("update.state", "auditor")
def update_state(box: Services, call: Call) -> dict[str, Any]:
    return _state(box)


def _state(box: Services) -> dict[str, Any]:
    return box.firmware.state(box.engine.config.update.url)


@verb("update.check", "admin", audited=())
def update_check(box: Services, call: Call) -> dict[str, Any]:
    """Look at the list of versions now."""
    box.firmware.look_for(box)
    return _state(box)


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
    default the configured one, or what the list of versions there names; a ``file`` of the box is for who is on it."""
    upload = None
    if source == "upload":
        upload = box.firmware.await_upload(may_go_back=downgrade)
    elif source == "usb":
        box.firmware.begin("usb", may_go_back=downgrade)
    elif source == "file":
        if call.who.kind != "local":
            raise ForbiddenError("Only who is logged in on the box itself may name a file of it.")
        box.firmware.begin(f"file:{path}", may_go_back=downgrade)
    elif not url and is_index(box.engine.config.update.url):
        if box.firmware.published.newer(box.engine.config.update.url) is None:
            raise InvalidError("No newer version is published, as far as is known: look for one first.")
        box.firmware.begin("published")
    else:
        address = url or box.engine.config.update.url
        if not address.startswith(("https://", "http://")):
            raise InvalidError("Nothing says where the update is: give an address, or set update.url.")
        box.firmware.begin(address, may_go_back=downgrade)
    return {**_state(box), "upload": upload}


@verb("update.restart", "admin", audited=())
def update_restart(box: Services, call: Call) -> dict[str, Any]:
    """Into the new version; the configuration of now is kept for the way back."""
    box.firmware.restart(box)
    return _state(box)


@verb("update.cancel", "admin", audited=())
def update_cancel(box: Services, call: Call) -> dict[str, Any]:
    """End what is under way, forget what is installed, or note what has been taken back."""
    box.firmware.cancel()
    box.alarm(FAILED, None)
    return _state(box)


VERBS = (update_state, update_check, update_install, update_restart, update_cancel)
