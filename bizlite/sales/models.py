"""Tables of sales; money is integer minor units, prices millionths, quantities the item's smallest unit."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, TextField

from bizlite.core.database import DateField, Record
from bizlite.core.models import Document, Row, reference
from bizlite.finance.models import Invoice, Party
from bizlite.stock.models import NO_LOT, Item, Location


class Group(Row):
    """Customers who buy at the same prices; ``discount`` (basis points) is off the prices for everybody."""

    code = TextField()
    name = TextField()
    discount = BigIntegerField(default=0)

    class Meta:
        table_name = "sales_group"


class Customer(Record):
    """A party is in a group."""

    party = reference(Party, primary_key=True)
    group = reference(Group)

    class Meta:
        table_name = "sales_customer"


class Contact(Row):
    """A person at a party, and where goods for them go."""

    party = reference(Party)
    name = TextField()
    role = TextField(default="")
    phone = TextField(default="")
    email = TextField(default="")
    address = TextField(default="")
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "sales_contact"


class Price(Row):
    """A price with tax, of one unit, for a group or everybody, from a quantity and a day on."""

    item = reference(Item)
    group = reference(Group, null=True)
    least = BigIntegerField(default=1)
    first = DateField(column_name="first_day")
    last = DateField(null=True, column_name="last_day")
    price = BigIntegerField()
    rate = BigIntegerField(default=1300)

    class Meta:
        table_name = "sales_price"


class Opportunity(Document):
    """Business that may come; it is posted when it is won or lost, and then stays as it is."""

    KIND = "OP"

    party = reference(Party)
    contact = reference(Contact, null=True)
    title = TextField()
    stage = TextField(default="new")
    amount = BigIntegerField(default=0)
    closes = DateField(null=True)
    lost_reason = TextField(default="")

    class Meta:
        table_name = "sales_opportunity"


class Quotation(Document):
    """An offer; one that was sent is never edited, a later version names the ``first``."""

    KIND = "QT"

    party = reference(Party)
    contact = reference(Contact, null=True)
    opportunity = reference(Opportunity, null=True)
    first = reference("self", null=True)
    revision = BigIntegerField(default=1)
    valid_until = DateField()
    is_gross = BooleanField(default=True)
    net = BigIntegerField(default=0)
    tax = BigIntegerField(default=0)

    class Meta:
        table_name = "sales_quotation"


class QuotationLine(Row):
    """A line of an offer; ``price`` is before ``discount`` (basis points)."""

    quotation = reference(Quotation)
    position = BigIntegerField()
    item = reference(Item)
    text = TextField()
    quantity = BigIntegerField()
    price = BigIntegerField()
    discount = BigIntegerField()
    rate = BigIntegerField()
    net = BigIntegerField()
    tax = BigIntegerField()

    class Meta:
        table_name = "sales_quotation_line"


class Order(Document):
    """A sales order; it is posted when it is confirmed. ``credit_reason`` says why it went beyond the credit limit.

    ``seller`` is who won it, whoever typed it.
    """

    KIND = "SO"

    party = reference(Party)
    contact = reference(Contact, null=True)
    quotation = reference(Quotation, null=True)
    wanted = DateField(null=True)
    their_number = TextField(default="")
    seller = TextField()
    is_gross = BooleanField(default=True)
    net = BigIntegerField(default=0)
    tax = BigIntegerField(default=0)
    credit_reason = TextField(default="")

    class Meta:
        table_name = "sales_order"


class OrderLine(Row):
    """A line of an order."""

    order = reference(Order)
    position = BigIntegerField()
    item = reference(Item)
    text = TextField()
    quantity = BigIntegerField()
    price = BigIntegerField()
    discount = BigIntegerField()
    rate = BigIntegerField()
    net = BigIntegerField()
    tax = BigIntegerField()

    class Meta:
        table_name = "sales_order_line"


class Progress(Record):
    """How far a line of a confirmed order is, kept by triggers; ``promised`` is the day that we said, or unknown."""

    line = reference(OrderLine, primary_key=True)
    ordered = BigIntegerField()
    delivered = BigIntegerField()
    cancelled = BigIntegerField()
    promised = DateField(null=True)

    class Meta:
        table_name = "sales_progress"

    @property
    def open(self) -> int:
        """What is still to be delivered."""
        return int(self.ordered - self.delivered - self.cancelled)


# The very words of ``sales_progress_open``, an index of few rows: what is done is not read to find what is open.
# The column stands on the left, since SQLite turns the comparison round and then knows its index no more.
OPEN = Progress.ordered > Progress.delivered + Progress.cancelled


class Cancellation(Row):
    """A part of a line that will not be delivered; written once."""

    line = reference(OrderLine)
    quantity = BigIntegerField()
    reason = TextField()
    user = TextField(column_name="user_name")
    at_ms = BigIntegerField()

    class Meta:
        table_name = "sales_cancellation"


class Delivery(Document):
    """A delivery note; a storno points at what it reverses."""

    KIND = "DN"

    order = reference(Order)
    party = reference(Party)
    reverses = reference("self", null=True)

    class Meta:
        table_name = "sales_delivery"


class DeliveryLine(Row):
    """What went from one spot for a line of the order; negative in a storno."""

    delivery = reference(Delivery)
    order_line = reference(OrderLine)
    item = reference(Item)
    lot = BigIntegerField(default=NO_LOT, column_name="lot_id")
    location = reference(Location)
    quantity = BigIntegerField()

    class Meta:
        table_name = "sales_delivery_line"


class Delivered(Record):
    """What came back and what was invoiced of a line that was delivered; kept by triggers."""

    line = reference(DeliveryLine, primary_key=True)
    quantity = BigIntegerField()
    returned = BigIntegerField()
    invoiced = BigIntegerField()

    class Meta:
        table_name = "sales_delivered"

    @property
    def uninvoiced(self) -> int:
        """What the customer has and no invoice names."""
        return int(self.quantity - self.returned - self.invoiced)


UNINVOICED = Delivered.quantity > Delivered.invoiced + Delivered.returned  # the words of ``sales_delivered_open``


class Return(Document):
    """Goods that came back of a delivery."""

    KIND = "RN"

    delivery = reference(Delivery)
    party = reference(Party)
    reverses = reference("self", null=True)

    class Meta:
        table_name = "sales_return"


class ReturnLine(Row):
    """What came back of a delivery's line, negative in a storno; ``credited`` of it was on an invoice."""

    goods_return = reference(Return, column_name="return_id")
    delivery_line = reference(DeliveryLine)
    location = reference(Location)
    quantity = BigIntegerField()
    credited = BigIntegerField(default=0)

    class Meta:
        table_name = "sales_return_line"


class Billing(Row):
    """A line of an invoice is a line of a delivery; negative where a credit note took it back. Written once."""

    invoice = reference(Invoice)
    position = BigIntegerField()
    delivery_line = reference(DeliveryLine)
    quantity = BigIntegerField()
    note = reference(Invoice, null=True)

    class Meta:
        table_name = "sales_billing"
