"""What the pages show of the ledger; statements, lists and files are in ``pages``."""

from __future__ import annotations

from typing import Any

from flask import url_for
from peewee import fn

from bizlite.core import company, store
from bizlite.core.session import Session
from bizlite.finance import (
    accounts,
    allowances,
    bank,
    closing,
    forecast,
    invoices,
    ledger,
    matching_pages,
    pages,
    parties,
    payments,
    taxpayer_calls,
)
from bizlite.finance.models import Account, BankLine, Entry, Invoice, InvoiceLine, Line, Open, Party, Payment, Recurring
from bizlite.finance.pages import bp
from bizlite.web.calls import figures
from bizlite.web.core import Todo
from bizlite.web.fields import Choice, Date, Money, Percent, Price, Quantity, Reference, Text, Values, Whole, YesNo
from bizlite.web.guard import today
from bizlite.web.resource import Action, Column, Lines, Link, Page, Resource
from bizlite.web.texts import marked as _

__all__ = ["CALLS", "RESOURCES", "bp", "todo"]

TYPED_SCALE = 3  # decimals of a quantity on an invoice that a person writes


def leg(account: str, debit: int | None, credit: int | None, text: str) -> ledger.Leg:
    """A line of a voucher as the form has it."""
    return ledger.Leg(account=account, debit=debit or 0, credit=credit or 0, text=text)


def amounts(rows: list[Entry]) -> dict[int, int]:
    """The sum of each entry's debits."""
    sums = Line.select(Line.entry, fn.SUM(Line.debit)).where(Line.entry << [row.id for row in rows])
    return {entry: int(debit) for entry, debit in sums.group_by(Line.entry).tuples()}


def owner(aux: str) -> str:
    """Whose a line is: a party by its name."""
    if not aux.startswith("party:"):
        return aux
    return str(Party.get_by_id(int(aux.removeprefix("party:"))).name)


def source(row: Entry, model: type[Invoice] | type[Payment]) -> list[Any]:
    """The document that posted an entry."""
    return list(model.select().where(model.id == row.source_id)) if row.source_kind == model._meta.table_name else []


def entries(row: Invoice | Payment) -> list[Entry]:
    """What a document posted."""
    own = (Entry.source_kind == row._meta.table_name) & (Entry.source_id == row.id)
    return list(Entry.select().where(own).order_by(Entry.id))


def rests(rows: list[Invoice] | list[Payment]) -> dict[int, int]:
    """What is open of documents of one kind."""
    if not rows:
        return {}
    own = (Open.document_kind == rows[0]._meta.table_name) & (Open.document_id << [row.id for row in rows])
    return dict(Open.select(Open.document_id, Open.rest).where(own).tuples())


def scale(values: Values) -> int:
    """Decimals of a line's quantity."""
    return int(values.get("scale", TYPED_SCALE))


def invoice_line(text: str, quantity: int, price: int, rate: int, account: str) -> invoices.Item:
    """A line of an invoice as the form has it."""
    return invoices.Item(text=text, quantity=quantity, scale=TYPED_SCALE, price=price, rate=rate, account=account)


def paid_by(row: Payment) -> list[Invoice]:
    """The invoices that a payment pays."""
    claims = [claim for claim, _amount in payments.allocated(payments.open_of("finance_payment", row.id))]
    documents = Open.select(Open.document_id).where((Open.id << claims) & (Open.document_kind == "finance_invoice"))
    return list(Invoice.select().where(Invoice.id << documents))


PARTY = Resource(
    name="finance.party",
    label=_("Customers and suppliers"),
    one=_("customer or supplier"),
    model=Party,
    view="finance.party.view",
    fields=(
        Text("code", _("Code"), fixed=True),
        Text("name", _("Name")),
        YesNo("is_customer", _("Customer")),
        YesNo("is_supplier", _("Supplier")),
        Text("tax_number", _("Tax number"), required=False),
        Whole("payment_days", _("Payment term in days"), default=30),
        Money("credit_limit", _("Credit limit"), required=False, hint=_("Empty is without limit.")),
    ),
    columns=("code", "name", "is_customer", "is_supplier", "payment_days", "credit_limit"),
    search=("name", "tax_number"),
    filters=("is_customer", "is_supplier"),
    sorts=("code", "-id"),
    create=parties.add,
    change=parties.change,
    pages=(Page(label=_("Statement of account"), endpoint="finance.statement", by="party"),),
    links=(Link(label=_("Invoices"), to="finance.invoice", by="party"),
           Link(label=_("Payments"), to="finance.payment", by="party")),
    empty=_("Nobody is here yet. The first customer or supplier begins with “New”."),
)  # fmt: skip

