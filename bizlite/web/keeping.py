"""Pages for what is kept beside the rows: files at a document, the firm's own fields, and a backup to take along."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import attachments, custom, transfer
from bizlite.core.database import database
from bizlite.core.errors import refuse
from bizlite.core.models import Attachment, CustomField
from bizlite.core.store import get, read
from bizlite.web.addresses import address
from bizlite.web.guard import ANYBODY, check_on, requires, session
from bizlite.web.resource import Resource, every


def register(bp: Blueprint) -> None:
    """Gives these pages their addresses."""

    def add(rule: str, name: str, view: Any, permission: str, *methods: str) -> None:
        bp.add_url_rule(rule, name, requires(permission)(view), methods=methods)

    add("/files/<name>/<key>", "attach", attach, "core.attachment.add", "POST")
    add("/file/<int:number>", "file", file, ANYBODY, "GET")
    add("/fields", "fields", fields, "core.custom.change", "GET", "POST")
    add("/backup", "backup", backup, "core.backup.make", "POST")


def folder() -> Path:
    """Where what lies beside the database is."""
    return Path(current_app.config["FOLDER"])


def files_of(resource: Resource, row: Any) -> list[Attachment]:
    """The files of a document, in order."""
    if not isinstance(row._pk, int):
        return []
    return read(Attachment, "kind = ? AND document_id = ? ORDER BY id", resource.kind, row._pk)


def attach(name: str, key: str) -> BaseResponse:
    """Keeps a file that was sent for a row."""
    resource = every().get(name) or abort(404)
    _seen(resource)
    row = resource.get(key)
    sent = request.files.get("file")
    if sent is None or not sent.filename or not isinstance(row._pk, int):
        raise refuse("file", "is missing", "Choose a file.")
    content = sent.stream.read(attachments.LARGEST_BYTES + 1)
    attachments.attach(session(), folder() / "attachments", resource.kind, row._pk, sent.filename,
                       sent.mimetype or "application/octet-stream", content)  # fmt: skip
    return redirect(address(resource, "show", key=key), 303)


def file(number: int) -> Response:
    """A file, always to be saved: what somebody sent is never shown as a page of ours."""
    row = get(Attachment, number)
    resource = next((entry for entry in every().values() if entry.kind == row.kind), None) or abort(404)
    _seen(resource)
    return saved(row)


def _seen(resource: Resource) -> None:
    """:raise Forbidden, Off: when the user may not see the rows of a resource, or nobody does."""
    session().require(resource.view)
    check_on(resource.module)


def saved(row: Attachment) -> Response:
    """The answer that gives a file."""
    path = attachments.path_of(folder() / "attachments", row.sha256)
    return send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=row.name)


def fields() -> str | BaseResponse:
    """Fields that the firm adds to its documents."""
    open_to = [resource for resource in every().values() if resource.custom]
    if request.method == "POST":
        sent = request.form
        if sent.get("kind") not in {resource.kind for resource in open_to}:
            raise refuse("kind", "does not exist", "Choose one that exists.", sent.get("kind", "")[:100])
        choices = tuple(line.strip() for line in sent.get("choices", "").splitlines() if line.strip())
        name, label, type_ = (sent.get(word, "").strip() for word in ("name", "label", "type"))
        is_required = sent.get("required") == "1"
        custom.define(session(), sent["kind"], name, label, type_, choices=choices, required=is_required)
        return redirect(url_for("biz.fields"), 303)
    rows = list(CustomField.select().order_by(CustomField.kind, CustomField.position))
    return render_template("fields.html", open_to=open_to, rows=rows, types=custom.TYPES)


def backup() -> Response:
    """Everything in one file."""
    # On the disk, since memory is small; the answer closes it.
    out = tempfile.TemporaryFile(dir=folder())  # noqa: SIM115
    transfer.pack(out, database.obj, folder())
    out.seek(0)
    name = f"business-{session().today().isoformat()}.zip"
    return send_file(out, mimetype="application/zip", as_attachment=True, download_name=name)
