"""Items, their units, lots and places."""

from __future__ import annotations

import datetime

from bizlite.core import exact, store
from bizlite.core.commands import command
from bizlite.core.errors import marked, refuse
from bizlite.core.session import Session
from bizlite.finance.models import Account
from bizlite.stock.models import NO_LOT, Conversion, Item, Location, Lot, Move, OnHand, Unit

LONGEST_CODE, LONGEST_NAME, LONGEST_TEXT = 40, 200, 1000
VALUE_KINDS = ("asset", "cost")


def check_text(field: str, text: str, longest: int) -> str:
    """:raise Refused: when a code or name is empty, too long or holds what cannot be shown."""
    if not text.strip() or len(text) > longest or not text.isprintable():
        raise refuse(
            field, "is not a name", "Give 1 to %(longest)s printable characters.", text[:longest], longest=longest
        )
    return text.strip()


def check_note(field: str, text: str, longest: int = LONGEST_TEXT) -> str:
    """A text that may be empty. :raise Refused: when it is too long."""
    if len(text) > longest:
        raise refuse(field, "is too long", "Give at most %(most)s characters.", text[:longest], most=longest)
    return text.strip()


@command("stock.item.change")
def add_item(
    session: Session, code: str, name: str, *, unit: str = "pcs", account: str = "1405", barcode: str = "",
    has_lots: bool = False, may_be_negative: bool = False,
) -> Item:  # fmt: skip
    """A new item."""
    code, name = check_text("code", code, LONGEST_CODE), check_text("name", name, LONGEST_NAME)
    if Item.get_or_none(Item.code == code):
        raise refuse("code", "is taken", "Choose another code.", code)
    store.get(Unit, unit, "unit")
    _check_account(account)
    row = Item(
        code=code, name=name, unit=unit, account=account, barcode=barcode, has_lots=has_lots,
        may_be_negative=may_be_negative,
    )  # fmt: skip
    return store.insert(session, row)


@command("stock.item.change")
def change_item(session: Session, item: int, **values: object) -> Item:
    """Changes an item. What its moves were counted and valued by stays as it is once there are any."""
    row = store.get(Item, item, "item")
    unknown = sorted(set(values) - {"name", "barcode", "unit", "account", "has_lots", "may_be_negative", "is_active"})
    if unknown:
        raise refuse(unknown[0], "cannot be changed", "Leave it out.")
    if "name" in values:
        values["name"] = check_text("name", str(values["name"]), LONGEST_NAME)
    differing = [n for n in ("unit", "account", "has_lots") if n in values and values[n] != row.__data__[n]]
    if differing and Move.get_or_none(Move.item == row):
        name = differing[0]
        raise refuse(name, "cannot be changed once there are moves", "Make a new item.", values[name])
    if "unit" in differing:
        store.get(Unit, values["unit"], "unit")
        if _is_counted(row):
            remedy = marked("Make a new item, or take this one out of them first.")
            raise refuse("unit", "documents count the item in its unit", remedy, values["unit"])
    if "account" in differing:
        _check_account(values["account"])
    if values.get("may_be_negative") is False and _is_below(row):
        raise refuse("may_be_negative", "there is negative stock", "Receive or count it first.")
    return store.change(session, row, **values)


def _check_account(code: object) -> None:
    found = store.get(Account, code, "account")
    if not found.is_leaf or found.kind not in VALUE_KINDS:
        raise refuse("account", "cannot hold the value of stock", "Choose an asset account.", code)


def _is_counted(item: Item) -> bool:
    """Whether a row of whatever module has a quantity of the item: orders, prices, bills of material, rules."""
    uses = ((column, model) for column, model in Item._meta.backrefs.items() if model is not Lot)
    return any(model.select().where(column == item.id).exists() for column, model in uses)


def _is_below(item: Item) -> bool:
    own = (OnHand.item == item.id) & (OnHand.quantity < OnHand.reserved)
    internal = Location.select(Location.id).where(Location.kind == "internal")
    return bool(OnHand.select().where(own & OnHand.location.in_(internal)).count())


@command("stock.item.change")
def add_lot(session: Session, item: int, code: str, *, expires: datetime.date | None = None) -> Lot:
    """A new lot of an item."""
    row = store.get(Item, item, "item")
    code = check_text("code", code, LONGEST_CODE)
    if not row.has_lots:
        raise refuse("item", "has no lots", "Choose an item with lots.", row.code)
    if Lot.get_or_none((Lot.item == row) & (Lot.code == code)):
        raise refuse("code", "is taken", "Choose another code.", code)
    return store.insert(session, Lot(item=row, code=code, expires=expires))


