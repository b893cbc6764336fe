"""The business pages behind the router's login: who gets there, and that they cost nothing while they are off."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from bizlite.core import rights
from bizlite.core.session import Session
from bizlite.production import cards
from bizlite.web.resource import every
from tests.bizlite.conftest import leave
from tests.bizlite.workshop import make_shop
from tests.unit.stand_in import Refusal, Rsd, serving
from webui.app import create_app
from webui.business import Business

PEOPLE = {"o": ("chen", "owner"), "c": ("zhao", "clerk")}


class Login(Rsd):
    """Knows two sessions; ``business`` is what the configuration says."""

    business: dict[str, str] | None = {"database": "", "timezone": "Asia/Shanghai"}  # noqa: RUF012 (is replaced)

    def answer(self, verb: str, args: dict[str, Any], session: str | None) -> Any:
        if verb == "business.place":
            return {"business": self.business, "lans": ["192.168.8.1/24", "10.9.0.1/16"]}
        if verb == "login":
            if args["password"] != "right":
                raise Refusal(code="unauthenticated", message="No.")
            return {"session": "o", "expires_s": 60}
        if verb == "config.get":
            return {user: {"role": role} for user, role in PEOPLE.values()}
        if session not in PEOPLE:
            raise Refusal(code="unauthenticated", message="Log in.")
        user, role = PEOPLE[session]
        return {"user": user, "role": role, "language": "en", "kind": "session", "business": self.business}


@pytest.fixture
def rsd(tmp_path: Path) -> Iterator[Login]:
    server = Login(tmp_path)
    with serving(server):
        yield server
    leave()


@pytest.fixture
def client(rsd: Login, tmp_path: Path) -> FlaskClient:
    app = create_app({"RUN_DIR": tmp_path})
    app.wsgi_app = Business(app, tmp_path)  # type: ignore[method-assign]
    return app.test_client()


def test_the_routers_session_is_the_login(client: FlaskClient, tmp_path: Path) -> None:
    assert client.get("/business/").location == "/login?next=/business/"
    assert client.get("/api/biz/v1/finance/party").status_code == 401
    client.set_cookie("rs", "forged")
    assert client.get("/business/").status_code == 303
    client.set_cookie("rs", "o")
    page = client.get("/business/finance/party")
    assert page.status_code == 200
    assert "chen" in page.text
    assert (tmp_path / "company.db").exists()
    client.set_cookie("rs", "c")
    assert client.get("/business/finance/party").status_code == 403
    assert client.get("/").location == "/business/"
    rights.assign(Session(user="chen", rights=frozenset({"*"})), "zhao", "sales")
    rights.grant(Session(user="chen", rights=frozenset({"*"})), "sales", "finance.party.view")
    token = re.search(r'action="/logout"><input type="hidden" name="csrf" value="(\w+)"', client.get("/business/").text)
    assert token
    assert 'href="/users/"' in client.get("/business/").text, "where one changes one's own password"
    assert client.post("/logout", data={"csrf": token[1]}).location == "/login"


def test_whoever_is_not_logged_in_gets_the_login_and_nothing_else(client: FlaskClient, tmp_path: Path) -> None:
    from bizlite.web.guard import PUBLIC, routes

    client.set_cookie("rs", "o")
    client.get("/business/")
    _, pages = client.application.extensions["business"]._opened
    for session in ("", "forged"):
        client.set_cookie("rs", session)
        for method, rule, permission in routes(pages):
            answer = client.open(rule.replace("<path:filename>", "biz.css").replace("<int:number>", "1"), method=method)
            answer.close()
            if permission == PUBLIC:
                assert answer.status_code not in (303, 401), rule
            elif rule.startswith("/api/"):
                assert answer.status_code == 401, rule
            else:
                assert (answer.status_code, answer.location[:12]) == (303, "/login?next="), rule


def test_a_job_card_is_opened_without_a_login_while_the_business_is_on(client: FlaskClient, rsd: Login) -> None:
    client.set_cookie("rs", "o")
    client.get("/business/")
    order = make_shop().order()
    card = f"/business/production/scan/{cards.token(cards.of_order(order.id)[0].id)}"
    client.delete_cookie("rs")
    assert client.get(card).status_code == 200
    with client.get("/business/static/card.js") as script:
        assert script.status_code == 200
    assert client.get("/business/production/scan/1-x").status_code == 404
    assert client.get("/business/production/order").status_code == 303
    rsd.business = None
    client.set_cookie("rs", "o")
    client.get("/business/")
    client.delete_cookie("rs")
    assert client.get(card).status_code == 404


def test_without_tls_a_card_opens_on_the_lans_and_nowhere_else(client: FlaskClient, rsd: Login) -> None:
    client.set_cookie("rs", "o")
    client.get("/business/")
    order = make_shop().order()
    client.delete_cookie("rs")
    card = f"/business/production/scan/{cards.token(cards.of_order(order.id)[0].id)}?lang=zh"
    wanted = {"192.168.8.77": 200, "10.9.3.3": 200, "203.0.113.9": 308, "2001:db8::9": 308, "": 308}
    for address, status in wanted.items():
        answer = client.get(card, environ_overrides={"REMOTE_ADDR": address})
        assert (address, answer.status_code) == (address, status)
    assert answer.location == f"https://localhost{card}"
    here = {"REMOTE_ADDR": "203.0.113.9", "wsgi.url_scheme": "https"}
    assert client.get(card, environ_overrides=here).status_code == 200


@pytest.mark.parametrize(
    ("host", "printed"),
    [("vpn.example:444", "http://192.168.8.1"), ("192.168.8.1", "http://192.168.8.1"), ("10.9.0.1", "http://10.9.0.1")],
)
def test_a_printed_card_names_the_lan_however_one_came(
    client: FlaskClient, rsd: Login, monkeypatch: pytest.MonkeyPatch, host: str, printed: str
) -> None:
    said: list[str] = []
    monkeypatch.setattr("bizlite.production.prints.qr", lambda text: said.append(text) or "")
    client.set_cookie("rs", "o", domain=host.partition(":")[0])
    client.get("/business/", base_url=f"http://{host}")
    order = make_shop().order()
    page = client.get(f"/business/production/order/{order.id}/print", base_url=f"http://{host}")
    assert page.status_code == 200
    assert {text.partition("/business/")[0] for text in said} == {printed}


def test_what_was_filled_in_survives_the_end_of_the_login(client: FlaskClient, rsd: Login) -> None:
    client.set_cookie("rs", "o")
    page = client.get("/business/finance/party/new").text
    sent = dict(re.findall(r'name="(csrf|key)" value="([^"]+)"', page.partition("<main")[2]))
    sent |= {"code": "C1", "name": 'Wang & "Sons"', "payment_days": "30", "remark": "two\r\nlines"}
    client.set_cookie("rs", "")
    asked = client.post("/business/finance/party/new?x=1", data=sent)
    assert (asked.status_code, "没有丢失" in asked.text) == (401, True)

    def fields(text: str) -> dict[str, str]:
        return {unescape(name): unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', text)}

    login = fields(asked.text.partition('method="post"')[2])
    again = client.post("/login", data=login | {"user": "chen", "password": "wrong"})
    assert (again.status_code, fields(again.text.partition('method="post"')[2])["kept.name"]) == (401, sent["name"])
    found = client.post("/login", data=login | {"user": "chen", "password": "right"})
    assert 'action="/business/finance/party/new?x=1"' in found.text
    assert fields(found.text.partition("data-send")[2]) == sent
    client.set_cookie("rs", "o")
    assert client.post("/business/finance/party/new?x=1", data=sent).status_code == 303
    # From elsewhere nothing is taken along, and it goes to the business only.
    client.set_cookie("rs", "")
    foreign = client.post("/business/finance/party/new", data=sent, headers={"Sec-Fetch-Site": "cross-site"})
    assert (foreign.status_code, "Wang" in foreign.text) == (403, False)
    astray = client.post("/login", data=login | {"kept-to": "https://evil.example/", "password": "right"})
    assert 'action="/business/"' in astray.text


def test_roles_are_for_users_whom_the_router_knows(client: FlaskClient) -> None:
    client.set_cookie("rs", "o")
    page = client.get("/business/rights").text
    assert "<option>zhao</option>" in page
    csrf = re.search(r'name="csrf" value="(\w+)"', page.partition("<main")[2])
    assert csrf
    sent = {"csrf": csrf[1], "what": "assign", "user": "zhou", "holder": "sales"}
    answer = client.post("/business/rights", data=sent)
    assert (answer.status_code, "<code>user</code>" in answer.text) == (422, True)
    assert client.post("/business/rights", data=sent | {"user": "zhao"}).status_code == 303


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])  # never of the same day
def test_every_form_begins_with_the_day_of_the_site(client: FlaskClient, rsd: Login, zone: str) -> None:
    rsd.business = {"database": "", "timezone": zone}
    client.set_cookie("rs", "o")
    forms = [f"/business/{r.module}/{r.noun}/new" for r in every().values() if r.create]
    inputs = [words for form in forms for words in re.findall(r"<input ([^>]*)>", client.get(form).text)]
    begun = [day[1] for words in inputs if 'name="date"' in words and (day := re.search(r'value="([\d-]+)"', words))]
    assert len(begun) > 5
    assert set(begun) == {datetime.datetime.now(ZoneInfo(zone)).date().isoformat()}


def test_what_is_off_is_not_there(client: FlaskClient, rsd: Login, tmp_path: Path) -> None:
    rsd.business = None
    client.set_cookie("rs", "o")
    assert client.get("/business/").status_code == 404
    client.set_cookie("rs", "")
    assert client.get("/business/static/biz.css").status_code == 404
    assert not (tmp_path / "company.db").exists()


def test_while_rsd_is_away_nobody_is_told_that_nothing_is_there(
    client: FlaskClient, rsd: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone at a job card takes "not found" for good and drops its report; at 503 it keeps and sends it later."""

    def fault(*_: object) -> None:
        raise Refusal(code="internal", message="Something went wrong.")

    socket = tmp_path / "rsd.sock"
    socket.rename(tmp_path / "away")
    for session in ("", "o"):
        client.set_cookie("rs", session)
        for path in ("/business/production/scan/1-x", "/business/sales/order/new", "/api/biz/v1/finance/party"):
            for method in ("GET", "POST"):
                answer = client.open(path, method=method, json={})
                assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "3"), (path, method)
                # What was typed must not be swept away by a page that loads itself anew.
                assert ("http-equiv" in answer.text) == (method == "GET" and not path.startswith("/api/"))
    (tmp_path / "away").rename(socket)
    assert client.get("/business/").status_code == 200
    monkeypatch.setattr(rsd, "answer", fault)
    assert client.get("/business/production/scan/1-x").status_code == 503, "rsd has a fault"


