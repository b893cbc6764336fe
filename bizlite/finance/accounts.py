"""The chart of accounts: accounts below those that are there, and the import of another chart."""

from __future__ import annotations

from collections.abc import Iterator

from bizlite.core import csvfile, spreadsheet, store
from bizlite.core.commands import command
from bizlite.core.errors import Problem, Refused, marked, refuse, refuse_all
from bizlite.core.session import Session
from bizlite.finance import ledger
from bizlite.finance.models import Account, Balance, Line

KINDS = {"资产": "asset", "负债": "liability", "权益": "equity", "成本": "cost", "收入": "income", "费用": "expense"}
COLUMNS = {
    "code": ("科目编码", "编码"), "kind": ("类别", "科目类别"), "name_zh": ("名称", "科目名称"),
    "name_en": ("英文名称",),
}  # fmt: skip
# Documents post to these, so they stay, active and without accounts below them.
FIXED = (
    ledger.RECEIVABLE, ledger.PAYABLE, ledger.RECEIVED, ledger.INPUT_TAX, ledger.OUTPUT_TAX, ledger.SMALL_TAX,
    ledger.PROFIT, ledger.RETAINED, ledger.WAITING, "4001", "5401",
)  # fmt: skip
LONGEST_NAME = 100


@command("finance.account.change")
def add(session: Session, code: str, kind: str, name_zh: str, name_en: str = "") -> Account:
    """A new account, mostly below another one (``100201`` below ``1002``)."""
    if Account.get_or_none(Account.code == code):
        raise refuse("code", "is taken", "Choose another code.", code)
    return _put(session, code, kind, name_zh, name_en)


@command("finance.account.change")
def change(session: Session, code: str, *, name_zh: str, name_en: str = "") -> Account:
    """Renames an account."""
    _check_name(name_zh)
    names = {"name_zh": name_zh.strip(), "name_en": name_en.strip() or name_zh.strip()}
    return store.change(session, store.get(Account, code, "code"), **names)


@command("finance.account.change")
def retire(session: Session, code: str) -> Account:
    """Takes an account out of use, once nothing stands on it."""
    row = store.get(Account, code, "code")
    sums = Balance.select().where((Balance.aux == "*") & Balance.account.startswith(code))
    if any(fixed.startswith(code) for fixed in FIXED) or sum(s.debit - s.credit for s in sums):
        raise refuse("code", "is still needed", "Bring it to 0 first; documents keep posting to some.", code)
    return store.change(session, row, is_active=False)


@command("finance.account.change")
def restore(session: Session, code: str) -> Account:
    """Takes an account into use again."""
    return store.change(session, store.get(Account, code, "code"), is_active=True)


@command("finance.account.change")
def import_chart(session: Session, text: str, *, is_whole: bool = False) -> int:
    """Adds and renames the accounts of a CSV; gives how many rows it had. All or nothing.

    ``is_whole``: what is not in the file goes out of use, if nothing was ever posted to it and no document posts to it.
    :raise Refused: with each bad row by its number.
    """
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    rows = csvfile.read(text, COLUMNS, ("code", "kind", "name_zh"))
    for number, row in sorted(rows, key=lambda pair: pair[1]["code"]):  # what stands above comes first
        code = row["code"]
        try:
            if code in seen:
                raise refuse("code", "is in row %(row)s already", "Give each account once.", code, row=seen[code])
            seen[code] = number
            _put(session, code, KINDS.get(row["kind"], row["kind"]), row["name_zh"], row.get("name_en", ""))
        except Refused as refused:
            problems += csvfile.at_row(number, refused.problems)
    refuse_all(sorted(problems, key=lambda problem: int(problem.field.split(".")[1])))
    if is_whole:
        used = {line.account_id for line in Line.select(Line.account).distinct()}
        for account in Account.select().where(Account.is_active & Account.code.not_in([*seen, *FIXED])):
            if not any(code.startswith(account.code) for code in (*used, *seen, *FIXED)):
                store.change(session, account, is_active=False)
    return len(rows)


def export_chart() -> Iterator[str]:
    """The chart as the CSV that ``import_chart`` reads."""
    yield spreadsheet.line(COLUMNS)
    rows = Account.select(Account.code, Account.kind, Account.name_zh, Account.name_en).where(Account.is_active)
    yield from spreadsheet.as_csv(rows.order_by(Account.code).tuples())


def _put(session: Session, code: str, kind: str, name_zh: str, name_en: str) -> Account:
    if not code.isascii() or not code.isdecimal() or not 4 <= len(code) <= 12:
        raise refuse("code", "is not an account code", "Give 4 to 12 digits.", code)
    if kind not in KINDS.values():
        kinds = ", ".join((*KINDS, *KINDS.values()))
        raise refuse("kind", "is not a kind of account", "Choose one of %(kinds)s.", kind, kinds=kinds)
    _check_name(name_zh)
    names = {"name_zh": name_zh.strip(), "name_en": name_en.strip() or name_zh.strip()}
    row = Account.get_or_none(Account.code == code)
    if row is not None:
        if row.kind != kind and code in FIXED:
            raise refuse("kind", "cannot be changed where documents post to", "Make a new account.", kind)
        if row.kind != kind and Line.get_or_none(Line.account == code):
            raise refuse("kind", "cannot be changed once there are lines", "Make a new account.", kind)
        return store.change(session, row, kind=kind, is_active=True, **names)
    above = _above(code)
    if above is not None and above.kind != kind:
        raise refuse("kind", "is another one than that of %(above)s", "Choose the same.", kind, above=above.code)
    if above is not None and above.is_leaf and above.code != ledger.SMALL_TAX:
        if above.code in FIXED or Line.get_or_none(Line.account == above.code):
            raise refuse("code", "%(above)s has lines of its own", "Choose a code below another one.", code,
                         above=above.code)  # fmt: skip
        store.change(session, above, is_leaf=False)
    is_leaf = Account.get_or_none(Account.code.startswith(code)) is None
    return store.insert(session, Account(code=code, kind=kind, is_leaf=is_leaf, **names))


def _above(code: str) -> Account | None:
    """The nearest account that the code begins with."""
    prefixes = [code[:length] for length in range(4, len(code))]
    return Account.select().where(Account.code << prefixes).order_by(Account.code.desc()).first()


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        remedy = marked("Give 1 to %(longest)s printable characters.")
        raise refuse("name_zh", "is not a name", remedy, name[:LONGEST_NAME], longest=LONGEST_NAME)
