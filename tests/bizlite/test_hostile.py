"""Wrong input at every resource, made from its declaration: never a fault of ours, always the field and what to do, and
nothing is changed. A new module is tried without a line here, unless its rules want more than any value of the kind.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from bizlite.production.fields import Clock, Weekday
from bizlite.web.app import create_app
from bizlite.web.fields import Area, Choice, Date, Field, Reference, Text, Whole, YesNo
from bizlite.web.resource import Resource, every, takes
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.web_site import OWNER, asker, call, content, identify

HUGE, LONG = 10**30, "x" * 3000
# What no field can be, whatever its kind: of another type, or beyond all bounds.
OF_ANY_KIND: tuple[Any, ...] = ([], {"a": 1}, 1.5, HUGE, -HUGE, LONG, "\x00", "\ud800", "nothing of ours")
# Texts that somebody types or pastes into a form; whether they fit depends on the field.
TYPED = ("-1", "1.5", "1e9", "NaN", "9" * 40, LONG, "\x00", "=1+1", "<script>", "2026-02-30", "no such", "#999999",
         "٣", "\u202e", "999999")  # fmt: skip
KEPT_WITHIN_OTHERS = {("production.order", "batch_size")}  # a batch is at most the order
KEYS = ("0", "-1", "9" * 18, "9" * 40, "x", "1.5", "%00", "1%27", "٣")


@pytest.fixture
def url(sqlite: Fresh) -> str:
    return sqlite()


@pytest.fixture
def client(url: str, tmp_path: Path) -> Iterator[FlaskClient]:
    yield asker(create_app(url, identify, folder=tmp_path))
    leave()


@pytest.fixture
def commits(url: str) -> Iterator[Callable[[], int]]:
    """A number that is another one after every commit that changed something: cheaper than reading all tables."""
    with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as watcher:
        yield lambda: int(watcher.execute("PRAGMA data_version").fetchone()[0])


def base(resource: Resource) -> str:
    return f"/api/biz/v1/{resource.module}/{resource.noun}"


def sample(entry: Field, client: FlaskClient) -> Any:
    """A value that fits the kind of a field."""
    match entry:
        case YesNo():
            return True
        case Reference():
            return referred(entry, client)
        case Clock():
            return 480
        case Weekday():
            return 0
        case Choice():
            with client.application.test_request_context():
                return entry.plain(next(iter(entry.all())))
        case Date():
            return str(OWNER.today())
        case Whole():
            return 1
        case _:
            return "A1"


def referred(entry: Reference, client: FlaskClient) -> Any:
    """The key of a row that may be chosen; the first one is made."""
    query = entry.target.model.select()
    row = query.where(entry.where()).first() if entry.where else query.first()
    return row._pk if row else made(entry.target, client)["id"]


def filled(fields: Sequence[Field], client: FlaskClient) -> dict[str, Any]:
    """What must be given, and the texts."""
    return {entry.name: sample(entry, client) for entry in fields if is_wanted(entry) or type(entry) is Area}


def is_wanted(entry: Field) -> bool:
    return entry.required and entry.default is None and not isinstance(entry, YesNo)


def right(resource: Resource, client: FlaskClient) -> dict[str, Any]:
    """A body that the resource takes."""
    body = filled(resource.fields, client)
    if resource.lines:
        body[resource.lines.name] = [filled(resource.lines.fields, client)]
    return body | (SAMPLES[resource.name](client) if resource.name in SAMPLES else {})


def made(resource: Resource, client: FlaskClient, **headers: str) -> dict[str, Any]:
    answer = call(client, "POST", base(resource), right(resource, client), **headers)
    assert answer.status_code == 201, f"SAMPLES has to help {resource.name}: {answer.text}"
    return dict(answer.json)


def is_refused(answer: Any, *fields: str, statuses: tuple[int, ...] = (422,)) -> None:
    """The one shape of a refusal, with these fields."""
    assert answer.status_code in statuses, answer.text
    problems = answer.json["error"]["problems"]
    assert problems or answer.status_code == 413
    assert all(problem["field"] and problem["message"] and problem["remedy"] for problem in problems), problems
    assert set(fields) <= {problem["field"] for problem in problems}, (fields, problems)


def another(name: str, client: FlaskClient, **values: Any) -> Any:
    """The key of a new row with these values."""
    resource = every()[name]
    answer = call(client, "POST", base(resource), right(resource, client) | values)
    assert answer.status_code == 201, answer.text
    return answer.json["id"]


def with_lots(client: FlaskClient) -> dict[str, Any]:
    found = every()["stock.item"].named("LOTS")
    return {"item": found[0].id if found else another("stock.item", client, code="LOTS", has_lots=True)}


def materials(client: FlaskClient) -> dict[str, Any]:
    found = every()["stock.item"].named("PART")
    part = found[0].id if found else another("stock.item", client, code="PART")
    whole = every()["stock.item"].named("WHOLE")
    item = whole[0].id if whole else another("stock.item", client, code="WHOLE")
    return {"item": item, "lines": [{"item": part, "quantity": 1}]}


def priced(client: FlaskClient) -> dict[str, Any]:
    item = every()["stock.item"].named("SOLD")
    return {"lines": [{"item": item[0].id if item else another("stock.item", client, code="SOLD"), "quantity": 1,
                       "price": 1}]}  # fmt: skip


def released(client: FlaskClient) -> dict[str, Any]:
    """An item whose bill and routing are released, so that an order can begin."""
    item = materials(client)["item"]
    for name in ("production.bom", "production.routing"):
        if every()[name].model.get_or_none() is None:
            row = call(client, "POST", base(every()[name]), right(every()[name], client) | {"item": item}).json
            body = {"version": row["version"]} if "version" in row else {}
            call(client, "POST", f"{base(every()[name])}/{row['id']}/release", body)
    return {"item": item}


# Values that a resource's rules want beyond what its fields say.
SAMPLES: dict[str, Callable[[FlaskClient], dict[str, Any]]] = {
    "finance.account": lambda client: {"code": "100901"},
    "finance.party": lambda client: {"is_customer": True, "is_supplier": True},
    "finance.entry": lambda client: {
        "lines": [{"account": "1001", "debit": 1, "credit": 0}, {"account": "5001", "debit": 0, "credit": 1}]
    },
    "finance.invoice": lambda client: {"lines": [{"text": "A1", "price": 10_000_000}]},
    "stock.lot": with_lots,
    "sales.order": priced,
    "sales.quotation": priced,
    "purchasing.order": priced,
    "production.centre": lambda client: {"shifts": [{"weekday": 0, "start_minute": 480, "end_minute": 960}]},
    "production.order": released,
    "production.bom": materials,
}


# And what an action's rules want.
ACTIONS: dict[str, dict[str, Any]] = {"sales.opportunity/move": {"stage": "qualified"}}


def wrong_bodies(resource: Resource, body: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Bodies with one thing wrong, and the field that is to be named."""
    for entry in resource.fields:
        yield from ((body | {entry.name: value}, entry.name) for value in wrong_values(entry))
        if is_wanted(entry):
            yield {name: value for name, value in body.items() if name != entry.name}, entry.name
            yield body | {entry.name: None}, entry.name
    yield body | {"id": 1, "colour": "red"}, "colour"
    table = resource.lines
    if table is None:
        return
    line = body[table.name][0]
    for value in ("x", 5, {"a": 1}, [5], [[]], [line] * 501):
        yield body | {table.name: value}, table.name
    for entry in table.fields:
        for value in wrong_values(entry):
            yield body | {table.name: [line, line | {entry.name: value}]}, f"{table.name}.1.{entry.name}"
    yield body | {table.name: [line | {"colour": "red"}]}, f"{table.name}.0.colour"


