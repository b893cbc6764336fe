"""Tables of quality; measured values are integers of the characteristic's smallest unit (``scale`` decimals)."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, TextField

from bizlite.core.database import DateField
from bizlite.core.models import Document, Row, reference
from bizlite.stock.models import NO_LOT, Item

MOMENTS = ("receipt", "operation", "delivery")


class Plan(Row):
    """What is inspected of an item at a moment; written once, later only taken out of use."""

    code = TextField()
    name = TextField()
    moment = TextField()
    item = reference(Item)
    operation = TextField(default="")
    sample = BigIntegerField()
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "quality_plan"


class Characteristic(Row):
    """One thing to look at (检验项目): ``measure`` with limits, or ``yesno``."""

    plan = reference(Plan)
    position = BigIntegerField()
    name = TextField()
    kind = TextField()
    unit = TextField(default="")
    scale = BigIntegerField(default=0)
    low = BigIntegerField(null=True)
    high = BigIntegerField(null=True)

    class Meta:
        table_name = "quality_characteristic"


class Inspection(Document):
    """What was found at pieces of one line of a document; written whole and posted at once.

    ``quantity`` is the size of the lot that the verdict is for, ``sample`` how many pieces of it were looked at and
    ``defective`` how many of these were not good.
    """

    KIND = "QI"

    plan = reference(Plan)
    item = reference(Item)
    operation = TextField(default="")
    source_kind = TextField()
    source_id = BigIntegerField()
    source_line = BigIntegerField(default=0)
    quantity = BigIntegerField()
    sample = BigIntegerField()
    defective = BigIntegerField()
    verdict = TextField()
    reason = TextField(default="")
    is_first = BooleanField()
    reverses = reference("self", null=True)

    class Meta:
        table_name = "quality_inspection"


class Reading(Row):
    """What was read at a piece; 1 and 0 are yes and no. Written once."""

    inspection = reference(Inspection)
    characteristic = reference(Characteristic)
    piece = BigIntegerField()
    value = BigIntegerField()
    is_good = BooleanField()

    class Meta:
        table_name = "quality_reading"


class Nonconformity(Document):
    """Something that is not as it should be (不合格品); what is done about it stands in its steps."""

    KIND = "NC"

    item = reference(Item)
    lot = BigIntegerField(default=NO_LOT, column_name="lot_id")
    quantity = BigIntegerField()
    inspection = reference(Inspection, null=True)
    source_kind = TextField(default="")
    source_id = BigIntegerField(default=0)

    class Meta:
        table_name = "quality_nonconformity"


class Step(Row):
    """What was decided about a nonconformity; the last one is how things stand. Written once."""

    nonconformity = reference(Nonconformity)
    state = TextField()
    cause = TextField(default="")
    action = TextField(default="")
    responsible = TextField(default="")
    due = DateField(null=True)
    user = TextField(column_name="user_name")
    at_ms = BigIntegerField()

    class Meta:
        table_name = "quality_step"
