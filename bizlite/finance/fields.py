"""Fields and columns that papers of sales and purchasing share: day, remark, sums."""

from __future__ import annotations

from bizlite.web.fields import Area, Date, Money, today
from bizlite.web.resource import Column
from bizlite.web.texts import marked as _


def day() -> Date:
    """The paper's day, today unless another is given."""
    return Date("date", _("Date"), default=today)


def storno_day() -> tuple[Date, ...]:
    """The day on which a paper is taken back."""
    return (Date("date", _("Date"), required=False, hint=_("Empty is its own day.")),)


def remark() -> Area:
    """What else is to be said."""
    return Area("text", _("Remark"), required=False)


def sums() -> tuple[Column, ...]:
    """Net, tax and total of a paper."""
    return (
        Column(kind=Money("net", _("Net")), total=True), Column(kind=Money("tax", _("Tax")), total=True),
        Column(kind=Money("gross", _("Total")), value=lambda row: row.net + row.tax),
    )  # fmt: skip
