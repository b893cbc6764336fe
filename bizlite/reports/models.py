"""Sums that the reports would otherwise add up from all lines; triggers keep them, nobody writes them."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, TextField

from bizlite.core.database import Record

ALL = -1  # of all customers, of all items
NONE = 0  # of no item: a service; of no customer that a document names


class Margin(Record):
    """What was invoiced and what the goods cost that went out, in a month; ``quantity`` is of the goods."""

    month = BigIntegerField()
    party = BigIntegerField(column_name="party_id")
    item = BigIntegerField(column_name="item_id")
    quantity = BigIntegerField()
    revenue = BigIntegerField()
    cost = BigIntegerField()

    class Meta:
        table_name = "reports_margin"
        primary_key = CompositeKey("month", "party", "item")


class Person(Record):
    """What a person posted in a month: ``kind`` is ``invoice`` or ``order``, ``amount`` is without tax."""

    month = BigIntegerField()
    user = TextField(column_name="user_name")
    kind = TextField()
    documents = BigIntegerField()
    amount = BigIntegerField()

    class Meta:
        table_name = "reports_person"
        primary_key = CompositeKey("month", "user", "kind")
