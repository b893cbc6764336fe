"""Tryton's side of ``tests/bench/bizlite_peer.py``, run by the Python that has it: a company, then orders to invoices.

``tryton.py setup|run DATABASE ORDERS``; ``run`` prints one JSON line. Each step of a user is one transaction through
the pool, as the server does it for a client; ``setup`` uses what Tryton's own scenarios use.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from trytond.pool import Pool
from trytond.transaction import Transaction, TransactionError
from trytond.worker import run_task

ITEMS, LINES = 20, 5


def setup(database: str, orders: int) -> None:
    """A company with a chart, a tax of 13 %, goods in stock and a customer."""
    from proteus import Model, Wizard
    from proteus import config as proteus
    from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, create_tax, get_accounts
    from trytond.modules.account_invoice.tests.tools import create_payment_term, set_fiscalyear_invoice_sequences
    from trytond.modules.company.tests.tools import create_company

    proteus.set_trytond(f"sqlite:///{database}")
    names = ["sale", "account_invoice_stock"]
    Model.get("ir.module").click(Model.get("ir.module").find([("name", "in", names)]), "activate")
    Wizard("ir.module.activate_upgrade").execute("upgrade")
    create_company()
    create_chart()
    year = set_fiscalyear_invoice_sequences(create_fiscalyear())
    year.click("create_period")
    tax = create_tax(Decimal("0.13"))
    tax.save()
    accounts = get_accounts()
    category = Model.get("product.category")(name="goods", accounting=True)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    category.customer_taxes.append(tax)
    category.save()
    unit = Model.get("product.uom").find([("name", "=", "Unit")])[0]
    products = []
    for n in range(ITEMS):
        product = Model.get("product.template")(
            name=f"item {n}", default_uom=unit, type="goods", salable=True, list_price=Decimal(10),
            cost_price_method="average", account_category=category,
        )  # fmt: skip
        product.save()
        products += product.products
    Model.get("party.party")(name="customer").save()
    create_payment_term().save()
    inventory = Model.get("stock.inventory")(location=Model.get("stock.location").find([("code", "=", "STO")])[0])
    for product in products:
        line = inventory.lines.new(product=product)
        line.quantity, line.expected_quantity = float(orders * 100), 0.0
    inventory.click("confirm")


class Client:
    """The administrator's requests, carried out as the server's dispatcher does: a transaction, then what it queued."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.get = pool, pool.get
        with Transaction().start(pool.database_name, 0, readonly=True):
            (user,) = pool.get("res.user").search([("login", "=", "admin")])
            with Transaction().set_user(user.id):
                self.context = pool.get("res.user").get_preferences(context_only=True)
            self.user = user.id

    def ask(self, function: Callable[[], list[int]]) -> list[int]:
        """One request; what it says, said again when it needs locks."""
        more: dict[str, object] = {}
        while True:
            with Transaction().start(self.pool.database_name, self.user, context=self.context, **more) as transaction:
                try:
                    answer = function()
                except TransactionError as error:
                    transaction.rollback()
                    transaction.tasks.clear()
                    error.fix(more)
                    continue
                transaction.commit()
            while transaction.tasks:
                run_task(self.pool, transaction.tasks.pop())
            return answer

    def click(self, model: str, ids: list[int], *buttons: str) -> None:
        """Buttons of a form, one request each."""
        for button in buttons:
            self.ask(lambda button=button: getattr(self.get(model), button)(self.get(model).browse(ids)))

    def order(self, number: int) -> None:
        """One order, from the draft to the posted invoice."""
        sales = self.ask(lambda: [self.draft(number)])
        self.click("sale.sale", sales, "quote", "confirm")
        shipments = self.ask(lambda: [row.id for row in self.get("sale.sale")(sales[0]).shipments])
        self.click("stock.shipment.out", shipments, "assign_try", "pick", "pack", "do")
        invoices = self.ask(lambda: [row.id for row in self.get("sale.sale")(sales[0]).invoices])
        self.click("account.invoice", invoices, "post")

    def draft(self, number: int) -> int:
        sale = self.get("sale.sale")(invoice_method="shipment", sale_date=datetime.date.today())
        (sale.party,) = self.get("party.party").search([("name", "=", "customer")])
        sale.on_change_party()
        (sale.payment_term,) = self.get("account.invoice.payment_term").search([("name", "=", "Direct")])
        products = self.get("product.product").search([], order=[("id", "ASC")], limit=ITEMS)
        sale.lines = [self.line(sale, products[(number + n) % ITEMS], n + 1, 10 + number % 7) for n in range(LINES)]
        sale.save()
        return int(sale.id)

    def line(self, sale: object, product: object, quantity: int, price: int) -> object:
        """A line as a client fills it in."""
        row = self.get("sale.line")(sale=sale, product=product, quantity=quantity)
        row.on_change_product()
        row.unit_price = Decimal(price)
        return row

    def invoiced(self) -> list[str]:
        """What all posted invoices say, with tax."""
        rows = self.get("account.invoice").search([("state", "=", "posted")])
        return [str(row.total_amount) for row in rows]


def pss_mb() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def run(database: str, orders: int) -> None:
    Pool.start()
    pool = Pool(database)
    pool.init()
    client = Client(pool)
    client.order(orders)  # what is loaded once
    start, cpu = time.monotonic(), time.process_time()
    for number in range(orders):
        client.order(number)
    spent = {"s": time.monotonic() - start, "cpu_s": time.process_time() - cpu, "pss_mb": pss_mb()}
    print(json.dumps({**spent, "invoices": client.ask(client.invoiced)}))


if __name__ == "__main__":
    {"setup": setup, "run": run}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
