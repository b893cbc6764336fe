"""Invoices and credit notes: VAT by line, one rounding rule, posted once, taken back by a credit note only.

sale             1122 party  gross  |  account of each line  net, 22210106  tax
purchase         account of each line  net, 22210101  tax  |  220201 party  gross
credit notes     the same in red
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import fn

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger, parties, payments
from bizlite.finance.models import Invoice, InvoiceLine, Party

MOST_LINES = 500
HIGHEST_RATE = 10_000
RATES = (1300, 900, 600, 300, 100, 0)  # Chinese VAT, in basis points


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One line to invoice; ``scale`` is how many decimals the quantity has.

    ``worth`` is net and tax where they are not those of quantity and price: a part of a line that is taken back.
    """

    text: str
    quantity: int
    price: int
    rate: int = 1300
    scale: int = 0
    account: str = "5001"
    aux: str = ""
    worth: tuple[int, int] | None = None


def amounts(item: Item, is_gross: bool) -> tuple[int, int]:
    """Net and tax of a line."""
    if item.worth is not None:
        return item.worth
    whole = exact.amount(item.quantity, item.scale, item.price)
    if is_gross:
        net = exact.net_of(whole, item.rate)
        return net, whole - net
    return whole, exact.tax_on(whole, item.rate)


@command("finance.invoice.post")
def post(
    session: Session, kind: str, party: int, date: datetime.date, lines: Sequence[Item], *, is_gross: bool = False,
    due: datetime.date | None = None, their_number: str = "", text: str = "",
) -> Invoice:  # fmt: skip
    """Posts an invoice that a person wrote."""
    return enter(session, kind, party, date, lines, is_gross=is_gross, due=due, their_number=their_number, text=text)


def enter(
    session: Session, kind: str, party: int, date: datetime.date, items: Sequence[Item], *, is_gross: bool = False,
    due: datetime.date | None = None, their_number: str = "", text: str = "", credits: Invoice | None = None,
    source: tuple[str, int] = ("", 0),
) -> Invoice:  # fmt: skip
    """Posts an invoice (``sale``, ``purchase``) or a credit note within the caller's transaction."""
    ledger.check_date(date)
    row = store.get(Party, party, "party")
    side = kind.removesuffix("_credit")
    if kind not in ("sale", "purchase", "sale_credit", "purchase_credit") or (kind == side) != (credits is None):
        raise refuse("kind", "is not a kind of invoice", "Choose sale or purchase.", kind)
    if not (row.is_customer if side == "sale" else row.is_supplier) or not row.is_active:
        raise refuse(
            "party", "is no such party", "Choose an active customer for a sale, a supplier for a purchase.", row.code
        )
    due = due or date + datetime.timedelta(days=row.payment_days)
    if ledger.check_date(due, "due") < date:
        raise refuse("due", "lies before the invoice", "Choose %(first)s or later.", due, first=date)
    if not 0 < len(items) <= MOST_LINES:
        raise refuse("lines", "must be 1 to %(most)s", "Give at least one line.", len(items), most=MOST_LINES)
    sums = [_checked(item, n, is_gross) for n, item in enumerate(items)]
    net, tax = sum(net for net, _ in sums), sum(tax for _, tax in sums)
    exact.whole("lines", net + tax, least=1)
    if credits is not None:
        _check_credit(credits, row, net + tax)
    invoice = Invoice(
        kind=kind, party=row, date=date, due=due, is_gross=is_gross, their_number=their_number, text=text, net=net,
        tax=tax, credits=credits, source_kind=source[0], source_id=source[1],
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, invoice)
    store.append(
        InvoiceLine,
        [
            {
                "invoice": invoice.id, "position": n, "account": item.account, "aux": item.aux, "text": item.text,
                "quantity": item.quantity, "scale": item.scale, "price": item.price, "rate": item.rate,
                "net": net, "tax": tax,
            }
            for n, (item, (net, tax)) in enumerate(zip(items, sums, strict=True))
        ],
    )  # fmt: skip
    store.change(session, invoice, **numbers.stamp(session, invoice))
    legs = _legs(invoice, [(item, net) for item, (net, _) in zip(items, sums, strict=True)])
    ledger.enter(session, date, "invoice", legs, text=invoice.number, source=("finance_invoice", invoice.id))
    payments.open_item(
        session, "claim" if credits is None else "cover", side, "finance_invoice", invoice.id, row, date, due, net + tax
    )
    return invoice


