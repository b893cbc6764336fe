"""Who sells an item: price, lead time, their number for it, how little they sell, how much more they may bring."""

from __future__ import annotations

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance.invoices import HIGHEST_RATE
from bizlite.finance.models import Party
from bizlite.finance.parties import LONGEST_DAYS
from bizlite.purchasing.models import SupplierItem
from bizlite.stock.items import LONGEST_CODE, check_note
from bizlite.stock.models import Item


def supplier(party: int, field: str = "party") -> Party:
    """The party as somebody who sells. :raise Refused: when it is none, or not any more."""
    row = store.get(Party, party, field)
    if not row.is_supplier or not row.is_active:
        raise refuse(field, "is no supplier", "Choose an active supplier.", row.code)
    return row


def sells(party: int, item: int) -> SupplierItem | None:
    """What a supplier says of an item."""
    return SupplierItem.get_or_none((SupplierItem.party == party) & (SupplierItem.item == item))


def best(item: int) -> SupplierItem | None:
    """Where an item is bought: the preferred supplier, else the cheapest."""
    active = SupplierItem.select(SupplierItem).join(Party).where((SupplierItem.item == item) & Party.is_active)
    return active.order_by(SupplierItem.is_preferred.desc(), SupplierItem.price, SupplierItem.id).first()


def lot_of(row: SupplierItem, quantity: int) -> int:
    """A quantity as the supplier sells it: at least their least, in whole multiples."""
    return -(-max(quantity, row.least) // row.multiple) * row.multiple


@command("purchasing.supplier.change")
def add(
    session: Session, party: int, item: int, price: int, *, rate: int = 1300, their_number: str = "", least: int = 1,
    multiple: int = 1, lead_days: int = 0, tolerance: int = 0, is_preferred: bool = False,
) -> SupplierItem:  # fmt: skip
    """Says that a supplier sells an item; ``price`` is with tax, of one unit."""
    owner, goods = supplier(party), store.get(Item, item, "item")
    if sells(owner.id, goods.id):
        raise refuse("item", "is one of this supplier's already", "Change that one.", goods.code)
    values = _checked(price, rate, their_number, least, multiple, lead_days, tolerance)
    row = store.insert(session, SupplierItem(party=owner, item=goods, is_preferred=bool(is_preferred), **values))
    _only_one_preferred(session, row)
    return row


@command("purchasing.supplier.change")
def change(
    session: Session, supplier_item: int, *, price: int, rate: int = 1300, their_number: str = "", least: int = 1,
    multiple: int = 1, lead_days: int = 0, tolerance: int = 0, is_preferred: bool = False,
) -> SupplierItem:  # fmt: skip
    """Changes what a supplier says of an item; what was ordered keeps what it was ordered with."""
    row = store.get(SupplierItem, supplier_item, "supplier_item")
    values = _checked(price, rate, their_number, least, multiple, lead_days, tolerance)
    store.change(session, row, is_preferred=bool(is_preferred), **values)
    _only_one_preferred(session, row)
    return row


@command("purchasing.supplier.change")
def remove(session: Session, supplier_item: int) -> Item:
    """The supplier does not sell it any more; gives the item."""
    row = store.get(SupplierItem, supplier_item, "supplier_item")
    store.delete(session, row)
    return store.get(Item, row.item_id)


def _checked(
    price: int, rate: int, their_number: str, least: int, multiple: int, lead_days: int, tolerance: int
) -> dict[str, object]:
    return {
        "price": exact.whole("price", price, least=0), "rate": exact.whole("rate", rate, least=0, most=HIGHEST_RATE),
        "their_number": check_note("their_number", their_number, LONGEST_CODE),
        "least": exact.whole("least", least, least=1), "multiple": exact.whole("multiple", multiple, least=1),
        "lead_days": exact.whole("lead_days", lead_days, least=0, most=LONGEST_DAYS),
        "tolerance": exact.whole("tolerance", tolerance, least=0, most=exact.BASIS_POINTS),
    }  # fmt: skip


def _only_one_preferred(session: Session, row: SupplierItem) -> None:
    if row.is_preferred:
        others = (SupplierItem.item == row.item_id) & SupplierItem.is_preferred & (SupplierItem.id != row.id)
        for other in SupplierItem.select().where(others):
            store.change(session, other, is_preferred=False)
