"""What lines of the bank's list most probably pay, and deciding many of them at once.

A proposal is a party with invoices of its own (none: its oldest). It comes from a number in the text, from the amount,
or from the name. Lines are looked at in order, and no two propose the same money of an invoice.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bizlite.core import store
from bizlite.core.commands import command
from bizlite.core.errors import Refused, at_line, refuse
from bizlite.core.session import Session
from bizlite.finance import bank
from bizlite.finance.models import BankLine, Invoice, Open, Party

MOST = 3  # proposals for a line
LINES = 20  # of a page
MOST_DECISIONS = 200
LONGEST_REJECTED = 2000
SHORTEST_NUMBER = 4


@dataclass(frozen=True, slots=True)
class Proposal:
    """Invoices of a party that a line may pay, with amounts; ``why`` is number, amount or name."""

    party: int
    claims: tuple[tuple[int, int], ...]
    why: str

    @property
    def key(self) -> str:
        """What names it, for whoever takes or rejects it: the party and its invoices."""
        return f"{self.party}:{','.join(str(invoice) for invoice, _ in self.claims)}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A line that is open, with what it may pay, the most probable first."""

    line: BankLine
    proposals: list[Proposal]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """``what`` is accept (a proposal), reject (it; the line waits on) or ignore (the line is posted otherwise)."""

    line: int
    what: str
    proposal: str = ""


@dataclass(slots=True)
class _Claim:
    document: int  # of an invoice, 0 of an opening balance
    party: int
    name: str
    rest: int
    due: datetime.date
    numbers: tuple[str, ...]


@dataclass(slots=True)
class _Claims:
    """What is open by ledger, read once for all lines; what is proposed for one is not open for the next."""

    known: dict[str, list[_Claim]] = field(default_factory=dict)

    def of(self, ledger: str) -> list[_Claim]:
        if ledger not in self.known:
            query = Open.select(
                Open.document_kind, Open.document_id, Open.party, Party.name, Open.rest, Open.due, Invoice.number,
                Invoice.their_number,
            ).join(Party).switch(Open).join(
                Invoice, "LEFT JOIN", on=((Open.document_kind == "finance_invoice") & (Open.document_id == Invoice.id))
            ).where((Open.side == "claim") & (Open.ledger == ledger) & (Open.rest > 0))  # fmt: skip
            self.known[ledger] = [
                _Claim(
                    document if kind == "finance_invoice" else 0, party, name, rest, due, tuple(filter(None, numbers))
                )
                for kind, document, party, name, rest, due, *numbers in query.order_by(Open.due, Open.id).tuples()
            ]
        return self.known[ledger]

    def take(self, proposal: Proposal, ledger: str) -> None:
        parts = dict(proposal.claims)
        for claim in self.of(ledger):
            claim.rest -= parts.get(claim.document, 0) if claim.document else 0


def waiting(after: int = 0, most: int = LINES) -> list[Waiting]:
    """Open lines behind another one, in the order in which they were taken in."""
    claims, found = _Claims(), []
    lines = BankLine.select().where((BankLine.state == "open") & (BankLine.id > after)).order_by(BankLine.id)
    for line in list(lines.limit(most)):
        offered = proposals(line, claims)
        if offered:
            claims.take(offered[0], _ledger(line))
        found.append(Waiting(line, offered))
    return found


def proposals(line: BankLine, claims: _Claims | None = None) -> list[Proposal]:
    """What a line most probably pays: the invoice whose number it names, the one of its amount, or by its name."""
    amount = abs(line.amount)
    open_ = [claim for claim in (claims or _Claims()).of(_ledger(line)) if 0 < claim.rest <= amount]
    of_party = [claim for claim in open_ if line.counterparty and claim.name == line.counterparty]
    named = [claim for claim in open_ if any(_names(line.text, number) for number in claim.numbers)]
    found = [Proposal(claim.party, _parts([claim], amount), "number") for claim in named]
    # Who is known by name pays invoices of their own only, whatever amounts others owe.
    others = () if Party.get_or_none(Party.name == line.counterparty) else open_
    same = [claim for claim in of_party or others if claim.rest == amount]
    found += [Proposal(claim.party, _parts([claim], amount), "amount") for claim in same]
    if of_party and not found:
        found.append(Proposal(of_party[0].party, _parts(of_party, amount), "name"))
    rejected, by_key = line.rejected.split(), {}
    for proposal in found:
        if proposal.key not in rejected:
            by_key.setdefault(proposal.key, proposal)
    return list(by_key.values())[:MOST]


def _names(text: str, number: str) -> bool:
    """Whether a text names a number, not another one that it is a part of. Short ones stand in texts by chance."""
    whole = rf"(?<![0-9A-Za-z]){re.escape(number)}(?![0-9A-Za-z])"
    return len(number) >= SHORTEST_NUMBER and re.search(whole, text) is not None


def _ledger(line: BankLine) -> str:
    return "receivable" if line.amount > 0 else "payable"


def _parts(claims: Sequence[_Claim], amount: int) -> tuple[tuple[int, int], ...]:
    parts = []
    for claim in claims:
        part = min(amount, claim.rest)
        if part and claim.document:
            parts.append((claim.document, part))
            amount -= part
    return tuple(parts)


@command("finance.payment.post")
def decide(session: Session, decisions: Sequence[Decision]) -> int:
    """Takes, rejects or sets aside, all of them or none; gives how many. :raise Refused: with the line of each."""
    if not 0 < len(decisions) <= MOST_DECISIONS:
        raise refuse("lines", "must be 1 to %(most)s", "Choose at least one line.", len(decisions), most=MOST_DECISIONS)
    for n, one in enumerate(decisions):
        try:
            _decide(session, one)
        except Refused as refused:
            raise at_line(refused, n) from None
    return len(decisions)


def _decide(session: Session, one: Decision) -> None:
    row = bank.open_line(one.line)
    match one.what:
        case "accept":
            party, invoices = _read(one.proposal)
            left, parts = abs(row.amount), []
            for invoice in invoices:
                rest = _rest(invoice)
                parts.append((invoice, min(left, rest)))
                left -= parts[-1][1]
            bank.accept(session, row.id, party, parts or None)
        case "reject":
            _read(one.proposal)
            rejected = " ".join(dict.fromkeys([*row.rejected.split(), one.proposal]))
            if len(rejected) > LONGEST_REJECTED:
                raise refuse(
                    "proposal", "is one too many", "Say what the line pays, or set it aside.", one.proposal[:100]
                )
            store.change(session, row, rejected=rejected)
        case "ignore":
            bank.ignore(session, row.id)
        case _:
            raise refuse("what", "is not one of the choices", "Choose one of the list.", one.what[:100])


def _read(key: str) -> tuple[int, list[int]]:
    """Party and invoices of a proposal. :raise Refused: when they are none."""
    party, _, rest = key.partition(":")
    numbers = [party, *filter(None, rest.split(","))]
    if not all(number.isascii() and number.isdecimal() and len(number) < 19 for number in numbers):
        raise refuse("proposal", "is not a proposal", "Choose one of those that the line has.", key[:100])
    return int(party), [int(number) for number in numbers[1:]]


def _rest(invoice: int) -> int:
    """What is open of an invoice. :raise Refused: nothing, since the proposal was made."""
    own = (Open.document_kind == "finance_invoice") & (Open.document_id == invoice) & (Open.side == "claim")
    row = Open.get_or_none(own & (Open.rest > 0))
    if row is None:
        raise refuse("proposal", "is paid meanwhile", "Load the list again.", invoice)
    return int(row.rest)
