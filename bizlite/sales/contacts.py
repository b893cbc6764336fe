"""People at a party, and the groups of customers who buy at the same prices."""

from __future__ import annotations

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance.models import Party
from bizlite.sales.models import Contact, Customer, Group
from bizlite.stock.items import LONGEST_CODE, LONGEST_NAME, check_note, check_text


def customer(party: int, field: str = "party") -> Party:
    """The party as somebody who buys. :raise Refused: when it is none, or not any more."""
    row = store.get(Party, party, field)
    if not row.is_customer or not row.is_active:
        raise refuse(field, "is no customer", "Choose an active customer.", row.code)
    return row


def contact_of(party: Party, contact: int | None) -> Contact | None:
    """A contact of this party, or nothing."""
    if contact is None:
        return None
    row = store.get(Contact, contact, "contact")
    if row.party_id != party.id:
        raise refuse("contact", "works for another party", "Choose a contact of this party.", row.name)
    return row


@command("sales.contact.change")
def add(
    session: Session, party: int, name: str, *, role: str = "", phone: str = "", email: str = "", address: str = "",
    is_active: bool = True,
) -> Contact:  # fmt: skip
    """A new contact of a party."""
    values = _checked(name, role, phone, email, address)
    return store.insert(session, Contact(party=store.get(Party, party, "party"), is_active=bool(is_active), **values))


@command("sales.contact.change")
def change(
    session: Session, contact: int, *, name: str, role: str = "", phone: str = "", email: str = "", address: str = "",
    is_active: bool = True,
) -> Contact:  # fmt: skip
    """Changes a contact; one who left is put out of use, since old documents name them."""
    row = store.get(Contact, contact, "contact")
    return store.change(session, row, is_active=bool(is_active), **_checked(name, role, phone, email, address))


@command("sales.price.change")
def add_group(session: Session, code: str, name: str, *, discount: int = 0) -> Group:
    """A new group of customers; ``discount`` is in basis points."""
    code = check_text("code", code, LONGEST_CODE)
    if Group.get_or_none(Group.code == code):
        raise refuse("code", "is taken", "Choose another code.", code)
    exact.whole("discount", discount, least=0, most=exact.BASIS_POINTS)
    return store.insert(session, Group(code=code, name=check_text("name", name, LONGEST_NAME), discount=discount))


@command("sales.price.change")
def change_group(session: Session, group: int, *, name: str, discount: int) -> Group:
    """Changes a group: what is quoted or ordered from now on."""
    row = store.get(Group, group, "group")
    exact.whole("discount", discount, least=0, most=exact.BASIS_POINTS)
    return store.change(session, row, name=check_text("name", name, LONGEST_NAME), discount=discount)


@command("sales.price.change")
def join(session: Session, group: int, party: int) -> Group:
    """Puts a customer into a group, out of the one before."""
    owner, row = store.get(Group, group, "group"), customer(party)
    found = Customer.get_or_none(Customer.party == row)
    if found:
        store.change(session, found, group=owner)
    else:
        store.insert(session, Customer(party=row, group=owner))
    return owner


@command("sales.price.change")
def leave(session: Session, group: int, party: int) -> Group:
    """Takes a customer out of a group: they pay what everybody pays."""
    owner = store.get(Group, group, "group")
    found = Customer.get_or_none((Customer.party == party) & (Customer.group == owner))
    if found is None:
        raise refuse("party", "is not in this group", "Choose one of its customers.", party)
    store.delete(session, found)
    return owner


def _checked(name: str, role: str, phone: str, email: str, address: str) -> dict[str, str]:
    return {
        "name": check_text("name", name, LONGEST_NAME), "role": check_note("role", role, LONGEST_NAME),
        "phone": _phone(phone), "email": _email(email), "address": check_note("address", address),
    }  # fmt: skip


def _phone(text: str) -> str:
    plain = check_note("phone", text, 40)
    if plain and not all(sign.isdecimal() or sign in "+-() /" for sign in plain):
        raise refuse("phone", "is not a telephone number", "Give digits, spaces, + and -.", plain)
    return plain


def _email(text: str) -> str:
    plain = check_note("email", text, LONGEST_NAME)
    name, at, host = plain.rpartition("@")
    if plain and not (at and name and "." in host and " " not in plain):
        raise refuse("email", "is not an address", "Give an address as name@example.com.", plain)
    return plain
