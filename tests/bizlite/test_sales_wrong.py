"""Wrong input of sales names its field and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bizlite.core.errors import Missing, Refused, Stale
from bizlite.sales import (
    contacts,
    deliveries,
    lines,
    orders,
    prices,
    quotations,
    returns,
)  # fmt: skip
from bizlite.sales.models import (
    Delivery,
    DeliveryLine,
    Order,
    OrderLine,
)
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh
from tests.bizlite.selling import (
    SESSION,
    YUAN,
    Shop,
    day,
    line_of,
    opened,
    ordered,
    receive,
)


@pytest.fixture
def shop(fresh: Fresh) -> Iterator[Shop]:
    with opened(fresh()) as found:
        yield found


WRONG: list[tuple[str, dict[str, object]]] = [
    ("party", {"party": 99}),
    ("date", {"date": "2026-05-01"}),
    ("wanted", {"wanted": day(1, 4)}),
    ("contact", {"contact": 5}),
    ("their_number", {"their_number": "x" * 101}),
    ("lines", {"lines": []}),
    ("lines.0.item", {"lines": [lines.Wanted(item=77, quantity=1, price=1)]}),
    ("lines.0.quantity", {"lines": [lines.Wanted(item=1, quantity=0, price=1)]}),
    ("lines.0.quantity", {"lines": [lines.Wanted(item=1, quantity=1.5, price=1)]}),  # type: ignore[arg-type]
    ("lines.0.price", {"lines": [lines.Wanted(item=1, quantity=1)]}),
    ("lines.0.price", {"lines": [lines.Wanted(item=1, quantity=1, price=-1)]}),
    ("lines.0.price", {"lines": [lines.Wanted(item=1, quantity=10**9, price=10**15)]}),
    ("lines.0.discount", {"lines": [lines.Wanted(item=1, quantity=1, price=1, discount=10001)]}),
    ("lines.0.rate", {"lines": [lines.Wanted(item=1, quantity=1, price=1, rate=-1)]}),
    ("lines.1.item", {"lines": [lines.Wanted(item=1, quantity=1, price=1), lines.Wanted(item=0, quantity=1)]}),
]


def test_wrong_input_of_an_order_names_the_field(shop: Shop) -> None:
    values = {"party": shop.customer, "date": day(1), "lines": [lines.Wanted(item=shop.bolt, quantity=1, price=1)]}
    for field, change in WRONG:
        with pytest.raises(Refused) as caught:
            orders.draft(SESSION, **{**values, **change})
        assert caught.value.problems[0].field == field
        assert caught.value.problems[0].remedy
    assert not Order.select().count()
    assert not OrderLine.select().count()


def test_wrong_input_of_papers_names_the_field(shop: Shop) -> None:
    receive(shop.bolt, 5, day(1))
    order = ordered(shop, (shop.bolt, 5))
    line = line_of(order).id
    draft = orders.draft(SESSION, shop.customer, day(1), [lines.Wanted(item=shop.bolt, quantity=1, price=1)])
    other = line_of(draft).id
    delivery = deliveries.post(SESSION, order.id, day(2), [deliveries.Pick(line=line, quantity=2)])
    sent = DeliveryLine.get(DeliveryLine.delivery == delivery).id
    before = invariants.snapshot()

    def deliver(**pick: int) -> Delivery:
        return deliveries.post(SESSION, order.id, day(2), [deliveries.Pick(**pick)])

    for field, call in (
        ("lines.0.quantity", lambda: deliver(line=line, quantity=4)),
        ("lines.0.quantity", lambda: deliver(line=line, quantity=-1)),
        ("lines.0.line", lambda: deliver(line=other, quantity=1)),
        ("lines.0.location", lambda: deliver(line=line, quantity=1, lot=0, location=77)),
        ("lines", lambda: deliveries.post(SESSION, order.id, day(2), [])),
        ("date", lambda: deliveries.post(SESSION, order.id, day(30, 4))),
        ("order", lambda: deliveries.post(SESSION, draft.id, day(2))),
        ("order", lambda: orders.confirm(SESSION, order.id)),
        ("order", lambda: orders.confirm(SESSION, 99)),
        ("reason", lambda: orders.cancel(SESSION, order.id, " ")),
        ("lines.0.quantity", lambda: orders.cancel(SESSION, order.id, "x", lines=[(line, 4)])),
        ("lines.0.line", lambda: orders.cancel(SESSION, order.id, "x", lines=[(other, 1)])),
        ("date", lambda: returns.post(SESSION, delivery.id, day(1), [returns.Back(line=sent, quantity=1)])),
        ("lines.0.quantity", lambda: returns.post(SESSION, delivery.id, day(3), [returns.Back(line=sent, quantity=3)])),
        ("lines.1.line", lambda: returns.post(SESSION, delivery.id, day(3), [returns.Back(line=sent, quantity=1)] * 2)),
        ("lines.0.line", lambda: returns.post(SESSION, delivery.id, day(3), [returns.Back(line=77, quantity=1)])),
        ("email", lambda: contacts.add(SESSION, shop.customer, "x", email="nobody")),
        ("phone", lambda: contacts.add(SESSION, shop.customer, "x", phone="call me")),
        ("last", lambda: prices.add(SESSION, shop.bolt, day(2), 1, last=day(1))),
        ("valid_until", lambda: quotations.draft(SESSION, shop.customer, day(2), day(1), [])),
    ):  # fmt: skip
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.problems[0].field == field
        assert caught.value.problems[0].remedy
    assert invariants.snapshot() == before


def test_a_draft_that_somebody_changed_is_not_written_over(shop: Shop) -> None:
    wanted = [lines.Wanted(item=shop.bolt, quantity=1, price=YUAN)]
    draft = orders.draft(SESSION, shop.customer, day(1), wanted)
    values = {"party": shop.customer, "date": day(1), "lines": wanted}
    changed = orders.change(SESSION, draft.id, 1, **values, text="mine")
    with pytest.raises(Stale):
        orders.change(SESSION, draft.id, 1, **values, text="yours")
    with pytest.raises(Stale):
        orders.confirm(SESSION, draft.id, version=1)
    assert Order.get_by_id(draft.id).text == changed.text == "mine"
    with pytest.raises(Missing):
        orders.change(SESSION, 99, 1, **values)