@command("finance.invoice.post")
def credit(
    session: Session, invoice: int, date: datetime.date, items: Sequence[Item] | None = None, *, text: str = ""
) -> Invoice:
    """Takes an invoice back, or the lines that are given: one that a person wrote. Others go back where they are."""
    row = store.get(Invoice, invoice, "invoice")
    if row.source_kind:
        remedy = "Credit it where the document was invoiced."
        raise refuse("invoice", "was posted by a document", remedy, row.number or "")
    return take_back(session, row, date, items, text=text)


def take_back(
    session: Session, row: Invoice, date: datetime.date, items: Sequence[Item] | None = None, *, text: str = ""
) -> Invoice:
    """The credit note, within the caller's transaction; what is open of the invoice is covered by it at once."""
    if not row.posted or row.credits_id is not None:
        raise refuse("invoice", "cannot be credited", "Choose a posted invoice.", row.number or "")
    if date < row.date:
        raise refuse("date", "lies before what it reverses", "Choose %(first)s or later.", date, first=row.date)
    if items is None:
        items = [
            Item(
                text=i.text,
                quantity=i.quantity,
                price=i.price,
                rate=i.rate,
                scale=i.scale,
                account=i.account_id,
                aux=i.aux,
            )
            for i in InvoiceLine.select().where(InvoiceLine.invoice == row).order_by(InvoiceLine.position)
        ]
    note = enter(
        session, f"{row.kind}_credit", row.party_id, date, items, is_gross=row.is_gross, due=date, text=text,
        credits=row, source=(row.source_kind, row.source_id),
    )  # fmt: skip
    claim, cover = payments.open_of("finance_invoice", row.id), payments.open_of("finance_invoice", note.id)
    part = min(claim.rest, cover.rest)
    if part:
        payments.settle(session, claim, cover, part, date)
    return note


def _checked(item: Item, n: int, is_gross: bool) -> tuple[int, int]:
    exact.whole(f"lines.{n}.quantity", item.quantity, least=1)
    exact.whole(f"lines.{n}.price", item.price, least=0)
    exact.whole(f"lines.{n}.rate", item.rate, least=0, most=HIGHEST_RATE)
    exact.whole(f"lines.{n}.scale", item.scale, least=0, most=6)
    net, tax = amounts(item, is_gross)
    exact.whole(f"lines.{n}.price", net + tax)
    return net, tax


def _check_credit(invoice: Invoice, party: Party, gross: int) -> None:
    where = (Invoice.credits == invoice) & Invoice.posted
    before = int(Invoice.select(fn.COALESCE(fn.SUM(Invoice.net + Invoice.tax), 0)).where(where).scalar())
    left = invoice.net + invoice.tax - before
    if gross > left:
        words = {"most": exact.show(left, exact.MINOR)}
        raise refuse(
            "lines", "is more than can be credited", "Give at most %(most)s.", exact.show(gross, exact.MINOR), **words
        )


def _legs(invoice: Invoice, lines: Sequence[tuple[Item, int]]) -> list[ledger.Leg]:
    is_sale = invoice.kind.startswith("sale")
    sign = 1 if invoice.credits_id is None else -1
    own, other = ("debit", "credit") if is_sale else ("credit", "debit")
    sums: dict[tuple[str, str], int] = {}
    for item, net in lines:
        sums[item.account, item.aux] = sums.get((item.account, item.aux), 0) + net
    tax_account = ledger.OUTPUT_TAX if is_sale else ledger.INPUT_TAX
    sums[tax_account, ""] = sums.get((tax_account, ""), 0) + invoice.tax
    gross = {own: sign * (invoice.net + invoice.tax)}
    legs = [
        ledger.Leg(account=ledger.RECEIVABLE if is_sale else ledger.PAYABLE, aux=parties.aux(invoice.party_id), **gross)
    ]
    return legs + [
        ledger.Leg(account=account, aux=aux, **{other: sign * amount})
        for (account, aux), amount in sums.items()
        if amount
    ]
