"""Verbs about prefix lists: what they hold, looking at new contents, taking them, going back."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb
from firmware.model.config import PREFIX_BYTES_MAX, Identifier

Content = Annotated[str, Meta(max_length=PREFIX_BYTES_MAX)]
Url = Annotated[str, Meta(max_length=2000)]
Hash = Annotated[str, Meta(max_length=64)]


@verb("prefixes.list", "auditor")
def prefixes_list(box: Services, call: Call) -> list[dict[str, Any]]:
    return box.prefixes.state()


@verb("prefixes.preview", "admin")
def prefixes_preview(
    box: Services, call: Call, *, name: Identifier, content: Content = "", url: Url = "", sha256: Hash = ""
) -> dict[str, Any]:
    """What an import would change; it then waits to be taken by its ``sha256`` alone."""
    return box.prefixes.preview(name, content, url, sha256)


@verb("prefixes.import", "admin", audited=("name", "url", "sha256"))
def prefixes_import(
    box: Services, call: Call, *, name: Identifier, content: Content = "", url: Url = "", sha256: Hash = ""
) -> dict[str, Any]:
    """From ``content``, else from ``url``, else what waits under ``sha256``, else from the configured address."""
    return box.prefixes.take(name, content, url, sha256)


@verb("prefixes.rollback", "admin", audited=("name",))
def prefixes_rollback(box: Services, call: Call, *, name: Identifier) -> dict[str, Any]:
    return box.prefixes.roll_back(name)


VERBS = (prefixes_list, prefixes_preview, prefixes_import, prefixes_rollback)
