"""The core by itself: what a module may rely on."""

from __future__ import annotations

import datetime
import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import peewee
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bizlite import core
from bizlite.core import attachments, custom, database, exact, migrations, numbers, registry, rights, schema, store
from bizlite.core import company as core_company
from bizlite.core.database import Record, write
from bizlite.core.errors import Forbidden, Missing, Refused, Stale
from bizlite.core.models import Attachment, Audit, Counter
from bizlite.core.session import Session
from bizlite.finance import accounts, invoices, ledger, parties
from bizlite.finance.models import Entry, Invoice, Party
from bizlite.finance.reports import trial_balance
from bizlite.stock.models import Item
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.world import clock

DAY = datetime.date(2026, 3, 1)
WHOLE = st.integers(-(10**12), 10**12)
OWNER = Session(user="owner", rights=frozenset({"*"}), now=clock)
OTHER = Session(user="other", rights=frozenset({"*"}), now=clock)
CLERK = Session(user="clerk", rights=frozenset({"finance.entry.post"}), now=clock)


def legs(amount: int = 100) -> list[ledger.Leg]:
    return [ledger.Leg(account="1001", debit=amount), ledger.Leg(account="5001", credit=amount)]


# --- exact values
@given(numerator=WHOLE, denominator=st.integers(1, 10**6))
def test_halves_round_away_from_zero_and_a_storno_is_the_opposite(numerator: int, denominator: int) -> None:
    rounded = exact.half_up(numerator, denominator)
    assert exact.half_up(-numerator, denominator) == -rounded
    assert abs(2 * (rounded * denominator - numerator)) <= denominator
    assert (exact.half_up(1, 2), exact.half_up(5, 2), exact.half_up(-1, 2)) == (1, 3, -1)


