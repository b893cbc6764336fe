"""Tables of the stock; quantities are integers of the item's smallest unit, values integers of minor units."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, TextField

from bizlite.core.database import DateField, Record
from bizlite.core.models import Document, Row, reference

NO_LOT = 0


class Unit(Record):
    """A unit of quantity; ``scale`` is how many decimals of it are counted."""

    code = TextField(primary_key=True)
    name_zh = TextField()
    name_en = TextField()
    scale = BigIntegerField()

    class Meta:
        table_name = "stock_unit"


class Item(Row):
    """What is kept in stock; ``account`` is where its value stands."""

    code = TextField()
    name = TextField()
    barcode = TextField(default="")
    unit = reference(Unit, field="code", column_name="unit")
    account = TextField(default="1405")
    has_lots = BooleanField(default=False)
    may_be_negative = BooleanField(default=False)
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "stock_item"


class Conversion(Record):
    """One smallest unit of ``unit`` is numerator/denominator smallest units of the item."""

    item = reference(Item)
    unit = reference(Unit, field="code", column_name="unit")
    numerator = BigIntegerField()
    denominator = BigIntegerField()

    class Meta:
        table_name = "stock_conversion"
        primary_key = CompositeKey("item", "unit")


class Lot(Row):
    """A lot of an item."""

    item = reference(Item)
    code = TextField()
    expires = DateField(null=True)

    class Meta:
        table_name = "stock_lot"


class Location(Row):
    """A place; only ``internal`` ones hold what is ours. ``account`` is the other side of the value"
    " that comes or goes."""

    code = TextField()
    name_zh = TextField()
    name_en = TextField()
    kind = TextField()
    account = TextField(default="")
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "stock_location"


class Transfer(Document):
    """A stock paper (入库单, 出库单, 调拨单, 盘点单): moves of one day. A storno points at what it reverses."""

    KIND = "ST"

    kind = TextField()
    source_kind = TextField(default="")
    source_id = BigIntegerField(default=0)
    reverses = reference("self", null=True)

    class Meta:
        table_name = "stock_transfer"


class Move(Row):
    """What went where; written once.

    Moves of an item are in the order (date, rank, id). ``rank`` is the move's own number, except where it stands
    directly behind another one: a storno on the day of what it reverses, a later cost. ``basis`` says how it is valued:
    ``given`` (``value`` with it), ``average``, ``origin`` (its share of what the origin was worth), ``reverse``.
    """

    transfer = reference(Transfer)
    date = DateField()
    rank = BigIntegerField()
    item = reference(Item)
    lot = BigIntegerField(default=NO_LOT, column_name="lot_id")
    source = reference(Location)
    target = reference(Location)
    quantity = BigIntegerField()
    direction = TextField()
    basis = TextField()
    value = BigIntegerField(default=0)
    origin = reference("self", null=True)
    account = TextField()
    line = BigIntegerField(default=0)
    reserved = BigIntegerField(default=0)
    reserved_kind = TextField(default="")
    reserved_id = BigIntegerField(default=0)
    reserved_line = BigIntegerField(default=0)

    class Meta:
        table_name = "stock_move"


class CountLine(Row):
    """What a count found at a spot, and what should have been there; written once."""

    transfer = reference(Transfer)
    item = reference(Item)
    lot = BigIntegerField(default=NO_LOT, column_name="lot_id")
    location = reference(Location)
    expected = BigIntegerField()
    counted = BigIntegerField()

    class Meta:
        table_name = "stock_count_line"


class Cost(Record):
    """What a move was worth as things are known now, and the item's state after it; derived from the moves."""

    move = BigIntegerField(primary_key=True, column_name="move_id")
    item = BigIntegerField(column_name="item_id")
    date = DateField()
    rank = BigIntegerField()
    change = BigIntegerField(column_name="value_change")
    variance = BigIntegerField()
    quantity = BigIntegerField()
    value = BigIntegerField()
    rate_value = BigIntegerField()
    rate_quantity = BigIntegerField()

    class Meta:
        table_name = "stock_cost"


class OnHand(Record):
    """How much is where, and how much of it is reserved; kept by triggers."""

    item = BigIntegerField(column_name="item_id")
    lot = BigIntegerField(column_name="lot_id")
    location = BigIntegerField(column_name="location_id")
    quantity = BigIntegerField()
    reserved = BigIntegerField()

    class Meta:
        table_name = "stock_on_hand"
        primary_key = CompositeKey("item", "lot", "location")


class Reservation(Row):
    """What is kept for the line of a document."""

    source_kind = TextField()
    source_id = BigIntegerField()
    source_line = BigIntegerField(default=0)
    item = reference(Item)
    lot = BigIntegerField(default=NO_LOT, column_name="lot_id")
    location = reference(Location)
    quantity = BigIntegerField()

    class Meta:
        table_name = "stock_reservation"


class Plan(Row):
    """What a document will bring (+) or take (−) on a day; its module writes it anew when the document changes."""

    source_kind = TextField()
    source_id = BigIntegerField()
    source_line = BigIntegerField(default=0)
    item = reference(Item)
    date = DateField()
    quantity = BigIntegerField()

    class Meta:
        table_name = "stock_plan"


class Reorder(Record):
    """When the projected stock falls below ``least``, order up to ``most`` in whole ``lots``."""

    item = reference(Item, primary_key=True)
    least = BigIntegerField()
    most = BigIntegerField()
    multiple = BigIntegerField(default=1)
    lead_days = BigIntegerField(default=0)

    class Meta:
        table_name = "stock_reorder"
