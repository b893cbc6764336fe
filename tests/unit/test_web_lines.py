"""The pages of prefix lists and rules for lines, with a stand-in for rsd: what is sent, shown and refused in words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from firmware.client import Invalid
from firmware.features import verify
from firmware.model import codec
from firmware.model.config import PREFIX_BYTES_MAX, Config, LinePolicy, PrefixList
from firmware.model.problem import Problem
from tests.unit.test_features_line_policies import bound, facts
from webui import catalogue
from webui.app import create_app

FACTS = {"ipv4": 3, "ipv6": 0, "addresses": 768, "time": 1_790_000_000.0, "source": "", "sha256": "a" * 64}
ADDRESSES = (
    *("/lines/", "/lines/policies/new", "/lines/policies/sales", "/lines/policies/new?q=wechat"),
    *("/lines/lists/new", "/lines/lists/new?title=mobile", "/lines/lists/telecom"),
)
PREVIEW = {"facts": FACTS, "added": 12, "removed": 1, "first_added": ["1.0.1.0/24"], "first_removed": ["9.9.9.0/24"]}


class Rsd:
    """As much of rsd as the pages ask for."""

    def __init__(self) -> None:
        self.config: Config = bound({"sales": LinePolicy(position=10, groups=("sales",), lines=("wan2", "wan1"))})
        self.running = self.config
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuse: Invalid | None = None

    def __call__(self, *_args: object, **_kwargs: object) -> Rsd:
        return self

    def close(self) -> None:
        pass

    def call(self, verb: str, **args: Any) -> Any:
        self.calls.append((verb, args))
        answer = getattr(self, f"_{verb.replace('.', '_')}", None)
        return answer(**args) if answer else {}

    def _whoami(self) -> Any:
        return {"user": "admin", "role": "owner", "language": "en", "kind": "session"}

    def _config_get(self, path: str, which: str) -> Any:
        return codec.to_plain(self.config if which == "candidate" else self.running)

    def _config_set(self, path: str, value: Any) -> Any:
        self.config = codec.set_path(self.config, path, value)
        return {"problems": msgspec.to_builtins(verify(self.config, facts()))}

    def _config_delete(self, path: str) -> Any:
        self.config = codec.delete_path(self.config, path)
        return {"problems": []}

    def _config_diff(self, **_: Any) -> Any:
        return []

    def _status(self) -> Any:
        return {"lines": [], "pending": None, "last_change": None, "alarms": 0, "ports": [], "time": 0}

    def _config_revisions(self, **_: Any) -> Any:
        return []

    def _alarms(self) -> Any:
        return []

    def _applications(self) -> Any:
        row = {"id": "wechat", "name_zh": "微信", "name_en": "WeChat", "category": "im"}
        return {"applications": [row], "categories": ["im"]}

    def _prefixes_list(self) -> Any:
        return [{"name": name, **FACTS, "previous": FACTS} for name in self.running.prefix_lists]

    def _prefixes_preview(self, **_: Any) -> Any:
        if self.refuse is not None:
            raise self.refuse
        return PREVIEW


@pytest.fixture
def rsd(monkeypatch: pytest.MonkeyPatch) -> Rsd:
    made = Rsd()
    monkeypatch.setattr("webui.router.Client", made)
    return made


@pytest.fixture
def page(rsd: Rsd, tmp_path: Path) -> FlaskClient:
    catalogue.compile_all()
    client = create_app({"RUN_DIR": tmp_path, "TESTING": True}).test_client()
    client.set_cookie("rs", "session")
    return client


def token(page: FlaskClient, address: str) -> str:
    text = page.get(address).text
    return text.partition('name="csrf" value="')[2].partition('"')[0]


def send(page: FlaskClient, address: str, **fields: Any) -> Any:
    return page.post(address, data={"csrf": token(page, "/lines/policies/new"), **fields})


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_are_shown(page: FlaskClient, language: str) -> None:
    for address in ADDRESSES:
        answer = page.get(f"{address}{'&' if '?' in address else '?'}lang={language}", follow_redirects=True)
        assert answer.status_code == 200, address
    assert "sales → wan2, wan1" in page.get("/lines/?lang=en", follow_redirects=True).text


def test_a_rule_of_every_kind_is_saved(page: FlaskClient, rsd: Rsd) -> None:
    answer = send(
        page, "/lines/policies/new", groups="sales", prefix_lists=["telecom", "unicom"], applications="wechat",
        domains="a.test\nb.test", ports="tcp/443", dscp="ef", lines=["wan1", "wan2"], first="wan2", enabled="1",
    )  # fmt: skip
    assert answer.status_code == 303
    made = rsd.config.line_policies["sales-2"]
    assert (made.position, made.lines, made.domains, made.dscp) == (20, ("wan2", "wan1"), ("a.test", "b.test"), ("ef",))
    text = page.get("/lines/").text
    assert "sales · China Telecom" in text
    assert "TCP 443 · DSCP ef → wan2, wan1" in text


def test_mistakes_stand_at_their_fields_and_an_empty_rule_is_refused(page: FlaskClient, rsd: Rsd) -> None:
    before = rsd.config
    answer = send(page, "/lines/policies/new", ports="443", lines="wan1", enabled="1")
    assert answer.status_code == 422
    assert 'id="ports-error"' in answer.text
    assert send(page, "/lines/policies/new", lines="wan1").status_code == 422
    assert rsd.config == before


def test_rules_change_places(page: FlaskClient, rsd: Rsd) -> None:
    send(page, "/lines/policies/new", ports="tcp/1", lines="wan1", enabled="1")
    first, second = (name for name in rsd.config.line_policies)
    send(page, f"/lines/policies/{second}/move", by="-1")
    positions = {name: policy.position for name, policy in rsd.config.line_policies.items()}
    assert positions[second] < positions[first]


def test_a_list_is_made_looked_at_and_taken(page: FlaskClient, rsd: Rsd) -> None:
    assert send(page, "/lines/lists/new", title="mobile", url="https://lists.test/m.txt", daily="1").status_code == 303
    assert rsd.config.prefix_lists["mobile"] == PrefixList(url="https://lists.test/m.txt", daily=True)
    answer = page.get("/lines/lists/mobile?lang=en", follow_redirects=True)
    assert "Apply the new list first" in answer.text
    file = (io.BytesIO(b"1.0.1.0/24\n\xff\n"), "list.txt")
    answer = send(page, "/lines/lists/telecom/preview", file=file)
    assert answer.status_code == 200
    assert "+ 1.0.1.0/24" in answer.text
    assert "− 9.9.9.0/24" in answer.text
    assert ("prefixes.preview", {"name": "telecom", "content": "1.0.1.0/24\n\ufffd\n"}) in rsd.calls
    assert send(page, "/lines/lists/telecom/take", sha256="a" * 64).status_code == 303
    assert rsd.calls[-1] == ("prefixes.import", {"name": "telecom", "sha256": "a" * 64})


def test_what_is_wrong_with_a_file_is_said(page: FlaskClient, rsd: Rsd) -> None:
    message = "Line %(line)s is no prefix: %(text)s"
    problems = [Problem(path="content.2", message=message, params={"line": str(n), "text": "x"}) for n in (2, 7)]
    rsd.refuse = Invalid(
        "%(count)s lines of the list are no prefixes, the first is line %(line)s: %(text)s",
        problems=tuple(problems),
        params={"count": "2", "line": "2", "text": "x"},
    )
    answer = send(page, "/lines/lists/telecom/preview", file=(io.BytesIO(b"x"), "list.txt"))
    assert answer.status_code == 422
    assert "Line 7 is no prefix: x" in answer.text
    assert send(page, "/lines/lists/telecom/preview").status_code == 422  # no file


def test_a_file_that_is_too_large_is_refused_in_words(page: FlaskClient) -> None:
    csrf = token(page, "/lines/policies/new")

    def upload(count: int) -> Any:
        head = f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{csrf}\r\n--x\r\n'
        head += 'Content-Disposition: form-data; name="file"; filename="list.txt"\r\n\r\n'
        body = head.encode() + b"1.0.1.0/24\n" * count + b"\r\n--x--\r\n"
        return page.post("/lines/lists/telecom/preview", data=body, content_type="multipart/form-data; boundary=x")

    assert PREFIX_BYTES_MAX > 11 * 300_000
    assert upload(300_000).status_code == 200
    answer = upload(1_000_000)
    assert answer.status_code == 413
    assert "200,000" in answer.text
    assert send(page, "/lines/lists/telecom/take", sha256="a" * (2 << 20)).status_code == 413
