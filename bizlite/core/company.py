"""Who we are, as it stands on our papers, and which taxpayer we are, from which day on."""

from __future__ import annotations

import datetime
import json
from typing import Any

from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.models import Setting
from bizlite.core.session import Session
from bizlite.core.store import change as change_row
from bizlite.core.store import insert

NAME = "company"
TEXTS = ("name", "address", "phone", "tax_number", "bank")
FIELDS = ("name", "tax_kind", "tax_since", "address", "phone", "tax_number", "bank")
LONGEST = 200
GENERAL, SMALL = "general", "small"  # 一般纳税人, 小规模纳税人
EVER = ""  # the day from which on a firm was always the same
# VAT in basis points that is meant where nobody says another. Who is small deducts none: the tax of what is bought is
# part of its cost, and what is sold bears the reduced rate (财政部 税务总局公告2023年第19号, until the end of 2027).
SALE_RATES = {GENERAL: 1300, SMALL: 100}
PURCHASE_RATES = {GENERAL: 1300, SMALL: 0}
Kinds = list[tuple[str, str]]  # ISO day from which on (the first is ever), kind; in order


def read() -> dict[str, str]:
    """The company by field; what nobody gave is empty. The kind of taxpayer is that which was said last."""
    known = _known()
    since, kind = _kinds(known)[-1]
    return {**{field: known.get(field, "") for field in FIELDS}, "tax_kind": kind, "tax_since": since}


def tax_kind(date: datetime.date) -> str:
    """Which taxpayer we are on a day."""
    return [kind for since, kind in _kinds(_known()) if since <= date.isoformat()][-1]


def sale_rate(date: datetime.date) -> int:
    """The usual VAT of what we sell on a day, in basis points."""
    return SALE_RATES[tax_kind(date)]


def purchase_rate(date: datetime.date) -> int:
    """The usual VAT of what we buy on a day that is deducted, in basis points."""
    return PURCHASE_RATES[tax_kind(date)]


def _known() -> dict[str, Any]:
    row = Setting.get_or_none(Setting.name == NAME)
    return json.loads(row.value) if row else {}


def _kinds(known: dict[str, Any]) -> Kinds:
    return [(since, kind) for since, kind in known.get("taxpayer", [(EVER, GENERAL)])]


def _switched(known: dict[str, Any], kind: str, since: datetime.date | None) -> Kinds:
    """The kinds with what is said now: another one from a day on, or another day for the last one."""
    if kind not in SALE_RATES:
        raise refuse("tax_kind", "is not one of the choices", "Choose one of the list.", kind)
    if since is not None and since.day != 1:
        raise refuse("tax_since", "is not the first of a month", "Choose the first day of a month.", since)
    if not known:
        return [(EVER, kind)] if since is None else [(EVER, _other(kind)), (since.isoformat(), kind)]
    kinds = _kinds(known)
    if since is None:
        if kind != kinds[-1][1]:
            raise refuse("tax_since", "is missing", "Give the first day of the month from which on it counts.")
        return kinds
    if kind == kinds[-1][1]:
        kinds.pop()
    before = kinds or [(EVER, _other(kind))]
    if since.isoformat() <= before[-1][0]:
        raise refuse(
            "tax_since", "lies before the last switch", "Choose a day after %(last)s.", since, last=before[-1][0]
        )
    return [*before, (since.isoformat(), kind)]


def _other(kind: str) -> str:
    return SMALL if kind == GENERAL else GENERAL


@command("core.company.change")
def change(
    session: Session, *, name: str, tax_kind: str | None = None, tax_since: datetime.date | None = None,
    address: str = "", phone: str = "", tax_number: str = "", bank: str = "",
) -> Setting:  # fmt: skip
    """Says who we are. Another kind of taxpayer (none: as it is) counts from ``tax_since`` on; what is posted stays."""
    texts = dict(zip(TEXTS, (name, address, phone, tax_number, bank), strict=True))
    for field, text in texts.items():
        if len(text) > LONGEST:
            raise refuse(field, "is too long", "Give at most %(most)s characters.", text[:LONGEST], most=LONGEST)
    if not name.strip():
        raise refuse("name", "is missing", "Fill it in.")
    known = _known()
    kinds = _switched(known, _kinds(known)[-1][1] if tax_kind is None else tax_kind, tax_since)
    values = {**{field: text.strip() for field, text in texts.items()}, "taxpayer": kinds}
    value = json.dumps(values, ensure_ascii=False, sort_keys=True)
    row = Setting.get_or_none(Setting.name == NAME)
    return change_row(session, row, value=value) if row else insert(session, Setting(name=NAME, value=value))
