"""Tables of production: what a product is made of and how. Times are integers of seconds or milliseconds."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, TextField

from bizlite.core.database import DateField, Record
from bizlite.core.models import Document, Row, reference
from bizlite.stock.models import NO_LOT, Item, Location

EVERYWHERE = 0  # a day of all work centres


class Centre(Row):
    """A work centre: ``machines`` of one kind that work side by side."""

    code = TextField()
    name = TextField()
    machines = BigIntegerField(default=1)
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "production_centre"


class Shift(Row):
    """When a work centre works on a weekday (0 is Monday), in minutes of the site's day."""

    centre = reference(Centre)
    weekday = BigIntegerField()
    start_minute = BigIntegerField()
    end_minute = BigIntegerField()

    class Meta:
        table_name = "production_shift"


class Day(Row):
    """A day that is not like others of its weekday: a holiday (``works_as`` is empty), or worked as another one."""

    centre = BigIntegerField(default=EVERYWHERE, column_name="centre_id")
    date = DateField()
    name = TextField(default="")
    works_as = BigIntegerField(null=True)

    class Meta:
        table_name = "production_day"


class Worker(Row):
    """Somebody who reports at job cards: known by the router's login ``user``, or by code and PIN."""

    SECRET = ("pin",)

    code = TextField()
    name = TextField()
    user = TextField(default="", column_name="user_name")
    pin = TextField(default="", column_name="pin_hash")
    failures = BigIntegerField(default=0)
    failed_ms = BigIntegerField(default=0)
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "production_worker"


class Bom(Document):
    """A bill of material, valid from its date; released is posted. Its lines make ``quantity`` of the item."""

    KIND = "BOM"

    item = reference(Item)
    revision = TextField()
    quantity = BigIntegerField()

    class Meta:
        table_name = "production_bom"


class BomLine(Row):
    """A component. ``scrap`` is the allowance in basis points, ``operation`` the number of the one that uses it.

    A phantom is not kept in stock: what it is made of is taken instead.
    """

    bom = reference(Bom)
    position = BigIntegerField()
    item = reference(Item)
    quantity = BigIntegerField()
    scrap = BigIntegerField(default=0)
    operation = BigIntegerField(default=1)
    is_backflushed = BooleanField(default=True)
    is_phantom = BooleanField(default=False)

    class Meta:
        table_name = "production_bom_line"


class Routing(Document):
    """How an item is made, valid from its date; released is posted."""

    KIND = "RT"

    item = reference(Item)
    revision = TextField()

    class Meta:
        table_name = "production_routing"


class Operation(Row):
    """A step at a work centre. ``run_ms`` and ``rate`` (millionths of a yuan) are for one whole unit of the item."""

    routing = reference(Routing)
    position = BigIntegerField()
    code = TextField()
    name = TextField()
    centre = reference(Centre)
    setup_s = BigIntegerField(default=0)
    run_ms = BigIntegerField()
    rate = BigIntegerField(default=0)

    class Meta:
        table_name = "production_operation"


class Order(Document):
    """A work order (生产单); released is posted, its end is a ``Closing``. A lower ``priority`` goes first.

    ``lot`` is the product's, made at the release of ``lot_code``. ``source`` is the document that it is made for:
    another work order where it makes a part of that one's product.
    """

    KIND = "WO"

    item = reference(Item)
    lot = BigIntegerField(default=NO_LOT, column_name="lot_id")
    lot_code = TextField(default="")
    quantity = BigIntegerField()
    batch_size = BigIntegerField()
    bom = reference(Bom)
    routing = reference(Routing)
    location = reference(Location)
    due = DateField()
    priority = BigIntegerField(default=5)
    source_kind = TextField(default="")
    source_id = BigIntegerField(default=0)
    source_line = BigIntegerField(default=0)

    class Meta:
        table_name = "production_order"


class Material(Row):
    """What an order needs of a component: ``net`` is in the product, ``quantity`` is with the allowance for scrap."""

    order = reference(Order)
    position = BigIntegerField()
    item = reference(Item)
    net = BigIntegerField()
    quantity = BigIntegerField()
    operation = BigIntegerField()
    is_backflushed = BooleanField()

    class Meta:
        table_name = "production_material"


class Output(Row):
    """What was received into stock of an order by the stock paper ``number``, negative by its storno; written once."""

    order = reference(Order)
    transfer = BigIntegerField(column_name="transfer_id")
    number = TextField()
    quantity = BigIntegerField()

    class Meta:
        table_name = "production_output"


class Closing(Record):
    """The end of an order: ``closed`` when all is made and received, ``cancelled`` before anything was."""

    order = reference(Order, primary_key=True)
    kind = TextField()
    date = DateField()
    user = TextField(column_name="user_name")
    at_ms = BigIntegerField()

    class Meta:
        table_name = "production_closing"


class Card(Row):
    """A job card (工序卡): one operation for one batch of an order. ``parent`` is the card whose pieces it reworks."""

    order = reference(Order)
    batch = BigIntegerField()
    position = BigIntegerField()
    operation = reference(Operation)
    quantity = BigIntegerField()
    parent = reference("self", null=True)
    code = TextField()

    class Meta:
        table_name = "production_card"


class Cause(Row):
    """Why pieces are scrapped or reworked, of the list from which workers choose."""

    name = TextField()
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "production_cause"


class Report(Row):
    """What a worker reported, as it came in; ``reported_ms`` is the phone's own time. Written once."""

    card = reference(Card)
    kind = TextField()
    quantity = BigIntegerField(default=0)
    cause = TextField(default="")
    worker = reference(Worker)
    reported_ms = BigIntegerField()
    at_ms = BigIntegerField()
    user = TextField(column_name="user_name")
    reverses = reference("self", null=True)

    class Meta:
        table_name = "production_report"


class Count(Row):
    """What a report changed at its card, from ``date`` on; a report that waits has none yet. Written once."""

    report = reference(Report)
    card = reference(Card)
    date = DateField()
    received = BigIntegerField(default=0)
    good = BigIntegerField(default=0)
    scrap = BigIntegerField(default=0)
    rework = BigIntegerField(default=0)
    finished = BigIntegerField(default=0)

    class Meta:
        table_name = "production_count"


class Tally(Record):
    """How a card stands, kept by triggers."""

    card = reference(Card, primary_key=True)
    received = BigIntegerField()
    good = BigIntegerField()
    scrap = BigIntegerField()
    rework = BigIntegerField()
    finished = BigIntegerField()

    class Meta:
        table_name = "production_tally"