def test_refusals_have_the_routers_own_shape(client: FlaskClient, rsd: Login) -> None:
    address = "/api/biz/v1/finance/party"
    answers = [client.get(address, headers={"Authorization": "Bearer wrong"})]
    rsd.business = None
    client.set_cookie("rs", "o")
    answers += [client.get(address)]
    page = client.get("/business/?lang=zh")
    assert [(a.status_code, a.json["error"]["code"]) for a in answers] == [(401, "unauthenticated"), (404, "not_found")]
    assert (page.status_code, "<h1>" in page.text) == (404, True)
    assert page.headers["Content-Security-Policy"]


def test_the_document_of_the_interface_has_the_business_for_those_who_have_it(client: FlaskClient, rsd: Login) -> None:
    def paths() -> set[str]:
        document = client.get("/api/v1/openapi.json").json
        validate(document)
        return set(document["paths"])

    here = "/api/biz/v1/finance/party/{key}"
    without = paths()
    client.set_cookie("rs", "c")
    assert here in paths() > without
    rsd.business = None
    assert paths() == without


ALONE = """
import sys
from webui.app import create_app
from webui.business import Business
from webui import server
app = create_app({"RUN_DIR": sys.argv[1]})
app.wsgi_app = Business(app, sys.argv[1])
client = app.test_client()
client.set_cookie("rs", "o")
for path in ("/business/", "/business/finance/party", "/api/biz/v1/finance/party", "/api/v1/openapi.json"):
    print(client.get(path).status_code)
print([name for name in sys.modules if name.split(".")[0] in ("bizlite", "peewee")])
"""


def test_while_it_is_off_nothing_of_it_is_loaded_whatever_is_asked(rsd: Login, tmp_path: Path) -> None:
    rsd.business = None
    done = subprocess.run([sys.executable, "-c", ALONE, str(tmp_path)], cwd=Path(__file__).parents[2],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.split("\n") == ["404", "404", "404", "200", "[]", ""]
