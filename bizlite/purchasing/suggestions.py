"""What to order today: reorder rules, what documents will lack, and requests; one click makes draft orders of them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.finance.models import Party
from bizlite.purchasing import orders, requests, suppliers
from bizlite.purchasing.lines import Wanted
from bizlite.purchasing.models import Order, SupplierItem
from bizlite.stock import planning
from bizlite.stock.models import Item


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Order this much of the supplier, if one is known; on ``short_on`` the stock would be too small."""

    item: int
    quantity: int
    short_on: datetime.date
    supplier: SupplierItem | None


def find(session: Session) -> list[Suggestion]:
    """What to order, less what stands on drafts already; what is short first comes first."""
    today = session.today()
    found = []
    for need in [*planning.suggestions(today), *planning.shortages(today, today + planning.HORIZON)]:
        missing = need.quantity - orders.drafted(need.item)
        if missing > 0:
            seller = suppliers.best(need.item)
            quantity = suppliers.lot_of(seller, missing) if seller else missing
            found.append(Suggestion(need.item, quantity, need.short_on, seller))
    return sorted(found, key=lambda one: (one.short_on, one.item))


@command("purchasing.order.change")
def order(session: Session, date: datetime.date, wanted: Sequence[tuple[int, int]]) -> Order:
    """Drafts one order for each supplier of items and quantities; gives the first of them."""
    asked = []
    for n, (item, quantity) in enumerate(wanted):
        row = store.get(Item, item, f"lines.{n}.item")
        asked.append((n, row, exact.whole(f"lines.{n}.quantity", quantity, least=1), None))
    return _draft(session, date, asked)


@command("purchasing.order.change")
def order_requests(session: Session, date: datetime.date, lines: Sequence[int]) -> Order:
    """Drafts orders for lines of requests; gives the first of them."""
    found = [requests.waiting(line, f"lines.{n}.line") for n, line in enumerate(lines)]
    return _draft(session, date, [(n, row.item, row.quantity, row.id) for n, row in enumerate(found)])


def _draft(session: Session, date: datetime.date, asked: list[tuple[int, Item, int, int | None]]) -> Order:
    if not asked:
        raise refuse("lines", "must be 1 to %(most)s", "Give at least one line.", 0, most=500)
    by_supplier: dict[int, list[Wanted]] = {}
    for n, item, quantity, request_line in asked:
        seller = suppliers.best(item.id)
        if seller is None:
            remedy = marked("Say who sells it, with a price.")
            raise refuse(f"lines.{n}.item", "%(item)s has no supplier", remedy, item=item.code)
        wanted = Wanted(item=item.id, quantity=suppliers.lot_of(seller, quantity), request_line=request_line)
        by_supplier.setdefault(seller.party_id, []).append(wanted)
    names = dict(Party.select(Party.id, Party.code).where(Party.id << list(by_supplier)).tuples())
    made = [orders.draft(session, party, date, by_supplier[party]) for party in sorted(by_supplier, key=names.get)]
    return made[0]