KINDS = {
    "asset": _("asset"), "liability": _("liability"), "equity": _("equity"), "cost": _("cost"),
    "income": _("income"), "expense": _("expense"),
}  # fmt: skip
IN_USE = Column(kind=YesNo("is_active", _("In use")))
ACCOUNT = Resource(
    name="finance.account",
    label=_("Accounts"),
    one=_("account"),
    model=Account,
    view="finance.entry.view",
    fields=(
        Text("code", _("Code"), fixed=True, hint=_("Below another account its code begins with that one’s.")),
        Choice("kind", _("Kind"), choices=KINDS, fixed=True),
        Text("name_zh", _("Chinese name")),
        Text("name_en", _("English name"), required=False),
    ),
    columns=("code", "name_zh", "name_en", "kind", IN_USE),
    search=("name_zh", "name_en"),
    filters=("kind",),
    sorts=("code",),
    shows=(IN_USE,),
    create=accounts.add,
    change=accounts.change,
    actions=(
        Action(
            name="retire",
            label=_("Take out of use"),
            command=accounts.retire,
            when=lambda row: row.is_active,
            undo="restore",
        ),
        Action(
            name="restore", label=_("Take into use again"), command=accounts.restore, when=lambda row: not row.is_active
        ),
    ),
    empty=_("There is no account."),
)


JOURNALS = {
    "general": _("by hand"), "invoice": _("invoice"), "payment": _("payment"), "stock": _("stock"),
    "opening": _("opening balance"), "closing": _("closing of the year"),
}  # fmt: skip
DAY = Date("date", _("Date"), default=today)
TEXT = Text("text", _("Summary"), required=False)
ENTRY = Resource(
    name="finance.entry",
    label=_("Vouchers"),
    one=_("voucher"),
    model=Entry,
    view="finance.entry.view",
    fields=(DAY, TEXT),
    lines=Lines(
        model=Line,
        of="entry",
        make=leg,
        fields=(
            Reference("account", _("Account"), to="finance.account", where=lambda: Account.is_leaf),
            TEXT,
            Money("debit", _("Debit"), required=False),
            Money("credit", _("Credit"), required=False),
        ),
        shows=(Column(kind=Text("aux", _("Whose")), value=lambda line: owner(line.aux)),),
    ),
    columns=("number", "date", "text", Column(kind=Choice("journal", _("From"), choices=JOURNALS)),
             Column(kind=Money("amount", _("Amount")), many=amounts), "posted"),
    exact=("number",),
    search=("text",),
    filters=("posted", "date"),
    sorts=("-id", "-date"),
    shows=(Column(kind=Choice("journal", _("From"), choices=JOURNALS)),),
    create=ledger.draft,
    change=ledger.change_draft,
    actions=(
        Action(name="post", label=_("Post"), command=ledger.post_draft, when=lambda row: not row.posted, undo="storno"),
        Action(name="storno", label=_("Reverse"), command=ledger.storno,
               when=lambda row: row.posted and row.journal == "general" and store.stands(row)),
    ),
    links=(
        Link(label=_("Invoices"), to="finance.invoice", rows=lambda row: source(row, Invoice)),
        Link(label=_("Payments"), to="finance.payment", rows=lambda row: source(row, Payment)),
        Link(label=_("Reversed by"), to="finance.entry", by="reverses"),
    ),
    empty=_("There is no voucher yet. Documents post theirs by themselves; others begin with “New”."),
)  # fmt: skip


INVOICES = {
    "sale": _("sale"), "purchase": _("purchase"), "sale_credit": _("credit note to a customer"),
    "purchase_credit": _("credit note of a supplier"),
}  # fmt: skip
KIND = Choice("kind", _("Kind"), choices=INVOICES, default="sale")
TAX_KIND = Choice("tax_kind", _("We were"), choices={
    company.GENERAL: _("general taxpayer"), company.SMALL: _("small-scale taxpayer"),
})  # fmt: skip


