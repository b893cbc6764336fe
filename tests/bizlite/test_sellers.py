"""Who sold what: named on the order, added up by person, to the cent."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from bizlite.core.errors import Refused
from bizlite.finance import parties
from bizlite.sales import deliveries, lines, orders, pages
from bizlite.sales.models import Order, OrderLine
from bizlite.stock import items
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh
from tests.bizlite.pages import form, opened
from tests.bizlite.selling import SESSION, YUAN, day, receive
from tests.bizlite.web_site import USER, call


@pytest.fixture
def client(sqlite: Fresh) -> Iterator[FlaskClient]:
    with opened(sqlite()) as found:
        found.environ_base[USER] = "admin"
        items.add_item(SESSION, "BOLT", "bolt")
        parties.add(SESSION, "C", "customer", is_customer=True)
        yield found
        invariants.hold()


def sell(quantity: int, price: int, seller: str = "") -> Order:
    wanted = [lines.Wanted(item=1, quantity=quantity, price=price, rate=0)]
    return orders.confirm(SESSION, orders.draft(SESSION, 1, day(1), wanted, seller=seller).id)


def test_orders_are_added_up_by_who_sold_them_to_the_cent(client: FlaskClient) -> None:
    receive(1, 100, day(1))
    whole, parts = sell(10, YUAN, "Wang"), sell(3, YUAN // 3, "Li")  # three for 1.00
    sell(1, YUAN)
    deliveries.post(SESSION, whole.id, day(1))
    line = OrderLine.get(OrderLine.order == parts).id
    deliveries.post(SESSION, parts.id, day(1), [deliveries.Pick(line=line, quantity=1)])
    orders.cancel(SESSION, parts.id, "no need", lines=[(line, 1)])
    rows = [row.values for row in pages.sold(day(1), day(31)).lines]
    assert rows == [("Wang", 1, 1, 1000, 0, 1000), ("Li", 1, 1, 100, 33, 33), (SESSION.user, 1, 1, 100, 0, 0)]
    assert pages.sold(day(2), day(31)).lines == []
    page = client.get("/business/sales/sellers?first=2026-05-01&last=2026-05-31").text
    leads = re.search(r'href="(/business/sales/order\?[^"]*seller=Li[^"]*)"', page)
    assert leads
    assert parts.number in client.get(leads[1].replace("&amp;", "&")).text
    csv = client.get("/business/sales/sellers?first=2026-05-01&last=2026-05-31&format=csv&table=sellers").text
    assert csv.splitlines()[1] == "Wang,1,1,10.00,0.00,10.00"
    assert client.get("/business/sales/sellers?first=soon").status_code == 422


def test_the_seller_is_who_writes_the_order_or_is_named_and_stays(client: FlaskClient) -> None:
    body = {"party": "C", "date": "2026-05-01", "lines": [{"item": "BOLT", "quantity": 1, "price": YUAN}]}
    made = call(client, "POST", "/api/biz/v1/sales/order", body).json
    assert made["seller"] == "admin"
    line = {"lines.0.item": "BOLT", "lines.0.quantity": "2", "lines.0.price": "1"}
    sent = {"party": "C", "date": "2026-05-01", "is_gross": "1", **line}
    page = "/business/sales/order/1"
    assert form(client, f"{page}/edit", seller="Wang", **sent).status_code == 303
    assert form(client, f"{page}/edit", seller="", **sent).status_code == 303
    assert Order.get().seller == "Wang"
    wrong = call(client, "POST", "/api/biz/v1/sales/order", {**body, "seller": "x" * 101})
    assert wrong.json["error"]["problems"][0]["field"] == "seller"
    with pytest.raises(Refused, match="seller"):
        orders.draft(SESSION, 1, day(1), [lines.Wanted(item=1, quantity=1, price=1)], seller="\x07")
