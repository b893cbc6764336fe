"""Tables of the ledger; amounts are integer minor units of the one currency of the company."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, TextField

from bizlite.core.database import DateField, Record
from bizlite.core.exact import ROUNDING
from bizlite.core.models import Document, Row, reference


class Account(Record):
    """An account of the chart. Only accounts without accounts below them (``is_leaf``) take lines; and 222101 does."""

    code = TextField(primary_key=True)
    kind = TextField()
    name_zh = TextField()
    name_en = TextField()
    is_leaf = BooleanField(default=True)
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "finance_account"


class Party(Row):
    """A customer or a supplier, or both; sales and purchasing add what they need in tables of their own."""

    code = TextField()
    name = TextField()
    tax_number = TextField(default="")
    is_customer = BooleanField(default=False)
    is_supplier = BooleanField(default=False)
    payment_days = BigIntegerField(default=30)
    credit_limit = BigIntegerField(null=True)
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "finance_party"


class Entry(Document):
    """A voucher (凭证). A storno points at what it reverses; nothing is written on that one."""

    KIND = "JE"

    journal = TextField(default="general")
    period = BigIntegerField()
    source_kind = TextField(default="")
    source_id = BigIntegerField(default=0)
    reverses = reference("self", null=True)

    class Meta:
        table_name = "finance_entry"


class Line(Row):
    """One side of an entry; a storno has negative amounts on the same side (红字).

    ``aux`` (辅助核算) says whose it is: ``party:5``, ``item:12``, or nothing.
    """

    entry = reference(Entry)
    account = reference(Account, field="code", column_name="account")
    aux = TextField(default="")
    debit = BigIntegerField(default=0)
    credit = BigIntegerField(default=0)
    text = TextField(default="")

    class Meta:
        table_name = "finance_line"


class Balance(Record):
    """Turnover by account and period, kept by a trigger; ``aux`` is ``*`` for the whole account."""

    period = BigIntegerField()
    account = TextField()
    aux = TextField()
    debit = BigIntegerField()
    credit = BigIntegerField()

    class Meta:
        table_name = "finance_balance"
        primary_key = CompositeKey("aux", "account", "period")


class Day(Record):
    """Turnover of an account on a day, kept by a trigger; the closing entry of a year is not in it."""

    date = DateField()
    account = TextField()
    debit = BigIntegerField()
    credit = BigIntegerField()

    class Meta:
        table_name = "finance_day"
        primary_key = CompositeKey("date", "account")


class Period(Record):
    """A period that is closed: nothing dated in it or before it is posted any more."""

    period = BigIntegerField(primary_key=True)
    closed_by = TextField()
    closed_ms = BigIntegerField()

    class Meta:
        table_name = "finance_period"


class Invoice(Document):
    """An invoice or a credit note, of us (sale) or to us (purchase); all amounts are positive.

    ``tax_kind`` is which taxpayer we were: a small-scale one deducts no tax.
    """

    KIND = "INV"

    kind = TextField()
    party = reference(Party)
    due = DateField()
    is_gross = BooleanField(default=False)
    rounding = TextField(default=ROUNDING)
    their_number = TextField(default="")
    net = BigIntegerField(default=0)
    tax = BigIntegerField(default=0)
    tax_kind = TextField()
    credits = reference("self", null=True, column_name="credits_id")
    source_kind = TextField(default="")
    source_id = BigIntegerField(default=0)

    class Meta:
        table_name = "finance_invoice"


class InvoiceLine(Row):
    """A line with its own tax; ``price`` is in millionths, ``rate`` in basis points.

    ``of_position`` is the line of the invoice that a line of a credit note takes back, where it is a certain one.
    """

    invoice = reference(Invoice)
    position = BigIntegerField()
    account = reference(Account, field="code", column_name="account")
    aux = TextField(default="")
    text = TextField()
    quantity = BigIntegerField()
    scale = BigIntegerField()
    price = BigIntegerField()
    rate = BigIntegerField()
    net = BigIntegerField()
    tax = BigIntegerField()
    of_position = BigIntegerField(null=True)

    class Meta:
        table_name = "finance_invoice_line"


class Payment(Document):
    """Money that came in from a party or went out to it; ``in_back`` and ``out_back`` is what of it was paid back."""

    KIND = "PAY"

    kind = TextField()
    party = reference(Party)
    account = reference(Account, field="code", column_name="account")
    amount = BigIntegerField()
    reverses = reference("self", null=True)

    class Meta:
        table_name = "finance_payment"


class Open(Row):
    """What is open of a posted invoice, credit note or payment; a trigger takes from it what is allocated.

    ``side`` is ``claim`` for what is to be paid and ``cover`` for what pays it.
    """

    side = TextField()
    ledger = TextField()
    document_kind = TextField()
    document_id = BigIntegerField()
    party = reference(Party)
    date = DateField()
    due = DateField()
    total = BigIntegerField()
    rest = BigIntegerField()

    class Meta:
        table_name = "finance_open"


class Allocation(Row):
    """A part of a cover that pays a part of a claim; undone by a negative one."""

    claim = reference(Open)
    cover = reference(Open)
    amount = BigIntegerField()
    date = DateField()
    user = TextField(column_name="user_name")
    at_ms = BigIntegerField()

    class Meta:
        table_name = "finance_allocation"


class Cash(Record):
    """What came and went in a period against an account that is no cash itself, kept by a trigger."""

    period = BigIntegerField()
    account = TextField()
    received = BigIntegerField()
    paid = BigIntegerField()

    class Meta:
        table_name = "finance_cash"
        primary_key = CompositeKey("period", "account")


class Habit(Record):
    """How late a party's invoices were paid in a year: ``amount_days`` is the sum of amount × days after the due day,
    kept by a trigger."""

    party = BigIntegerField(column_name="party_id")
    ledger = TextField()
    year = BigIntegerField()
    amount = BigIntegerField()
    amount_days = BigIntegerField()

    class Meta:
        table_name = "finance_habit"
        primary_key = CompositeKey("party", "ledger", "year")


class Recurring(Row):
    """Money that goes or comes every so many months (rent, wages); for the forecast only, nothing is posted by it."""

    text = TextField()
    kind = TextField()
    amount = BigIntegerField()
    first = DateField(column_name="first_day")
    last = DateField(null=True, column_name="last_day")
    months = BigIntegerField(default=1)

    class Meta:
        table_name = "finance_recurring"


class BankLine(Row):
    """A line of the bank's list: ``amount`` is positive for money that came. ``state`` is open, paid or ignored.

    ``rejected`` are the proposals that somebody said do not fit, by their keys (``finance.matching``).
    """

    account = reference(Account, field="code", column_name="account")
    date = DateField()
    amount = BigIntegerField()
    counterparty = TextField(default="")
    text = TextField(default="")
    bank_number = TextField(default="")
    digest = TextField()
    state = TextField(default="open")
    payment = reference(Payment, null=True)
    rejected = TextField(default="")

    class Meta:
        table_name = "finance_bank_line"