INVOICE = Resource(
    name="finance.invoice",
    label=_("Invoices"),
    one=_("invoice"),
    model=Invoice,
    view="finance.entry.view",
    fields=(
        KIND,
        Reference("party", _("Customer or supplier"), to="finance.party"),
        DAY,
        Date("due", _("Due"), required=False, hint=_("Empty: by the party’s term.")),
        YesNo("is_gross", _("Prices include tax")),
        Text("their_number", _("Their number"), required=False),
        TEXT,
    ),
    lines=Lines(
        model=InvoiceLine,
        of="invoice",
        make=invoice_line,
        fields=(
            Text("text", _("What")),
            Quantity("quantity", _("Quantity"), scale=scale, default=1000),
            Price("price", _("Price")),
            Percent("rate", _("Tax rate"), default=lambda: company.sale_rate(today())),
            Reference("account", _("Account"), to="finance.account", where=lambda: Account.is_leaf, default="5001"),
        ),
        shows=(Column(kind=Money("net", _("Net"))), Column(kind=Money("tax", _("Tax")))),
    ),
    columns=("number", "kind", "party", "date", "due", Column(kind=Money("net", _("Net"))),
             Column(kind=Money("tax", _("Tax"))), Column(kind=Money("rest", _("Unpaid")), many=rests)),
    exact=("number", "their_number"),
    search=("text",),
    filters=("kind", "party", "date"),
    sorts=("-id", "-date"),
    shows=(Column(kind=Money("net", _("Net"))), Column(kind=Money("tax", _("Tax"))),
           Column(kind=Money("gross", _("To pay")), value=lambda row: row.net + row.tax),
           Column(kind=Money("rest", _("Unpaid")), many=rests), Column(kind=TAX_KIND)),
    create=invoices.post,
    actions=(
        Action(name="credit", label=_("Credit note"), command=invoices.credit, fields=(DAY,),
               when=lambda row: row.credits_id is None),
        Action(name="allow", label=_("Price allowance"), command=allowances.post,
               when=lambda row: row.credits_id is None and not (row.kind == "purchase" and row.source_kind),
               fields=(DAY, Money("amount", _("Amount with tax")),
                       Whole("line", _("Line"), required=False, hint=_("Empty: on all lines in proportion.")),
                       Text("text", _("Reason")))),
    ),
    links=(
        Link(label=_("Credit notes"), to="finance.invoice", by="credits"),
        Link(label=_("Vouchers"), to="finance.entry", rows=entries),
    ),
    template="finance/invoice_print.html",
    empty=_("There is no invoice yet. Deliveries make theirs; others begin with “New”."),
)  # fmt: skip

PAID = Reference("invoice", _("Invoice"), to="finance.invoice")
PAYMENTS = {
    "in": _("received"), "out": _("paid"), "in_back": _("paid back to a customer"),
    "out_back": _("paid back by a supplier"),
}  # fmt: skip
PAYMENT = Resource(
    name="finance.payment",
    label=_("Payments"),
    one=_("payment"),
    model=Payment,
    view="finance.entry.view",
    fields=(
        Choice("kind", _("Kind"), choices=PAYMENTS, default="in"),
        Reference("party", _("Customer or supplier"), to="finance.party"),
        DAY,
        Money("amount", _("Amount")),
        Reference("account", _("Cash or bank"), to="finance.account", default="1002",
                  where=lambda: Account.is_leaf),
        TEXT,
    ),
    columns=("number", "kind", "party", "date", "amount", "account",
             Column(kind=Money("rest", _("Not used yet")), many=rests)),
    exact=("number",),
    search=("text",),
    filters=("kind", "party", "date"),
    sorts=("-id", "-date"),
    shows=(Column(kind=Money("rest", _("Not used yet")), many=rests),),
    create=payments.post,
    actions=(
        Action(name="pay", label=_("Pay an invoice with it"), command=payments.pay,
               when=lambda row: rests([row])[row.id] > 0,
               fields=(PAID, Money("amount", _("Amount"), required=False, hint=_("Empty: as much as fits.")))),
        Action(name="release", label=_("Free it from an invoice"), command=payments.release, fields=(PAID,),
               when=lambda row: row.reverses_id is None and bool(paid_by(row))),
        Action(name="storno", label=_("Reverse"), command=payments.storno,
               when=store.stands),
    ),
    links=(
        Link(label=_("Pays"), to="finance.invoice", rows=paid_by),
        Link(label=_("Vouchers"), to="finance.entry", rows=entries),
    ),
    empty=_("There is no payment yet. The first one begins with “New”, or with the bank’s list."),
)  # fmt: skip