@command("stock.item.change")
def change_lot(session: Session, lot: int, *, expires: datetime.date | None = None) -> Lot:
    """Corrects the day until which a lot is good; without one it is good for ever."""
    return store.change(session, store.get(Lot, lot, "lot"), expires=expires)


@command("stock.item.change")
def set_conversion(session: Session, item: int, unit: str, numerator: int, denominator: int = 1) -> Conversion:
    """Says that one smallest unit of ``unit`` is numerator/denominator smallest units of the item."""
    row, other = store.get(Item, item, "item"), store.get(Unit, unit, "unit")
    exact.whole("numerator", numerator, least=1)
    exact.whole("denominator", denominator, least=1)
    found = Conversion.get_or_none((Conversion.item == row) & (Conversion.unit == other))
    if found:
        return store.change(session, found, numerator=numerator, denominator=denominator)
    return store.insert(session, Conversion(item=row, unit=other, numerator=numerator, denominator=denominator))


def words(item: int) -> str:
    """An item as a person names it: code and name."""
    found = store.get(Item, item)
    return f"{found.code} {found.name}"


def shown(item: int, quantity: int) -> str:
    """A quantity of an item as a person reads it: ``2.5`` for 2500 grams."""
    unit = Unit.select(Unit.scale).join(Item, on=(Item.unit == Unit.code)).where(Item.id == item)
    text = exact.show(quantity, int(unit.scalar()))
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_item_unit(item: Item, quantity: int, unit: str, field: str = "quantity") -> int:
    """A quantity in another unit in smallest units of the item. :raise Refused: when it is no whole number of them."""
    if unit == item.unit_id:
        return quantity
    found = Conversion.get_or_none((Conversion.item == item) & (Conversion.unit == unit))
    if found is None:
        raise refuse(field, "is not a unit of this item", "Choose its unit, or add a conversion.", unit)
    whole, rest = divmod(quantity * found.numerator, found.denominator)
    if rest:
        raise refuse(field, "is not a whole number of the item's unit", "Give the quantity in its unit.", quantity)
    return int(whole)


@command("stock.location.change")
def add_location(
    session: Session, code: str, name_zh: str, name_en: str, *, kind: str = "internal", account: str | None = None
) -> Location:
    """A new place; a virtual one names the account that its goods come from and go to."""
    code = check_text("code", code, LONGEST_CODE)
    if kind not in ("internal", "supplier", "customer", "production", "loss"):
        raise refuse("kind", "is not a kind of place", "Choose one of the list.", kind)
    if Location.get_or_none(Location.code == code):
        raise refuse("code", "is taken", "Choose another code.", code)
    if (kind == "internal") == bool(account):
        raise refuse("account", "does not fit the kind", "Give an account for a virtual place only.", account)
    if account and not store.get(Account, account, "account").is_leaf:
        raise refuse("account", "takes no lines", "Choose an active account without accounts below it.", account)
    row = Location(code=code, name_zh=name_zh, name_en=name_en, kind=kind, account=account or "")
    return store.insert(session, row)


def own_place(location: int, field: str = "location") -> Location:
    """A place of ours. :raise Refused: for any other."""
    found: Location = store.get(Location, location, field)
    if found.kind != "internal":
        raise refuse(field, "is not our own", "Choose a store.", found.code)
    return found


def lot_named(session: Session, item: Item, code: str, field: str, *, expires: datetime.date | None = None) -> int:
    """The lot of an item by its code; an unknown one becomes a new lot, which ``expires`` perhaps."""
    if not item.has_lots:
        if code.strip() or expires:
            raise refuse(field, "the item has no lots", "Leave the lot out.", code)
        return NO_LOT
    if not code.strip():
        raise refuse(field, "%(item)s has lots", "Give the lot that stands on it.", item=item.code)
    found = Lot.get_or_none((Lot.item == item) & (Lot.code == code.strip()))
    if found is None:
        found = add_lot(session, item.id, check_text(field, code, LONGEST_CODE), expires=expires)
    elif expires and found.expires != expires:
        remedy = marked("Leave the day out, or give the goods another lot.")
        raise refuse(field, "the lot expires on another day: %(day)s", remedy, code, day=found.expires or "-")
    return int(found.id)


def place(code: str) -> int:
    """The number of a place by its code: MAIN, SUPPLIER, CUSTOMER, PRODUCTION and LOSS are there from the start."""
    return int(Location.get(Location.code == code).id)
