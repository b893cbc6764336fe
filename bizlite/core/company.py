"""Who we are, as it stands on our papers, and which taxpayer we are."""

from __future__ import annotations

import json

from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.models import Setting
from bizlite.core.session import Session
from bizlite.core.store import change as change_row
from bizlite.core.store import insert

NAME = "company"
FIELDS = ("name", "tax_kind", "address", "phone", "tax_number", "bank")
LONGEST = 200
GENERAL, SMALL = "general", "small"  # 一般纳税人, 小规模纳税人
# VAT in basis points that is meant where nobody says another. Who is small deducts none: the tax of what is bought is
# part of its cost, and what is sold bears the reduced rate (财政部 税务总局公告2023年第19号, until the end of 2027).
SALE_RATES = {GENERAL: 1300, SMALL: 100}
PURCHASE_RATES = {GENERAL: 1300, SMALL: 0}


def read() -> dict[str, str]:
    """The company by field; what nobody gave is empty."""
    row = Setting.get_or_none(Setting.name == NAME)
    known = json.loads(row.value) if row else {}
    return {field: known.get(field, GENERAL if field == "tax_kind" else "") for field in FIELDS}


def sale_rate() -> int:
    """The usual VAT of what we sell, in basis points."""
    return SALE_RATES[read()["tax_kind"]]


def purchase_rate() -> int:
    """The usual VAT of what we buy that is deducted, in basis points."""
    return PURCHASE_RATES[read()["tax_kind"]]


@command("core.company.change")
def change(
    session: Session, *, name: str, tax_kind: str = GENERAL, address: str = "", phone: str = "", tax_number: str = "",
    bank: str = "",
) -> Setting:  # fmt: skip
    """Says who we are."""
    values = {
        "name": name, "tax_kind": tax_kind, "address": address, "phone": phone, "tax_number": tax_number, "bank": bank,
    }  # fmt: skip
    for field, text in values.items():
        if len(text) > LONGEST:
            raise refuse(field, "is too long", "Give at most %(most)s characters.", text[:LONGEST], most=LONGEST)
    if not name.strip():
        raise refuse("name", "is missing", "Fill it in.")
    if tax_kind not in SALE_RATES:
        raise refuse("tax_kind", "is not one of the choices", "Choose one of the list.", tax_kind)
    value = json.dumps({field: text.strip() for field, text in values.items()}, ensure_ascii=False, sort_keys=True)
    row = Setting.get_or_none(Setting.name == NAME)
    return change_row(session, row, value=value) if row else insert(session, Setting(name=NAME, value=value))
