"""Before the order: prices, the credit limit, opportunities, quotations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bizlite.core.errors import Forbidden, Refused, Stale
from bizlite.core.session import Session
from bizlite.finance import payments
from bizlite.finance.models import Party
from bizlite.sales import (
    contacts,
    credit,
    deliveries,
    invoices,
    lines,
    opportunities,
    orders,
    prices,
    quotations,
)  # fmt: skip
from bizlite.sales.models import (
    Opportunity,
    QuotationLine,
)
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
from tests.bizlite.world import clock


@pytest.fixture
def shop(fresh: Fresh) -> Iterator[Shop]:
    with opened(fresh()) as found:
        yield found


def test_the_credit_limit_counts_invoices_and_what_is_ordered(shop: Shop) -> None:
    Party.update(credit_limit=10000).where(Party.id == shop.customer).execute()
    receive(shop.bolt, 10, day(1))
    order = ordered(shop, (shop.bolt, 6))
    deliveries.post(SESSION, order.id, day(2), [deliveries.Pick(line=line_of(order).id, quantity=2)])
    assert credit.used(shop.customer) == 6000
    invoices.post(SESSION, order.id, day(2))
    assert credit.used(shop.customer) == 6000
    wanted = [lines.Wanted(item=shop.bolt, quantity=5, price=10 * YUAN)]
    draft = orders.draft(SESSION, shop.customer, day(3), wanted)
    with pytest.raises(Refused, match=r"60\.00 is used, this is 50\.00") as caught:
        orders.confirm(SESSION, draft.id)
    assert "with a reason" in caught.value.problems[0].remedy
    clerk = Session(user="clerk", rights=frozenset({"sales.order.post"}), now=clock)
    with pytest.raises(Forbidden):
        orders.confirm_over(clerk, draft.id, "an old friend")
    with pytest.raises(Refused, match="is missing"):
        orders.confirm_over(SESSION, draft.id, " ")
    assert orders.confirm_over(SESSION, draft.id, "an old friend").credit_reason == "an old friend"
    payments.post(SESSION, "in", shop.customer, day(4), 2000)
    assert credit.used(shop.customer) == 9000


def test_prices_of_the_group_go_before_those_for_everybody(shop: Shop) -> None:
    group = contacts.add_group(SESSION, "D", "dealers", discount=1000)
    prices.add(SESSION, shop.bolt, day(1), 10 * YUAN)
    prices.add(SESSION, shop.bolt, day(1), 8 * YUAN, least=100)
    prices.add(SESSION, shop.bolt, day(10), 11 * YUAN)
    prices.add(SESSION, shop.nut, day(1), 5 * YUAN, last=day(9), rate=900)
    found = prices.find(shop.customer, shop.bolt, 99, day(5))
    assert (found.price, found.discount) == (10 * YUAN, 0)
    contacts.join(SESSION, group.id, shop.customer)
    found = prices.find(shop.customer, shop.bolt, 100, day(5))
    assert (found.price, found.discount) == (8 * YUAN, 1000)
    assert prices.find(shop.customer, shop.bolt, 1, day(10)).price == 11 * YUAN
    prices.add(SESSION, shop.bolt, day(1), 7 * YUAN, group=group.id, least=50)
    found = prices.find(shop.customer, shop.bolt, 100, day(5))
    assert (found.price, found.discount) == (7 * YUAN, 0)
    assert prices.find(shop.customer, shop.nut, 1, day(10)) is None
    order = orders.draft(SESSION, shop.customer, day(5), [lines.Wanted(item=shop.bolt, quantity=10)])
    assert (order.net + order.tax, line_of(order).discount) == (9000, 1000)
    net = orders.draft(SESSION, shop.customer, day(5), [lines.Wanted(item=shop.nut, quantity=1)], is_gross=False)
    assert (net.net, net.tax, line_of(net).rate) == (413, 37, 900)
    contacts.leave(SESSION, group.id, shop.customer)
    assert prices.find(shop.customer, shop.bolt, 100, day(5)).price == 8 * YUAN
    with pytest.raises(Refused, match="NUT has no price"):
        orders.draft(SESSION, shop.customer, day(11), [lines.Wanted(item=shop.nut, quantity=1)])


def test_an_opportunity_is_won_or_lost_with_a_reason(shop: Shop) -> None:
    contact = contacts.add(SESSION, shop.customer, "王芳", phone="+86 138 0000 0000", email="w@example.com")
    row = opportunities.add(SESSION, shop.customer, day(1), "new line", amount=500_000, contact=contact.id)
    opportunities.move(SESSION, row.id, "offered", version=row.version)
    with pytest.raises(Refused, match="does not fit the stage"):
        opportunities.move(SESSION, row.id, "lost")
    with pytest.raises(Refused, match="cannot follow offered"):
        opportunities.move(SESSION, row.id, "new")
    with pytest.raises(Stale):
        opportunities.move(SESSION, row.id, "won", version=1)
    closed = opportunities.move(SESSION, row.id, "lost", lost_reason="too dear")
    assert closed.number == "OP-2026-00001"
    with pytest.raises(Refused, match="is closed"):
        opportunities.move(SESSION, row.id, "won")
    assert Opportunity.get_by_id(row.id).lost_reason == "too dear"


def test_only_the_last_version_of_a_quotation_that_is_valid_becomes_one_order(shop: Shop) -> None:
    wanted = [lines.Wanted(item=shop.bolt, quantity=5, price=3 * YUAN, discount=500)]
    offer = quotations.draft(SESSION, shop.customer, day(1), day(10), wanted)
    with pytest.raises(Refused, match="not sent"):
        quotations.order(SESSION, offer.id, day(2))
    changed = quotations.change(
        SESSION, offer.id, offer.version, party=shop.customer, date=day(1), valid_until=day(9), lines=wanted * 2
    )
    quotations.send(SESSION, offer.id, version=changed.version)
    with pytest.raises(Refused, match="is sent"):
        quotations.send(SESSION, offer.id)
    second = quotations.revise(SESSION, offer.id, day(3), day(12))
    assert (second.revision, second.net, second.first_id) == (2, changed.net, offer.id)
    quotations.send(SESSION, second.id)
    with pytest.raises(Refused, match="later version"):
        quotations.order(SESSION, offer.id, day(4))
    with pytest.raises(Refused, match="no longer valid"):
        quotations.order(SESSION, second.id, day(13))
    assert {line.text for line in QuotationLine.select()} == {"BOLT bolt"}
    order = quotations.order(SESSION, second.id, day(4), their_number="PO 7")
    assert (order.net, order.tax, order.quotation_id) == (second.net, second.tax, second.id)
    with pytest.raises(Refused, match="is ordered already"):
        quotations.order(SESSION, second.id, day(4))
