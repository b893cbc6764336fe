"""Inspections: readings become a verdict; who must wait for one asks ``require``."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import fn

from bizlite.core import exact, numbers, store
from bizlite.core.commands import command
from bizlite.core.errors import refuse
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.quality import plans
from bizlite.quality.models import Characteristic, Inspection, Plan, Reading
from bizlite.stock import items

Source = tuple[str, int, int]  # kind and number of the document, number of the line


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What was read at piece 1, 2, … of the sample; 1 and 0 are yes and no."""

    characteristic: int
    piece: int
    value: int


@command("quality.inspection.post")
def post(
    session: Session, plan: int, source: Source, quantity: int, readings: Sequence[Read], *,
    date: datetime.date | None = None, text: str = "",
) -> Inspection:  # fmt: skip
    """Posts what was found; the verdict follows from the limits. Every piece of the sample needs every reading."""
    found: Plan = store.get(Plan, plan, "plan")
    day = ledger.check_date(session.today() if date is None else date)
    exact.whole("quantity", quantity, least=1)
    sample = min(found.sample, quantity)
    rows = _rows(found, sample, readings)
    defective = len({row["piece"] for row in rows if not row["is_good"]})
    kind, document, line = source
    row = Inspection(
        plan=found, item=found.item_id, operation=found.operation, source_kind=kind, source_id=document,
        source_line=line, quantity=quantity, sample=sample, defective=defective,
        verdict="fail" if defective else "pass", is_first=not _of(source, found).count(), date=day, text=text,
        created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    inspection: Inspection = store.insert(session, row)
    store.append(Reading, [{"inspection": inspection.id, **row} for row in rows])
    return store.change(session, inspection, **numbers.stamp(session, inspection))


@command("quality.inspection.accept")
def accept(session: Session, inspection: int, reason: str) -> Inspection:
    """Lets goods pass that failed (让步接收), for a reason; the failed inspection stays as it is."""
    failed: Inspection = store.get(Inspection, inspection, "inspection")
    if failed.verdict != "fail" or Inspection.get_or_none(Inspection.reverses == failed):
        raise refuse("inspection", "is not one that failed", "Choose a failed one that stands.", failed.number)
    if not reason.strip() or len(reason) > 500:
        raise refuse("reason", "is missing or too long", "Say in 1 to 500 characters why it may pass.", reason[:500])
    row = Inspection(
        plan=failed.plan_id, item=failed.item_id, operation=failed.operation, source_kind=failed.source_kind,
        source_id=failed.source_id, source_line=failed.source_line, quantity=failed.quantity, sample=failed.sample,
        defective=failed.defective, verdict="concession", reason=reason.strip(), is_first=False, reverses=failed,
        date=session.today(), created_by=session.user, created_ms=session.now_ms(),
    )  # fmt: skip
    accepted: Inspection = store.insert(session, row)
    return store.change(session, accepted, **numbers.stamp(session, accepted))


def passed(source: Source, plan: Plan) -> int:
    """How much of a document's line has passed, by inspection or by concession."""
    good = _of(source, plan).where(Inspection.verdict << ["pass", "concession"])
    return int(good.select(fn.COALESCE(fn.SUM(Inspection.quantity), 0)).scalar())


def require(moment: str, item: int, quantity: int, source: Source, *, operation: str = "") -> None:
    """What receipts, operations and deliveries ask before they go on; without a plan there is nothing to wait for.

    :raise Refused: when less than ``quantity`` of this line has passed.
    """
    plan = plans.active(moment, item, operation)
    if plan is None:
        return
    done = passed(source, plan)
    if done < quantity:
        raise refuse(
            "inspection", "%(done)s of %(quantity)s are inspected and good",
            "Inspect by the plan %(plan)s first, or accept what failed.", done,
            done=items.shown(item, done), quantity=items.shown(item, quantity), plan=plan.code,
        )  # fmt: skip


def _of(source: Source, plan: Plan) -> object:
    """A plan that was replaced meanwhile counts as well: what it passed has passed."""
    kind, document, line = source
    own = (Inspection.source_kind == kind) & (Inspection.source_id == document) & (Inspection.source_line == line)
    return Inspection.select().where(own & (Inspection.item == plan.item_id) & (Inspection.operation == plan.operation))


def _rows(plan: Plan, sample: int, readings: Sequence[Read]) -> list[dict[str, object]]:
    asked = {row.id: row for row in plans.characteristics(plan.id)}
    seen: dict[tuple[int, int], dict[str, object]] = {}
    for n, read in enumerate(readings):
        look = asked.get(read.characteristic)
        if look is None or (read.characteristic, read.piece) in seen:
            raise refuse(
                f"lines.{n}.characteristic", "is not asked for, or is given twice", "Give each reading once.",
                read.characteristic,
            )  # fmt: skip
        exact.whole(f"lines.{n}.piece", read.piece, least=1, most=sample)
        exact.whole(f"lines.{n}.value", read.value)
        if look.kind == "yesno" and read.value not in (0, 1):
            raise refuse(f"lines.{n}.value", "is not yes or no", "Give yes or no.", read.value)
        seen[read.characteristic, read.piece] = {
            "characteristic": look.id, "piece": read.piece, "value": read.value, "is_good": is_good(look, read.value),
        }  # fmt: skip
    missing = [(row, piece) for piece in range(1, sample + 1) for row in asked.values() if (row.id, piece) not in seen]
    if missing:
        look, piece = missing[0]
        raise refuse(
            "lines", "%(count)s readings are missing", "Give %(name)s of piece %(piece)s.", "",
            count=len(missing), name=look.name, piece=piece,
        )  # fmt: skip
    return [row for _, row in sorted(seen.items(), key=lambda pair: (pair[0][1], pair[1]["characteristic"]))]


def is_good(look: Characteristic, value: int) -> bool:
    """Whether a reading lies within the limits; without limits, whether it is yes."""
    if look.kind == "yesno":
        return value == 1
    return (look.low is None or look.low <= value) and (look.high is None or value <= look.high)
