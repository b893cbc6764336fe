"""Customers and suppliers, as far as money knows them."""

from __future__ import annotations

from typing import Any

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance.models import Party

LONGEST_DAYS = 3650
LONGEST = 200
CHANGEABLE = frozenset(
    {"name", "is_customer", "is_supplier", "tax_number", "payment_days", "credit_limit", "is_active"}
)


@command("finance.party.change")
def add(
    session: Session, code: str, name: str, *, is_customer: bool = False, is_supplier: bool = False,
    tax_number: str = "", payment_days: int = 30, credit_limit: int | None = None,
) -> Party:  # fmt: skip
    """A new party."""
    code = _check_text("code", code)
    if Party.get_or_none(Party.code == code):
        raise refuse("code", "is taken", "Choose another code.", code)
    values = {"name": name, "is_customer": is_customer, "is_supplier": is_supplier, "tax_number": tax_number,
              "payment_days": payment_days, "credit_limit": credit_limit}  # fmt: skip
    return store.insert(session, Party(code=code, **_checked(values)))


@command("finance.party.change")
def change(session: Session, party: int, **values: Any) -> Party:
    """Changes a party; its code stays, since papers name it."""
    row = store.get(Party, party, "party")
    unknown = sorted(set(values) - CHANGEABLE)
    if unknown:
        raise refuse(unknown[0], "cannot be changed", "Leave it out.")
    return store.change(session, row, **_checked(values))


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    if "name" in values:
        values["name"] = _check_text("name", values["name"])
    if "tax_number" in values and (len(values["tax_number"]) > LONGEST or not values["tax_number"].isprintable()):
        raise refuse("tax_number", "is too long", "Give at most %(longest)s characters.", longest=LONGEST)
    if "payment_days" in values:
        exact.whole("payment_days", values["payment_days"], least=0, most=LONGEST_DAYS)
    if values.get("credit_limit") is not None:
        exact.whole("credit_limit", values["credit_limit"], least=0)
    return values


def _check_text(field: str, text: str) -> str:
    if not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise refuse(
            field, "is not a name", "Give 1 to %(longest)s printable characters.", text[:LONGEST], longest=LONGEST
        )
    return text.strip()


def aux(party: int) -> str:
    """How lines of the ledger name a party."""
    return f"party:{party}"
