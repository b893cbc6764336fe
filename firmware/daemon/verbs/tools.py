"""Verbs about the field tools: begin one, what came of it, its file. Packets may hold what people say: admin's only."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from firmware.daemon.services import Services
from firmware.daemon.verbs.table import Call, verb
from firmware.model.tools import AnyRequest

Number = Annotated[int, Meta(ge=0)]


@verb("tools.start", "admin", audited=("request",))
def tools_start(box: Services, call: Call, *, request: AnyRequest) -> dict[str, Any]:
    """Begin; ``tools.job`` has the result."""
    return {"id": box.tools.start(request, call.who.user)}


@verb("tools.jobs", "admin")
def tools_jobs(box: Services, call: Call) -> list[dict[str, Any]]:
    return box.tools.jobs()


@verb("tools.job", "admin")
def tools_job(box: Services, call: Call, *, id: Number) -> dict[str, Any]:
    return box.tools.job(id)


@verb("tools.stop", "admin", audited=("id",))
def tools_stop(box: Services, call: Call, *, id: Number) -> dict[str, Any]:
    box.tools.stop(id)
    return {}


@verb("tools.file", "admin")
def tools_file(box: Services, call: Call, *, id: Number, offset: Number = 0) -> dict[str, Any]:
    """A piece of a job's file; the one after begins where it ends. The first one is noted in the audit trail."""
    piece = box.tools.piece(id, offset)
    if offset == 0:
        box.journal.audit(call.who.user, "tools.file", {"id": id, "name": piece["name"]}, "ok")
    return piece


VERBS = (tools_start, tools_jobs, tools_job, tools_stop, tools_file)
