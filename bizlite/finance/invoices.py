"""Invoices and credit notes: VAT by line, one rounding rule, posted once, taken back by a credit note only.

sale             1122 party  gross  |  account of each line  net, 22210106  tax
purchase         account of each line  net, 22210101  tax  |  220201 party  gross
credit notes     the same in red

While we are a small-scale taxpayer the tax of a sale stands on 222101, and that of a purchase is part of what each line
costs. A credit note follows its invoice, whatever we are since.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import fn

from bizlite.core import company, exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import Problem, marked, refuse, refuse_all
from bizlite.core.session import Session
from bizlite.finance import ledger, parties, payments
from bizlite.finance.models import Account, Invoice, InvoiceLine, Party

MOST_LINES = 500
HIGHEST_RATE = 10_000
RATES = (1300, 900, 600, 300, 100, 0)  # Chinese VAT, in basis points


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One line to invoice; ``scale`` is how many decimals the quantity has.

    ``worth`` is net and tax where they are not those of quantity and price: a part of a line that is taken back, which
    ``of_position`` names.
    """

    text: str
    quantity: int
    price: int
    rate: int = 1300
    scale: int = 0
    account: str = "5001"
    aux: str = ""
    worth: tuple[int, int] | None = None
    of_position: int | None = None


def amounts(item: Item, is_gross: bool) -> tuple[int, int]:
    """Net and tax of a line."""
    if item.worth is not None:
        return item.worth
    whole = exact.amount(item.quantity, item.scale, item.price)
    if is_gross:
        net = exact.net_of(whole, item.rate)
        return net, whole - net
    return whole, exact.tax_on(whole, item.rate)


def cost(tax_kind: str, net: int, tax: int) -> int:
    """What something bought costs us: without the tax that is deducted."""
    return net + tax if tax_kind == company.SMALL else net


def rests(invoice: Invoice) -> dict[int, tuple[int, int]]:
    """Net and tax of each line by position, less what credit notes took back of it."""
    left = {line.position: (line.net, line.tax) for line in _lines(invoice)}
    taken = InvoiceLine.select(InvoiceLine.of_position, fn.SUM(InvoiceLine.net), fn.SUM(InvoiceLine.tax)).join(Invoice)
    taken = taken.where((Invoice.credits == invoice) & InvoiceLine.of_position.is_null(False))
    for position, net, tax in taken.group_by(InvoiceLine.of_position).tuples():
        left[position] = (left[position][0] - int(net), left[position][1] - int(tax))
    return left


@command("finance.invoice.post")
def post(
    session: Session, kind: str, party: int, date: datetime.date, lines: Sequence[Item], *, is_gross: bool = False,
    due: datetime.date | None = None, their_number: str = "", text: str = "",
) -> Invoice:  # fmt: skip
    """Posts an invoice that a person wrote."""
    refuse_all(_by_hand(kind, lines))
    if kind == "purchase":
        check_their_number(party, their_number)
    return enter(session, kind, party, date, lines, is_gross=is_gross, due=due, their_number=their_number, text=text)


def _by_hand(kind: str, items: Sequence[Item]) -> list[Problem]:
    """What an invoice that a person wrote may not book on: what documents keep in step with their own sums, and what
    is revenue where something is bought."""
    problems = []
    for n, item in enumerate(items):
        field = f"lines.{n}.account"
        if item.account in (ledger.RECEIVABLE, ledger.PAYABLE):
            remedy = marked("Choose the account of what is sold or bought.")
            problems.append(
                Problem(field=field, message="is kept by invoices and payments", remedy=remedy, value=item.account)
            )
        elif kind == "purchase" and Account.get_or_none((Account.code == item.account) & (Account.kind == "income")):
            remedy = marked("Choose the account of what is bought: an expense, or what we own.")
            problems.append(Problem(field=field, message="is an account of revenue", remedy=remedy, value=item.account))
        remedy = marked("Goods are invoiced at their order.")
        problems += ledger.kept_by_stock(item.account, field, remedy)
    return problems


