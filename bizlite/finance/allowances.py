"""Price allowances (折让): a part of an invoice is not to be paid, and no goods come back.

It is a credit note like those for goods: each line with the share of its own tax, in red on the same accounts, and what
is open of the invoice is covered by it. What comes back later is worth that less.
"""

from __future__ import annotations

import datetime

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.exact import half_up
from bizlite.core.session import Session
from bizlite.finance import invoices
from bizlite.finance.models import Invoice, InvoiceLine

FEN = 10 ** (exact.PRICE - exact.MINOR)  # of a price


@command("finance.invoice.post")
def post(
    session: Session, invoice: int, date: datetime.date, amount: int, *, line: int | None = None, text: str = ""
) -> Invoice:
    """An allowance with tax, on all lines in proportion or on one (counted from 1). Gives the credit note.

    One on goods bought is posted at their order, since it changes what they cost: ``purchasing.invoices.allow``.
    """
    row = store.get(Invoice, invoice, "invoice")
    if row.kind == "purchase" and row.source_kind:
        raise refuse("invoice", "is for goods received", "Post the allowance at the purchase order.", row.number or "")
    return invoices.take_back(session, row, date, items(row, amount, line), text=text)


def items(invoice: Invoice, amount: int, line: int | None = None) -> list[invoices.Item]:
    """The lines of the credit note: each with its share of the amount, and in it of its own tax."""
    if not invoice.posted or invoice.credits_id is not None:
        raise refuse("invoice", "cannot be credited", "Choose a posted invoice.", invoice.number or "")
    exact.whole("amount", amount, least=1)
    rests = invoices.rests(invoice)
    if line is not None:
        exact.whole("line", line, least=1, most=len(rests))
        rests = {line - 1: rests[line - 1]}
    grosses = {position: net + tax for position, (net, tax) in rests.items()}
    left = min(sum(grosses.values()), invoices.left_of(invoice))
    if amount > left:
        most = exact.show(left, exact.MINOR)
        raise refuse(
            "amount", "is more than can be credited", "Give at most %(most)s.", exact.show(amount, 2), most=most
        )
    found = []
    for position, part in zip(grosses, exact.share(amount, list(grosses.values())), strict=True):
        if part:
            row = InvoiceLine.get((InvoiceLine.invoice == invoice) & (InvoiceLine.position == position))
            tax = half_up(rests[position][1] * part, grosses[position])
            price = (part if invoice.is_gross else part - tax) * FEN
            found.append(
                invoices.Item(
                    text=row.text, quantity=1, price=price, rate=row.rate, account=row.account_id, aux=row.aux,
                    worth=(part - tax, tax), of_position=position,
                )
            )  # fmt: skip
    return found