BANK = Resource(
    name="finance.bank",
    label=_("Bank list"),
    one=_("line of the bank’s list"),
    model=BankLine,
    view="finance.entry.view",
    fields=(
        DAY,
        Money("amount", _("Amount")),
        Text("counterparty", _("Other side")),
        TEXT,
        Choice("state", _("State"),
               choices={"open": _("open"), "paid": _("matched"), "ignored": _("posted otherwise")}),
    ),
    columns=("date", "amount", "counterparty", "text", "state"),
    exact=("bank_number",),
    search=("counterparty", "text"),
    filters=("state", "date"),
    sorts=("-id",),
    actions=(
        Action(name="accept", label=_("Post as payment"), command=bank.accept, when=lambda row: row.state == "open",
               fields=(Reference("party", _("Customer or supplier"), to="finance.party"),)),
        Action(name="ignore", label=_("It is posted otherwise"), command=bank.ignore,
               when=lambda row: row.state == "open", undo="reopen"),
        Action(name="reopen", label=_("Open it again"), command=bank.reopen, when=bank.may_reopen),
    ),
    empty=_("No list was taken in yet. Take the CSV of your bank in under “Files of the ledger”."),
)  # fmt: skip

RECURRING = Resource(
    name="finance.recurring",
    label=_("Recurring costs"),
    one=_("recurring cost"),
    model=Recurring,
    view="finance.report.view",
    fields=(
        Text("text", _("What")),
        Choice("kind", _("Kind"), choices={"out": _("paid"), "in": _("received")}, default="out"),
        Money("amount", _("Amount")),
        Date("first", _("First on"), default=today),
        Whole("months", _("Every … months"), default=1),
        Date("last", _("Last on"), required=False),
    ),
    columns=("text", "kind", "amount", "first", "months", "last"),
    exact=("text",),
    sorts=("-id",),
    create=forecast.add_recurring,
    actions=(
        Action(name="end", label=_("End it"), command=forecast.end_recurring, when=lambda row: row.last is None,
               fields=(Date("last", _("Last on"), default=today),)),
    ),
    empty=_("Rent, wages and the like are not known to the forecast yet. The first begins with “New”."),
)  # fmt: skip

RESOURCES = (PARTY, ACCOUNT, ENTRY, INVOICE, PAYMENT, BANK, RECURRING)
OF_PARTY = Text("party", _("Customer or supplier"))
CALLS = (
    *matching_pages.CALLS,
    *taxpayer_calls.CALLS,
    figures("statements", pages.three_statements, _("Statements"), pages.PERIOD, pages.SPAN),
    figures("trial", pages.trial, _("Trial balance"), pages.START, pages.END),
    figures("ledger", pages.ledger, _("Ledger"), pages.BOOK, pages.START, pages.END),
    figures("ageing", pages.ageing, _("Open invoices by age"), pages.LEDGER),
    figures("statement", pages.statement, _("Statement of account"), OF_PARTY, pages.LEDGER, pages.START, pages.END),
)


def todo(session: Session) -> list[Todo]:
    """What is due in the ledger."""
    found = []
    if session.may("finance.entry.view"):
        overdue = (Open.side == "claim") & (Open.rest > 0) & (Open.due < session.today())
        late = Open.select().where(overdue & (Open.ledger == "receivable")).count()
        to_pay = Open.select().where(overdue & (Open.ledger == "payable")).count()
        lines = BankLine.select().where(BankLine.state == "open").count()
        ledgers = "finance.ageing"
        lines_at = "finance.matching" if session.may("finance.payment.post") else "biz.finance-bank-list"
        found = [
            Todo(text=_("Invoices that customers have not paid in time"), count=late, is_late=True,
                 href=url_for(ledgers, ledger="receivable")),
            Todo(text=_("Invoices that we should have paid"), count=to_pay, is_late=True,
                 href=url_for(ledgers, ledger="payable")),
            Todo(text=_("Lines of the bank to match"), count=lines,
                 href=url_for(lines_at, state="open")),
        ]  # fmt: skip
    if session.may("finance.period.close"):
        month = closing.next_period(session.today())
        is_over = closing.last_day(month) < session.today()
        drafts = Entry.select().where(~Entry.posted & (Entry.period <= month)).count() if is_over else 0
        found.append(Todo(text=_("Drafts of vouchers of a month to close"), count=drafts,
                          href=url_for("biz.finance-entry-list", posted="no")))  # fmt: skip
    return found