def check_their_number(party: int, number: str) -> None:
    """:raise Refused: when an invoice of the supplier with this number stands: it would be paid twice."""
    twins = (Invoice.party == party) & (Invoice.kind == "purchase") & (Invoice.their_number == number.strip())
    for found in Invoice.select().where(twins) if number.strip() else ():
        if left_of(found) > 0:
            raise refuse("their_number", "is entered already", "Look at %(number)s.", number, number=found.number)


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
        _check_credit(credits, net + tax)
    invoice = Invoice(
        kind=kind, party=row, date=date, due=due, is_gross=is_gross, their_number=their_number.strip(), text=text,
        net=net, tax=tax, tax_kind=company.tax_kind(date) if credits is None else credits.tax_kind, credits=credits,
        source_kind=source[0], source_id=source[1],
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    store.insert(session, invoice)
    store.append(
        InvoiceLine,
        [
            {
                "invoice": invoice.id, "position": n, "account": item.account, "aux": item.aux, "text": item.text,
                "quantity": item.quantity, "scale": item.scale, "price": item.price, "rate": item.rate,
                "net": net, "tax": tax, "of_position": item.of_position,
            }
            for n, (item, (net, tax)) in enumerate(zip(items, sums, strict=True))
        ],
    )  # fmt: skip
    store.change(session, invoice, **numbers.stamp(session, invoice))
    legs = _legs(invoice, list(zip(items, sums, strict=True)))
    ledger.enter(session, date, "invoice", legs, text=invoice.number, source=("finance_invoice", invoice.id))
    payments.open_item(
        session, "claim" if credits is None else "cover", side, "finance_invoice", invoice.id, row, date, due, net + tax
    )
    return invoice


@command("finance.invoice.post")
def credit(
    session: Session, invoice: int, date: datetime.date, items: Sequence[Item] | None = None, *, text: str = ""
) -> Invoice:
    """Takes back what is left of an invoice, or the lines that are given: one that a person wrote. Others go back where
    they are."""
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
        left = rests(row)
        items = [
            line_item(line, line.quantity, left[line.position]) for line in _lines(row) if any(left[line.position])
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


def line_item(line: InvoiceLine, quantity: int, worth: tuple[int, int]) -> Item:
    """A part of a line of an invoice, to be taken back."""
    return Item(
        text=line.text, quantity=quantity, price=line.price, rate=line.rate, scale=line.scale, account=line.account_id,
        aux=line.aux, worth=worth, of_position=line.position,
    )  # fmt: skip


def _lines(invoice: Invoice) -> list[InvoiceLine]:
    return list(InvoiceLine.select().where(InvoiceLine.invoice == invoice).order_by(InvoiceLine.position))


def _checked(item: Item, n: int, is_gross: bool) -> tuple[int, int]:
    exact.whole(f"lines.{n}.quantity", item.quantity, least=1)
    exact.whole(f"lines.{n}.price", item.price, least=0)
    exact.whole(f"lines.{n}.rate", item.rate, least=0, most=HIGHEST_RATE)
    exact.whole(f"lines.{n}.scale", item.scale, least=0, most=6)
    net, tax = amounts(item, is_gross)
    exact.whole(f"lines.{n}.price", net + tax)
    return net, tax


def left_of(invoice: Invoice) -> int:
    """What of an invoice can still be credited, with tax."""
    where = (Invoice.credits == invoice) & Invoice.posted
    before = int(Invoice.select(fn.COALESCE(fn.SUM(Invoice.net + Invoice.tax), 0)).where(where).scalar())
    return int(invoice.net + invoice.tax - before)


def _check_credit(invoice: Invoice, gross: int) -> None:
    left = left_of(invoice)
    if gross > left:
        words = {"most": exact.show(left, exact.MINOR)}
        raise refuse(
            "lines", "is more than can be credited", "Give at most %(most)s.", exact.show(gross, exact.MINOR), **words
        )


def _legs(invoice: Invoice, lines: Sequence[tuple[Item, tuple[int, int]]]) -> list[ledger.Leg]:
    is_sale = invoice.kind.startswith("sale")
    is_small = invoice.tax_kind == company.SMALL
    sign = 1 if invoice.credits_id is None else -1
    own, other = ("debit", "credit") if is_sale else ("credit", "debit")
    sums: dict[tuple[str, str], int] = {}
    for item, (net, tax) in lines:
        amount = net if is_sale else cost(invoice.tax_kind, net, tax)
        sums[item.account, item.aux] = sums.get((item.account, item.aux), 0) + amount
    if is_sale or not is_small:
        account = (ledger.SMALL_TAX if is_small else ledger.OUTPUT_TAX) if is_sale else ledger.INPUT_TAX
        sums[account, ""] = sums.get((account, ""), 0) + invoice.tax
    gross = {own: sign * (invoice.net + invoice.tax)}
    legs = [
        ledger.Leg(account=ledger.RECEIVABLE if is_sale else ledger.PAYABLE, aux=parties.aux(invoice.party_id), **gross)
    ]
    return legs + [
        ledger.Leg(account=account, aux=aux, **{other: sign * amount})
        for (account, aux), amount in sums.items()
        if amount
    ]