@given(total=st.integers(0, 10**9), weights=st.lists(st.integers(0, 1000), min_size=1).filter(any))
def test_shares_sum_to_the_total(total: int, weights: list[int]) -> None:
    parts = exact.share(total, weights)
    assert sum(parts) == total
    assert all(
        abs(part * sum(weights) - total * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )


@given(value=WHOLE, digits=st.integers(0, 6))
def test_a_number_shown_is_read_back(value: int, digits: int) -> None:
    assert exact.parse("amount", exact.show(value, digits), digits) == value


def test_thousands_may_stand_apart() -> None:
    assert exact.parse("amount", "-1,234,567.5", 2) == -123_456_750


@pytest.mark.parametrize("text", ["", "1.234", "1e5", "NaN", "１", "--1", "9" * 20, "1,5", "1,50", "12,34", "1.2,0"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        exact.parse("amount", text, 2)


# --- commands
def test_a_double_click_posts_once(company: None) -> None:
    first = ledger.post(OWNER, DAY, legs(), key="k")
    assert ledger.post(OWNER, DAY, legs(), key="k").id == first.id
    assert Entry.select().count() == 1
    with pytest.raises(Refused, match="something else"):
        ledger.post(OWNER, DAY, legs(200), key="k")


def calls(folder: Path) -> dict[Any, tuple[Any, ...]]:
    """Each command of the core with arguments; what is taken back was given before."""
    return {
        registry.switch: ("reports", False),
        rights.grant: ("sellers", "sales.*"),
        rights.assign: ("zhang", "sellers"),
        rights.revoke: ("sellers", "sales.*"),
        rights.unassign: ("zhang", "sellers"),
        custom.define: ("SO", "colour", "Colour", "text"),
        core_company.change: (),
        attachments.attach: (folder, "JE", 1, "a.txt", "text/plain", b"words"),
    }


def test_every_command_of_the_core_called_twice_with_one_key_is_done_once(company: None, tmp_path: Path) -> None:
    ledger.post(OWNER, DAY, legs())
    every = calls(tmp_path)
    found = {
        value
        for module in pkgutil.iter_modules(core.__path__, "bizlite.core.")
        for value in vars(importlib.import_module(module.name)).values()
        if hasattr(value, "permission") and value.__module__ == module.name
    }
    assert set(every) == found
    for number, (command, args) in enumerate(every.items()):
        words: dict[str, Any] = {"name": "Ours"} if command is core_company.change else {}
        first = command(OWNER, *args, key=f"k{number}", **words)
        written = Audit.select().count()
        again = command(OWNER, *args, key=f"k{number}", **words)
        assert (type(again), getattr(again, "_pk", None)) == (type(first), getattr(first, "_pk", None))
        assert Audit.select().count() == written
        with pytest.raises(Refused, match="something else"):
            command(OTHER, *args, key=f"k{number}", **words)


def test_a_command_that_gives_a_count_gives_it_again(company: None) -> None:
    chart = "code,kind,name_zh\n560101,费用,销售费用—广告费\n"
    assert accounts.import_chart(OWNER, chart, key="k") == accounts.import_chart(OWNER, chart, key="k") == 1


def test_a_missing_permission_is_named_and_nothing_changes(company: None) -> None:
    with pytest.raises(Forbidden) as caught:
        parties.add(CLERK, "C", "customer")
    assert caught.value.problems[0].params["permission"] == "finance.party.change"
    assert not Party.select().count()
    assert ledger.post(CLERK, DAY, legs()).posted


def test_numbers_have_no_gap_after_a_failure_and_begin_anew_each_year(company: None) -> None:
    first = ledger.post(OWNER, DAY, legs())
    with pytest.raises(Refused, match="balance"):
        ledger.post(OWNER, DAY, [*legs(), ledger.Leg(account="1001", debit=1)])
    second = ledger.post(OWNER, DAY, legs())
    other = ledger.post(OWNER, DAY.replace(year=2027), legs())
    assert [row.number for row in (first, second, other)] == ["JE-2026-00001", "JE-2026-00002", "JE-2027-00001"]


def test_half_of_a_failed_transaction_never_stays(company: None) -> None:
    def careless() -> None:
        with write():
            ledger.post(OWNER, DAY, legs())
            try:
                ledger.post(OWNER, DAY, legs()[:1])
            except Refused:
                numbers.take("X", DAY)

    with pytest.raises(RuntimeError, match="failed"):
        careless()
    assert not Entry.select().count()
    assert not Counter.select().count()


def test_a_stale_edit_is_refused(company: None) -> None:
    draft = ledger.draft(OWNER, DAY, legs(), text="first")
    ledger.change_draft(OWNER, draft.id, 1, date=DAY, lines=legs(), text="mine")
    with pytest.raises(Stale):
        ledger.change_draft(OWNER, draft.id, 1, date=DAY, lines=legs(), text="theirs")
    assert Entry.get().text == "mine"


def test_every_change_is_in_the_audit_log(company: None) -> None:
    draft = ledger.draft(OWNER, DAY, legs(), text="first")
    ledger.change_draft(CLERK, draft.id, 1, date=DAY, lines=legs(), text="mine")
    one, two = Audit.select().where(Audit.table == "finance_entry").order_by(Audit.id)
    assert (one.user, one.action, one.row) == ("owner", "insert", str(draft.id))
    assert (two.user, two.action) == ("clerk", "change")
    assert (json.loads(two.before)["text"], json.loads(two.after)["text"]) == ("first", "mine")


def test_what_does_not_exist_is_missing(company: None) -> None:
    for key in (99, None, True):
        with pytest.raises(Missing):
            store.get(Entry, key)


def test_the_database_itself_refuses(company: None) -> None:
    """What a bug in the rules, or a person at the database, could do."""
    entry = ledger.post(OWNER, DAY, legs())
    draft = ledger.draft(OWNER, DAY, legs()[:1])
    for statement in (
        f"UPDATE finance_entry SET text = 'x' WHERE id = {entry.id}",
        f"DELETE FROM finance_entry WHERE id = {entry.id}",
        f"UPDATE finance_line SET debit = 5 WHERE entry_id = {entry.id}",
        f"DELETE FROM finance_line WHERE entry_id = {entry.id}",
        f"UPDATE finance_line SET entry_id = {entry.id} WHERE entry_id = {draft.id}",
        f"UPDATE finance_entry SET posted = TRUE, number = 'X' WHERE id = {draft.id}",
        "UPDATE core_audit SET user_name = 'x'",
        "DELETE FROM core_audit",
        "INSERT INTO finance_line VALUES (99, 1, '1001', '', 5, 5, '')",
        "INSERT INTO finance_line VALUES (99, 2, '9999', '', 5, 0, '')",
    ):
        with pytest.raises(peewee.IntegrityError), write():
            database.database.execute_sql(statement)


# --- rights and modules
def test_rights_come_by_roles_and_groups(company: None) -> None:
    rights.grant(OWNER, "bookkeeper", "finance.*")
    rights.grant(OWNER, "office", "role:bookkeeper")
    rights.grant(OWNER, "office", "role:office")
    rights.assign(OWNER, "li", "office")
    assert rights.rights_of("li") == {"finance.*"}
    assert Session(user="li", rights=rights.rights_of("li")).may("finance.entry.post")
    with pytest.raises(Refused, match="not a permission"):
        rights.grant(OWNER, "bookkeeper", "finance.everything")
    rights.unassign(OWNER, "li", "office")
    assert not rights.rights_of("li")


def test_a_module_that_others_stand_on_stays_on(company: None) -> None:
    with pytest.raises(Refused, match=r"stock.* stands on this"):
        registry.switch(OWNER, "finance", False)
    for name in reversed(registry.NAMES):
        registry.switch(OWNER, name, False)
    with pytest.raises(Refused, match="stands on finance"):
        registry.switch(OWNER, "stock", True)


# --- fields and files
def test_custom_fields_are_checked_all_at_once(company: None) -> None:
    custom.define(OWNER, "INV", "colour", "颜色", "choice", choices=("red", "blue"), required=True)
    custom.define(OWNER, "INV", "until", "到期", "date")
    assert custom.fill("INV", {"colour": "red"}) == '{"colour": "red"}'
    with pytest.raises(Refused) as caught:
        custom.fill("INV", {"until": "soon", "size": "5"})
    assert {problem.field for problem in caught.value.problems} == {"custom.colour", "custom.until", "custom.size"}


def test_an_attachment_is_kept_once_by_its_hash(company: None, tmp_path: Path) -> None:
    for _ in range(2):
        row = attachments.attach(OWNER, tmp_path, "INV", 1, "../../etc/passwd", "text/plain", b"hello")
    assert row.name == "passwd"
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"hello"]
    assert Attachment.select().count() == 2
    for content in (b"", b"x" * (attachments.LARGEST_BYTES + 1)):
        with pytest.raises(Refused):
            attachments.attach(OWNER, tmp_path, "INV", 1, "a", "text/plain", content)


# --- migrations
def test_models_say_what_the_migrations_made(company: None) -> None:
    for model in store_models():
        columns = {column.name for column in database.database.get_columns(model._meta.table_name)}
        assert columns == {field.column_name for field in model._meta.sorted_fields}, model


def test_a_second_migration_runs_on_the_data_of_the_first(fresh: Fresh) -> None:
    url = fresh(bare=True)
    opened = registry.open_company(url)
    ledger.post(OWNER, DAY, legs())
    known = [("core", migrations.CORE_MIGRATIONS), *((m.name, m.migrations) for m in registry.modules())]

    def second(found: peewee.Database) -> None:
        schema.run(found, "ALTER TABLE finance_party ADD COLUMN grade TEXT NOT NULL DEFAULT 'C'")

    def broken(found: peewee.Database) -> None:
        second(found)
        schema.run(found, "SELECT nothing FROM nowhere")

    for step in (broken, second, second):
        newer = [(name, (*steps, step) if name == "finance" else steps) for name, steps in known]
        if step is broken:
            with pytest.raises(peewee.DatabaseError):
                migrations.migrate(opened, newer)
            assert migrations.applied(opened)["finance"] == len(dict(known)["finance"])
        else:
            migrations.migrate(opened, newer)
    assert migrations.applied(opened)["finance"] == len(dict(known)["finance"]) + 1
    assert len(trial_balance(DAY)) == 2
    with pytest.raises(RuntimeError, match="this program knows"):
        migrations.migrate(opened, known)
    leave()


def test_vat_is_by_line_and_gross_prices_stay_what_was_agreed(company: None) -> None:
    party = parties.add(OWNER, "C", "customer", is_customer=True)
    lines = [invoices.Item(text="x", quantity=1, price=33_333_333, rate=1300) for _ in range(3)]
    gross = invoices.post(OWNER, "sale", party.id, DAY, lines, is_gross=True)
    assert gross.net + gross.tax == 3 * 3333
    net = invoices.post(OWNER, "sale", party.id, DAY, lines)
    assert (net.net, net.tax) == (3 * 3333, 3 * exact.tax_on(3333, 1300))
    assert Invoice.get().rounding == exact.ROUNDING


def store_models() -> list[type[Record]]:
    every = [Record]
    for model in every:
        every += model.__subclasses__()
    return [model for model in every if model.__name__ not in ("Record", "Row", "Document") and model is not Item] + [
        Item
    ]
