"""A lot is followed from the supplier's yarn to the customer, and quantities are typed in other units of an item."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient

from bizlite.finance import parties
from bizlite.production import boms, cards, centres, materials, orders, output, reports, routings, workers
from bizlite.purchasing import lines as buy_lines
from bizlite.purchasing import orders as purchases
from bizlite.purchasing import receipts
from bizlite.sales import deliveries, lines, returns
from bizlite.sales import orders as sales
from bizlite.sales.models import DeliveryLine
from bizlite.stock import items
from bizlite.stock.models import Lot, OnHand
from bizlite.stock.parts import Back
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh
from tests.bizlite.pages import opened
from tests.bizlite.web_site import USER, call, press, send
from tests.bizlite.world import World

SESSION = World.session_of()
DAY = SESSION.today()


@pytest.fixture
def client(sqlite: Fresh) -> Iterator[FlaskClient]:
    with opened(sqlite()) as found:
        found.environ_base[USER] = "admin"
        yield found
        invariants.hold()


@dataclass
class Mill:
    """Cloth of lots is dyed from yarn of lots: two of yarn make one of cloth."""

    yarn: int
    cloth: int

    def buy(self, quantity: int, lot: str) -> None:
        supplier = parties.add(SESSION, f"S{lot}", "spinner", is_supplier=True).id
        wanted = [buy_lines.Wanted(item=self.yarn, quantity=quantity, price=1_000_000)]
        order = purchases.send(SESSION, purchases.draft(SESSION, supplier, DAY, wanted).id)
        got = [receipts.Got(line=line.id, quantity=quantity, lot_code=lot) for line in buy_lines.of(order.id)]
        receipts.post(SESSION, order.id, DAY, got)

    def dye(self, quantity: int, lot: str, yarn: str) -> None:
        order = orders.draft(SESSION, self.cloth, quantity, DAY, lot_code=lot)
        order = orders.release(SESSION, order.id, order.version)
        number = Lot.get(Lot.code == yarn).id
        materials.issue(SESSION, order.id, 1, quantity * 2, lot=number)
        (card,) = cards.of_order(order.id)
        reports.report(SESSION, card.id, "good", 1, quantity)
        output.receive(SESSION, order.id, quantity)


@pytest.fixture
def mill(client: FlaskClient) -> Mill:
    yarn = items.add_item(SESSION, "YARN", "yarn", has_lots=True).id
    cloth = items.add_item(SESSION, "CLOTH", "cloth", has_lots=True).id
    centre = centres.add(SESSION, "VAT", "Dye vats").id
    step = [routings.Step(code="dye", name="Dyeing", centre=centre, run_ms=1000)]
    january = datetime.date(2026, 1, 1)
    routings.release(SESSION, routings.draft(SESSION, cloth, "A", step, date=january).id, 1)
    parts = [boms.Component(item=yarn, quantity=2, is_backflushed=False)]
    boms.release(SESSION, boms.draft(SESSION, cloth, "A", 1, parts, date=january).id, 1)
    workers.add(SESSION, "W1", "Wang")
    return Mill(yarn, cloth)


def table(page: str, title: str) -> str:
    """The words of a table of the page."""
    found = re.search(rf"<h2>{title}.*?</table>", page, re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])) if found else ""


def test_a_lot_is_followed_to_the_customer_and_back(client: FlaskClient, mill: Mill) -> None:
    mill.buy(100, "Y1")
    mill.buy(100, "Y2")
    mill.dye(20, "D1", "Y1")
    mill.dye(10, "D2", "Y2")
    customer = parties.add(SESSION, "C", "tailor", is_customer=True).id
    wanted = [lines.Wanted(item=mill.cloth, quantity=8, price=1_000_000)]
    order = sales.confirm(SESSION, sales.draft(SESSION, customer, DAY, wanted).id)
    deliveries.post(SESSION, order.id, DAY)
    first, dyed, other = (Lot.get(Lot.code == code).id for code in ("Y1", "D1", "D2"))
    assert f"/business/stock/trace?lot={first}" in client.get(f"/business/stock/lot/{first}").text
    page = client.get(f"/business/stock/trace?lot={first}").text
    assert "CLOTH cloth D1 20" in table(page, "Went into")
    assert f"trace?lot={dyed}" in page
    assert "D2" not in page
    assert "spinner" in table(page, "Each move of it")
    assert re.search(r"CLOTH cloth D1 8 DN-2026-00001 tailor", table(page, "Who has it"))
    back = client.get(f"/business/stock/trace?lot={dyed}").text
    assert re.search(r"YARN yarn Y1 40 WO-2026-00001", table(back, "Made of"))
    assert "tailor" not in client.get(f"/business/stock/trace?lot={other}").text
    deliveries.storno(SESSION, 1)
    assert "tailor" not in table(client.get(f"/business/stock/trace?lot={first}").text, "Who has it")
    csv = client.get(f"/business/stock/trace?lot={dyed}&format=csv&table=made-of").text
    assert csv.splitlines()[1] == "YARN,yarn,Y1,40,WO-2026-00001"
    for wrong in ("x", "99", ""):
        assert client.get(f"/business/stock/trace?lot={wrong}").status_code in (404, 422)


def test_who_gave_it_back_has_it_no_more(client: FlaskClient, mill: Mill) -> None:
    mill.buy(100, "Y1")
    mill.dye(20, "D1", "Y1")
    customer = parties.add(SESSION, "C", "tailor", is_customer=True).id
    wanted = [lines.Wanted(item=mill.cloth, quantity=8, price=1_000_000)]
    order = sales.confirm(SESSION, sales.draft(SESSION, customer, DAY, wanted).id)
    delivery = deliveries.post(SESSION, order.id, DAY).id
    lot, line = Lot.get(Lot.code == "D1").id, DeliveryLine.get().id

    def who_has_it() -> str:
        return table(client.get(f"/business/stock/trace?lot={lot}").text, "Who has it")

    returns.post(SESSION, delivery, DAY, [Back(line=line, quantity=3)])
    assert "CLOTH cloth D1 5 DN-2026-00001 tailor" in who_has_it()
    rest = returns.post(SESSION, delivery, DAY, [Back(line=line, quantity=5)])
    assert "tailor" not in who_has_it()
    returns.storno(SESSION, rest.id)
    assert "CLOTH cloth D1 5 DN-2026-00001 tailor" in who_has_it()


def test_a_quantity_is_typed_in_another_unit(client: FlaskClient) -> None:
    items.add_item(SESSION, "WIRE", "wire", unit="m")
    page = "/business/stock/item/1"
    assert press(client, page, "unit", unit="box", numerator="250000", denominator="1").status_code == 303
    line = {"lines.0.item": "WIRE", "lines.0.source": "SUPPLIER", "lines.0.target": "MAIN", "lines.0.value": "1"}
    paper = "/business/stock/transfer/new"

    def receive(quantity: str) -> str:
        sent = {"kind": "receipt", "date": str(DAY), **line, "lines.0.quantity": quantity}
        answer = send(client, paper, **sent)
        said = re.search(r'id="lines.0.quantity-error".*?<span>(.*?)</span>', answer.text, re.S)
        return str(said[1]).strip() if said else str(answer.status_code)

    assert receive("2 box") == receive("3箱") == receive("0.5 metre") == "303"
    assert OnHand.get(OnHand.location == 1).quantity == 5 * 250_000 + 500
    assert receive("2 kg") == "Is not a unit of this item. Choose its unit, or add a conversion."
    assert receive("2 bags") == "Is not a unit of this item. Choose its unit, or add a conversion."
    assert receive("1.5 box") == "Has too many decimals. Give at most 0 decimals."
    body = {"kind": "receipt", "date": str(DAY), "lines": [
        {"item": "WIRE", "quantity": "2 box", "source": 2, "target": 1}]}  # fmt: skip
    wrong = call(client, "POST", "/api/biz/v1/stock/transfer", body)
    assert wrong.json["error"]["problems"][0]["field"] == "lines.0.quantity"
