"""Tables of the core."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BooleanField, CompositeKey, ForeignKeyField, TextField

from bizlite.core.database import DateField, Record

__all__ = [
    "Attachment", "Audit", "Counter", "CustomField", "Document", "Grant", "Holder", "Key", "Row", "Setting", "Switch",
]  # fmt: skip


class Row(Record):
    """A row with a number of its own, given by ``core.store`` and the same on both databases."""

    id = BigIntegerField(primary_key=True)


class Document(Row):
    """What most papers share: a draft is edited under ``version``; once posted, triggers hold it as it is.

    ``number`` is taken when it is posted. ``KIND`` names the document type in numbers, attachments and custom fields.
    """

    KIND = ""

    number = TextField(null=True)
    date = DateField()
    posted = BooleanField(default=False)
    version = BigIntegerField(default=1)
    text = TextField(default="")
    custom = TextField(default="{}")
    created_by = TextField()
    created_ms = BigIntegerField()
    posted_by = TextField(null=True)
    posted_ms = BigIntegerField(null=True)


class Counter(Record):
    """The last number given, by document type and year."""

    kind = TextField()
    year = BigIntegerField()
    last = BigIntegerField()

    class Meta:
        table_name = "core_counter"
        primary_key = CompositeKey("kind", "year")


class Audit(Row):
    """Who changed what, when, from what to what (JSON); written once."""

    at_ms = BigIntegerField()
    user = TextField(column_name="user_name")
    table = TextField(column_name="table_name")
    row = TextField(column_name="row_key")
    action = TextField()
    before = TextField(column_name="before_json")
    after = TextField(column_name="after_json")

    class Meta:
        table_name = "core_audit"


class Key(Record):
    """What a command with this idempotency key gave: a row, or without a table a value as JSON."""

    key = TextField(primary_key=True, column_name="idempotency_key")
    user = TextField(column_name="user_name")
    command = TextField()
    digest = TextField()
    table = TextField(column_name="table_name")
    row = TextField(column_name="row_key")
    at_ms = BigIntegerField()

    class Meta:
        table_name = "core_key"


class Attachment(Row):
    """A file beside a document; its bytes lie in the side directory under their hash."""

    kind = TextField()
    document = BigIntegerField(column_name="document_id")
    name = TextField()
    media_type = TextField()
    size_bytes = BigIntegerField()
    sha256 = TextField()
    user = TextField(column_name="user_name")
    at_ms = BigIntegerField()

    class Meta:
        table_name = "core_attachment"


class CustomField(Row):
    """A field that a firm added to a document type; values lie in the document's ``custom``."""

    kind = TextField()
    name = TextField()
    label = TextField()
    type = TextField(column_name="value_type")
    choices = TextField(default="")
    is_required = BooleanField(default=False)
    position = BigIntegerField(default=0)

    class Meta:
        table_name = "core_custom_field"


class Grant(Row):
    """A role or a role group may do something: ``right`` is a permission, or ``role:NAME`` within a group."""

    holder = TextField()
    right = TextField(column_name="permission")

    class Meta:
        table_name = "core_grant"


class Holder(Row):
    """A user of the router's login holds a role or a role group."""

    user = TextField(column_name="user_name")
    holder = TextField()

    class Meta:
        table_name = "core_holder"


class Switch(Record):
    """Whether a module is on."""

    module = TextField(primary_key=True)
    is_on = BooleanField()

    class Meta:
        table_name = "core_switch"


class Setting(Record):
    """A fact of the company, as JSON: its name, its first year."""

    name = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "core_setting"


def reference(model: type[Record], **options: Any) -> ForeignKeyField[Any]:
    """A foreign key without an index of its own: migrations say which indexes there are."""
    return ForeignKeyField(model, backref="+", index=False, **options)