def wrong_values(entry: Field) -> Iterator[Any]:
    if isinstance(entry, YesNo):
        yield from (*OF_ANY_KIND, 1, "yes")
        return
    yield from OF_ANY_KIND[: -1 if type(entry) in (Text, Area) else None]
    if isinstance(entry, Reference):
        yield from (999_999, 0, -1, HUGE)
    elif isinstance(entry, Whole):
        yield from (True, "1", 2**53)
    elif isinstance(entry, Date):
        yield from ("2026-02-30", "27.11.2026", 20_261_127)
    elif type(entry) in (Text, Area, Choice):
        yield from (True, 5)


def dealt(places: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each place with every fourth text, beginning with another one: all of them for each resource would take long."""
    for number, place in enumerate(places):
        yield from ((place, text) for text in texts[number % 4 :: 4])


def writable() -> list[Resource]:
    return [resource for resource in every().values() if resource.create]


RESOURCES = pytest.mark.parametrize("name", [resource.name for resource in writable()])


@RESOURCES
def test_every_wrong_value_is_refused_at_its_field(client: FlaskClient, name: str) -> None:
    refuses_every_wrong_value(client, every()[name])


@pytest.mark.parametrize("name", ["finance.party", "finance.invoice", "sales.order", "production.bom"])
def test_postgresql_refuses_every_wrong_value_too(postgresql: Fresh, tmp_path: Path, name: str) -> None:
    """Which knows other bounds of texts and numbers; every kind of field is in these."""
    refuses_every_wrong_value(asker(create_app(postgresql(), identify, folder=tmp_path)), every()[name])
    leave()


def refuses_every_wrong_value(client: FlaskClient, resource: Resource) -> None:
    body, before = right(resource, client), content()
    for wrong, field in wrong_bodies(resource, body):
        is_refused(call(client, "POST", base(resource), wrong), field)
    for other in ([], "x", 5, None):
        is_refused(call(client, "POST", base(resource), other), "body")
    broken = client.post(
        base(resource), data="{", headers={"Authorization": "Bearer x"}, content_type="application/json"
    )
    is_refused(broken, "body")
    assert content() == before


@pytest.mark.long
@RESOURCES
def test_negative_and_largest_numbers_are_taken_or_refused_with_words(
    client: FlaskClient, commits: Callable[[], int], name: str
) -> None:
    """Which of them a rule takes is the rule's; none is a fault, and none comes back as another number."""
    resource = every()[name]
    body = right(resource, client)
    places = [(None, entry) for entry in resource.fields] + [
        (resource.lines.name, entry) for entry in (resource.lines.fields if resource.lines else ())
    ]
    for table, entry in places:
        for value in (-1, 0, 2**53 - 1, -(2**53 - 1)) if isinstance(entry, Whole) else ():
            changed = {entry.name: value}
            sent = body | ({table: [body[table][0] | changed]} if table else changed)
            before = commits()
            answer = call(client, "POST", base(resource), sent)
            if answer.status_code == 201:
                row = answer.json[table][0] if table else answer.json
                assert row[entry.name] == value or (name, entry.name) in KEPT_WITHIN_OTHERS
            else:
                is_refused(answer)
                assert commits() == before


@pytest.mark.long
@RESOURCES
def test_what_is_typed_into_the_form_is_taken_or_shown_again_with_words(
    client: FlaskClient, commits: Callable[[], int], name: str
) -> None:
    resource = every()[name]
    right(resource, client)
    address = f"/business/{resource.module}/{resource.noun}/new"
    page = client.get(address).text
    csrf = re.search(r'name="csrf" value="([^"]*)"', page)
    assert csrf
    names = [entry.name for entry in resource.fields]
    if resource.lines:
        names += [f"{resource.lines.name}.0.{entry.name}" for entry in resource.lines.fields]
        names += [f"{resource.lines.name}.x.y", f"{resource.lines.name}.{'9' * 30}.{resource.lines.fields[0].name}"]
    for place, text in dealt(names, TYPED):
        before = commits()
        answer = client.post(address, data={"csrf": csrf[1], place: text})
        assert answer.status_code in (303, 422), (place, text, answer.text)
        if answer.status_code == 422:
            assert 'role="alert"' in answer.text or 'class="problem' in answer.text
            assert commits() == before
            assert "<script>" not in answer.text.replace("<script src", "")


@RESOURCES
def test_a_duplicate_posts_once_and_a_used_key_is_refused_for_something_else(client: FlaskClient, name: str) -> None:
    resource = every()[name]
    row = made(resource, client, **{"Idempotency-Key": "one"})
    before = content()
    assert made(resource, client, **{"Idempotency-Key": "one"})["id"] == row["id"]
    assert content() == before
    entry = next(entry for entry in resource.fields if isinstance(entry, Text | Area | Whole))
    other = right(resource, client) | {entry.name: 2 if isinstance(entry, Whole) else "another"}
    is_refused(call(client, "POST", base(resource), other, **{"Idempotency-Key": "one"}), "key")
    is_refused(call(client, "POST", base(resource), other, **{"Idempotency-Key": "k" * 101}), "key")
    assert content() == before


@RESOURCES
def test_a_change_by_a_stale_or_missing_version_of_a_foreign_row_changes_nothing(
    client: FlaskClient, name: str
) -> None:
    resource = every()[name]
    row = made(resource, client)
    address, before = f"{base(resource)}/{row['id']}", content()
    commands: list[tuple[str, str, Any, Sequence[Field]]] = []
    if resource.change:
        commands.append(("PATCH", "", resource.change, ()))
    commands += [("POST", f"/{action.name}", action.command, action.fields) for action in resource.actions]
    for method, end, command, fields in commands:
        for key in KEYS:
            answer = call(client, method, f"{base(resource)}/{key}{end}", {"version": 1})
            is_refused(answer, statuses=(404,))
        if takes(command, "version"):
            body = filled(fields, client) | ACTIONS.get(f"{name}{end}", {})
            is_refused(call(client, method, address + end, body), "version")
            for version in ("1", True, 1.5, None, [], HUGE):
                is_refused(call(client, method, address + end, body | {"version": version}), "version",
                           statuses=(409, 422))  # fmt: skip
            is_refused(call(client, method, address + end, body | {"version": 99}), "version", statuses=(409,))
    assert content() == before
    for key in KEYS:
        assert call(client, "GET", f"{base(resource)}/{key}").status_code == 404
        assert client.get(f"/business/{resource.module}/{resource.noun}/{key}").status_code == 404


@pytest.mark.long
@pytest.mark.parametrize("name", [*every()])
def test_a_list_is_asked_with_anything(client: FlaskClient, name: str) -> None:
    resource = every()[name]
    places = [
        "q",
        "lang",
        "sort",
        "after",
        "limit",
        *resource.filters,
        *(f"{entry}_from" for entry in resource.filters),
    ]
    addresses = cycle((base(resource), f"/business/{resource.module}/{resource.noun}"))
    for place, text in dealt(places, (*TYPED, "%", "_", "'", '["a",1]', "W10", "eyJh")):
        address = next(addresses)
        with client.get(address, query_string={place: text}) as answer:
            assert answer.status_code in (200, 422), (address, place, text)
