"""Inspection plans: what is looked at, of which item, at which moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import Problem, refuse, refuse_all
from bizlite.core.session import Session
from bizlite.quality.models import MOMENTS, Characteristic, Plan
from bizlite.stock import items
from bizlite.stock.models import Item

MOST = 50
LARGEST_SAMPLE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A characteristic to look at: with ``low`` or ``high`` (smallest units, ``scale`` decimals) it is measured."""

    name: str
    unit: str = ""
    scale: int = 0
    low: int | None = None
    high: int | None = None


@command("quality.plan.change")
def add(
    session: Session, code: str, name: str, moment: str, item: int, lines: Sequence[Look], *, operation: str = "",
    sample: int = 1,
) -> Plan:  # fmt: skip
    """A new plan; it takes the place of the one for the same item, moment and operation."""
    code, name = items.check_text("code", code, 40), items.check_text("name", name, 200)
    if Plan.get_or_none(Plan.code == code):
        raise refuse("code", "is taken", "Choose another code.", code)
    if moment not in MOMENTS:
        raise refuse("moment", "is not a moment", "Choose one of %(moments)s.", moment, moments=", ".join(MOMENTS))
    if (moment == "operation") != bool(operation):
        raise refuse("operation", "does not fit the moment", "Name an operation for that moment only.", operation)
    exact.whole("sample", sample, least=1, most=LARGEST_SAMPLE)
    store.get(Item, item, "item")
    refuse_all(_problems(lines))
    old = active(moment, item, operation)
    if old is not None:
        store.change(session, old, is_active=False)
    row = Plan(code=code, name=name, moment=moment, item=item, operation=operation, sample=sample)
    plan: Plan = store.insert(session, row)
    store.append(Characteristic, [_row(plan, n, look) for n, look in enumerate(lines, 1)])
    return plan


@command("quality.plan.change")
def retire(session: Session, plan: int) -> Plan:
    """Takes a plan out of use: from now on nothing is asked."""
    row: Plan = store.get(Plan, plan, "plan")
    return store.change(session, row, is_active=False)


def active(moment: str, item: int, operation: str = "") -> Plan | None:
    """The plan that decides, if there is one."""
    where = (Plan.moment == moment) & (Plan.item == item) & (Plan.operation == operation)
    found: Plan | None = Plan.get_or_none(where & Plan.is_active)
    return found


def watched(moment: str, items_: Iterable[int]) -> set[int]:
    """Those of the items that a plan of this moment decides about."""
    rows = Plan.select(Plan.item).where((Plan.moment == moment) & (Plan.item << set(items_)) & Plan.is_active)
    return {row.item_id for row in rows}


def characteristics(plan: int) -> list[Characteristic]:
    """What a plan looks at, in order."""
    return list(Characteristic.select().where(Characteristic.plan == plan).order_by(Characteristic.position))


def _row(plan: Plan, position: int, look: Look) -> dict[str, object]:
    is_measured = look.low is not None or look.high is not None
    return {
        "plan": plan.id, "position": position, "name": look.name.strip(), "kind": "measure" if is_measured else "yesno",
        "unit": look.unit, "scale": look.scale, "low": look.low, "high": look.high,
    }  # fmt: skip


def _problems(lines: Sequence[Look]) -> list[Problem]:
    if not 0 < len(lines) <= MOST:
        raise refuse("lines", "must be 1 to %(most)s", "Give at least one line.", len(lines), most=MOST)
    problems = []
    for n, look in enumerate(lines):
        items.check_text(f"lines.{n}.name", look.name, 200)
        exact.whole(f"lines.{n}.scale", look.scale, least=0, most=6)
        for name, limit in (("low", look.low), ("high", look.high)):
            if limit is not None:
                exact.whole(f"lines.{n}.{name}", limit)
        if look.low is not None and look.high is not None and look.low > look.high:
            problem = Problem(
                field=f"lines.{n}.low", message="is above the upper limit", remedy="Give a lower one that is not above."
            )
            problems.append(problem)
    return problems
