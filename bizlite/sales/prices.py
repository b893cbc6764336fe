"""Price lists: what a customer pays for a quantity on a day. Prices of lists are with tax, of one unit."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.finance.invoices import HIGHEST_RATE
from bizlite.sales.models import Customer, Group, Price
from bizlite.stock.models import Item


@dataclass(frozen=True, slots=True)
class Found:
    """``price`` in millionths with tax of ``rate``, before ``discount``; both in basis points."""

    price: int
    discount: int
    rate: int


def find(party: int, item: int, quantity: int, date: datetime.date) -> Found | None:
    """The price for a customer.

    The list of their group goes before the one for everybody, within it the largest quantity that is reached, then the
    latest day. The group's discount is off the prices for everybody: those of its own list are what was agreed.
    """
    customer = Customer.get_or_none(Customer.party == party)
    group = customer.group if customer else None
    where = (Price.item == item) & (Price.least <= quantity) & (Price.first <= date)
    where &= Price.last.is_null() | (Price.last >= date)
    order = (Price.least.desc(), Price.first.desc(), Price.id.desc())
    if group is not None:
        row = Price.select().where(where & (Price.group == group)).order_by(*order).first()
        if row:
            return Found(row.price, 0, row.rate)
    row = Price.select().where(where & Price.group.is_null()).order_by(*order).first()
    return Found(row.price, group.discount if group else 0, row.rate) if row else None


@command("sales.price.change")
def add(
    session: Session, item: int, first: datetime.date, price: int, *, group: int | None = None, least: int = 1,
    last: datetime.date | None = None, rate: int = 1300,
) -> Price:  # fmt: skip
    """A new price; ``least`` is the quantity from which it holds."""
    row = store.get(Item, item, "item")
    owner = None if group is None else store.get(Group, group, "group")
    values = _checked(first, price, least, last, rate)
    _refuse_twin(row.id, group, least, first)
    return store.insert(session, Price(item=row, group=owner, **values))


@command("sales.price.change")
def change(
    session: Session, price_id: int, *, first: datetime.date, price: int, least: int = 1,
    last: datetime.date | None = None, rate: int = 1300,
) -> Price:  # fmt: skip
    """Changes a price; what was quoted and ordered keeps the one it was made with."""
    row = store.get(Price, price_id, "price_id")
    values = _checked(first, price, least, last, rate)
    _refuse_twin(row.item_id, row.group_id, least, first, row.id)
    return store.change(session, row, **values)


@command("sales.price.change")
def remove(session: Session, price_id: int) -> Item:
    """Takes a price out of the list; gives the item that had it."""
    row = store.get(Price, price_id, "price_id")
    store.delete(session, row)
    return store.get(Item, row.item_id)


def _checked(first: datetime.date, price: int, least: int, last: datetime.date | None, rate: int) -> dict[str, object]:
    ledger.check_date(first, "first")
    if last is not None and ledger.check_date(last, "last") < first:
        raise refuse("last", "lies before the first day", "Choose %(first)s or later.", last, first=first)
    return {
        "first": first, "last": last, "price": exact.whole("price", price, least=0),
        "least": exact.whole("least", least, least=1),
        "rate": exact.whole("rate", rate, least=0, most=HIGHEST_RATE),
    }  # fmt: skip


def _refuse_twin(item: int, group: int | None, least: int, first: datetime.date, own: int = 0) -> None:
    whose = Price.group.is_null() if group is None else Price.group == group
    twin = (Price.item == item) & whose & (Price.least == least) & (Price.first == first) & (Price.id != own)
    if Price.get_or_none(twin):
        raise refuse("first", "there is a price from this day on", "Change that one, or choose another day.", first)
