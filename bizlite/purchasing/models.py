"""Tables of purchasing; money is integer minor units, prices millionths, quantities the item's smallest unit."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, TextField

from bizlite.core.database import DateField, Record
from bizlite.core.models import Document, Row, reference
from bizlite.finance.models import Invoice, Party
from bizlite.stock.models import NO_LOT, Item, Location


class SupplierItem(Row):
    """What a supplier sells: price with tax of one unit, least quantity and its multiple, days until it is here.

    ``tolerance`` (basis points) is how much more than ordered is taken; one supplier of an item is ``preferred``.
    """

    party = reference(Party)
    item = reference(Item)
    their_number = TextField(default="")
    price = BigIntegerField()
    rate = BigIntegerField(default=1300)
    least = BigIntegerField(default=1)
    multiple = BigIntegerField(default=1)
    lead_days = BigIntegerField(default=0)
    tolerance = BigIntegerField(default=0)
    is_preferred = BooleanField(default=False)

    class Meta:
        table_name = "purchasing_supplier_item"


class Request(Document):
    """What somebody needs; it is posted when it is handed in."""

    KIND = "PR"

    class Meta:
        table_name = "purchasing_request"


class RequestLine(Row):
    """An item that is needed, by a day."""

    request = reference(Request)
    position = BigIntegerField()
    item = reference(Item)
    quantity = BigIntegerField()
    needed = DateField()
    text = TextField(default="")

    class Meta:
        table_name = "purchasing_request_line"


class Refusal(Row):
    """A line that will not be bought, and why; written once."""

    request_line = reference(RequestLine)
    reason = TextField()
    user = TextField(column_name="user_name")
    at_ms = BigIntegerField()

    class Meta:
        table_name = "purchasing_refusal"


class Order(Document):
    """A purchase order; it is posted when it is sent."""

    KIND = "PO"

    party = reference(Party)
    expected = DateField()
    their_number = TextField(default="")
    is_gross = BooleanField(default=True)
    net = BigIntegerField(default=0)
    tax = BigIntegerField(default=0)

    class Meta:
        table_name = "purchasing_order"


class OrderLine(Row):
    """A line of an order, perhaps for a line of a request; ``tolerance`` in basis points."""

    order = reference(Order)
    position = BigIntegerField()
    item = reference(Item)
    text = TextField()
    quantity = BigIntegerField()
    price = BigIntegerField()
    rate = BigIntegerField()
    tolerance = BigIntegerField()
    net = BigIntegerField()
    tax = BigIntegerField()
    request_line = reference(RequestLine, null=True)

    class Meta:
        table_name = "purchasing_order_line"


class Progress(Record):
    """How far a line of a sent order is, kept by triggers; ``most`` is what is ordered with its tolerance."""

    line = reference(OrderLine, primary_key=True)
    ordered = BigIntegerField()
    most = BigIntegerField()
    received = BigIntegerField()
    cancelled = BigIntegerField()

    class Meta:
        table_name = "purchasing_progress"

    @property
    def open(self) -> int:
        """What is still expected."""
        return max(0, int(self.ordered - self.received - self.cancelled))

    @property
    def room(self) -> int:
        """What is still taken."""
        return int(self.most - self.received - self.cancelled)


# The very words of ``purchasing_progress_open``; see ``sales.models.OPEN``.
OPEN = Progress.ordered > Progress.received + Progress.cancelled


class Cancellation(Row):
    """A part of a line that is not wanted any more; written once."""

    line = reference(OrderLine)
    quantity = BigIntegerField()
    reason = TextField()
    user = TextField(column_name="user_name")
    at_ms = BigIntegerField()

    class Meta:
        table_name = "purchasing_cancellation"


class Receipt(Document):
    """Goods that a supplier brought; a storno points at what it reverses."""

    KIND = "GR"

    order = reference(Order)
    party = reference(Party)
    their_number = TextField(default="")
    reverses = reference("self", null=True)

    class Meta:
        table_name = "purchasing_receipt"


class ReceiptLine(Row):
    """What came for a line of the order and what it is worth, without tax that is deducted; both negative in a
    storno."""

    receipt = reference(Receipt)
    order_line = reference(OrderLine)
    item = reference(Item)
    lot = BigIntegerField(default=NO_LOT, column_name="lot_id")
    location = reference(Location)
    quantity = BigIntegerField()
    value = BigIntegerField()

    class Meta:
        table_name = "purchasing_receipt_line"


class Received(Record):
    """What went back and what was invoiced of a line that was received, in quantity and value; kept by triggers."""

    line = reference(ReceiptLine, primary_key=True)
    quantity = BigIntegerField()
    value = BigIntegerField()
    returned = BigIntegerField()
    returned_value = BigIntegerField()
    invoiced = BigIntegerField()
    invoiced_value = BigIntegerField()

    class Meta:
        table_name = "purchasing_received"

    @property
    def uninvoiced(self) -> int:
        """What is here and on no invoice."""
        return int(self.quantity - self.returned - self.invoiced)

    @property
    def uninvoiced_value(self) -> int:
        """What 220202 holds for it."""
        return int(self.value - self.returned_value - self.invoiced_value)


class Return(Document):
    """Goods that go back to a supplier."""

    KIND = "RS"

    receipt = reference(Receipt)
    party = reference(Party)
    reverses = reference("self", null=True)

    class Meta:
        table_name = "purchasing_return"


class ReturnLine(Row):
    """What goes back of a receipt's line, negative in a storno; ``credited`` of it was on an invoice."""

    goods_return = reference(Return, column_name="return_id")
    receipt_line = reference(ReceiptLine)
    location = reference(Location)
    quantity = BigIntegerField()
    value = BigIntegerField()
    credited = BigIntegerField(default=0)

    class Meta:
        table_name = "purchasing_return_line"


class Billing(Row):
    """A line of a supplier's invoice is for a line of a receipt that was worth ``value``; written once.

    ``cost`` is what the invoice says (without tax that is deducted). Both are negative where a credit note took it
    back; an allowance has no quantity.
    """

    invoice = reference(Invoice)
    position = BigIntegerField()
    receipt_line = reference(ReceiptLine)
    quantity = BigIntegerField()
    value = BigIntegerField()
    cost = BigIntegerField()
    note = reference(Invoice, null=True)

    class Meta:
        table_name = "purchasing_billing"
