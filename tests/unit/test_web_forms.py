"""Forms against a draft that the model's own rules judge: nothing is lost by them, nobody is stuck in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from firmware.features import verify
from firmware.model import codec
from firmware.model.config import Config, Dns, Host, Policy, Schedule, User, Wan, Window
from firmware.model.defaults import factory
from firmware.model.facts import Facts, PortFact
from firmware.model.problem import ConfigError
from tests.unit.stand_in import Refusal, Rsd, browser, send, serving
from webui import forms
from webui.app import create_app
from webui.views import dashboard

PORTS = ("eth0", "eth1", "eth2")
FACTS = Facts(ports={name: PortFact() for name in PORTS}, applications={"wechat": "im", "douyin": "video"})
MAC = "02:00:5e:10:00:01"
SEEN = {
    "key": MAC, "mac": MAC, "address": "192.168.8.9", "addresses": ["192.168.8.9"], "name": "", "up_bps": 0,
    "down_bps": 0, "last_seen": 0, "applications": [], "groups": [],
}  # fmt: skip


class Draft(Rsd):
    """Keeps one draft, and says of it what rsd says."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, {
            "whoami": {"user": "chen", "role": "owner", "language": "en", "kind": "session"}, "config.diff": [],
            "status": {"lines": [], "ports": [], "pending": None, "hosts_active": 0}, "token.list": [],
            "applications": {"applications": []}, "series": {"step_s": 2, "t": [], "up_bps": [], "down_bps": []},
            "hosts": [SEEN], "flows": [], "usage": [], "prefixes.list": [], "speedtest.state": [],
        })  # fmt: skip
        self.running = self.config = codec.set_path(factory(PORTS), "users.chen", {"role": "owner"})
        self.refused: dict[str, dict[str, Any]] = {}

    def answer(self, verb: str, args: dict[str, Any], session: str | None) -> Any:
        if verb in self.refused:
            raise Refusal(**self.refused[verb])
        try:
            if verb == "config.get":
                config = self.running if args["which"] == "running" else self.config
                return codec.to_plain(codec.get_path(config, args["path"]))
            if verb == "config.set":
                self.config = codec.set_path(self.config, args["path"], args["value"])
            if verb == "config.delete":
                self.config = codec.delete_path(self.config, args["path"])
        except ConfigError as error:
            raise Refusal(code="invalid", message="Wrong.", problems=msgspec.to_builtins(error.problems)) from None
        if verb in ("config.set", "config.delete", "config.check"):
            return {"problems": msgspec.to_builtins(verify(self.config, FACTS))}
        return super().answer(verb, args, session)


@pytest.fixture
def rsd(tmp_path: Path) -> Iterator[Draft]:
    server = Draft(tmp_path)
    with serving(server):
        yield server


@pytest.fixture
def client(rsd: Draft, tmp_path: Path) -> FlaskClient:
    return browser(create_app({"RUN_DIR": tmp_path, "TESTING": True}))


def test_as_many_policies_as_one_likes_go_to_the_front(client: FlaskClient, rsd: Draft) -> None:
    for number in range(12):
        # By name the newest stands last: rsd tells of two at one place at the latter.
        fields = {"action": "block", "applications": "wechat" if number % 2 else "douyin"}
        answer = send(client, "/control/new", **fields)
        assert answer.status_code == 303, (number, answer.text)
    assert len({policy.position for policy in rsd.config.policies.values()}) == 12
    newest = min(rsd.config.policies.values(), key=lambda policy: policy.position)
    assert newest.applications == ("wechat",)


def test_a_policy_that_is_refused_leaves_the_others_where_they_were(client: FlaskClient, rsd: Draft) -> None:
    for position in (1, 2):
        policy = Policy(position=position, action="block", applications=("wechat",))
        rsd.config = codec.set_path(rsd.config, f"policies.p{position}", policy)
    before = rsd.config
    fields = {"action": "block", "applications": "wechat", "schedule": "never"}
    assert send(client, "/control/new", **fields).status_code == 422
    assert rsd.config == before


def test_names_keep_what_their_form_does_not_show(client: FlaskClient, rsd: Draft) -> None:
    rsd.config = msgspec.structs.replace(rsd.config, dns=Dns(redirect=True, canary=True, hide_ech_keys=True))
    records = "nas.lan 192.168.8.10\n\ncam.lan   192.168.8.11"
    assert send(client, "/lans/names", domain="lan", records=records, rebind_protection="1").status_code == 303
    dns = rsd.config.dns
    assert (dns.redirect, dns.canary, dns.hide_ech_keys) == (True, True, True)
    assert dns.records == {"nas.lan": "192.168.8.10", "cam.lan": "192.168.8.11"}


@pytest.mark.parametrize("records", ["nas.lan", "nas.lan 192.168.8.10 printer", "a.lan 192.168.8.1\na.lan 192.168.8.2"])
def test_a_name_without_an_address_is_told_and_not_left_out(client: FlaskClient, rsd: Draft, records: str) -> None:
    answer = send(client, "/lans/names", domain="lan", records=records)
    assert (answer.status_code, "each name once" in answer.text, records in answer.text) == (422, True, True)
    assert rsd.config.dns.records == {}


def test_a_new_user_takes_nobodys_place(client: FlaskClient, rsd: Draft) -> None:
    before = rsd.config
    for taken in ("chen", "new", "password", "tokens"):
        answer = send(client, "/users/new", user=taken, role="clerk", enabled="1", password="a long password")
        assert (answer.status_code, 'id="user-error"' in answer.text) == (422, True), taken
    assert rsd.config == before
    assert "password.change" not in [verb for verb, _ in rsd.asked]
    assert send(client, "/users/new", user="li", role="clerk", enabled="1").status_code == 303
    assert rsd.config.users["li"] == User(role="clerk")


def test_a_new_user_whose_password_is_refused_can_be_made_once_more(client: FlaskClient, rsd: Draft) -> None:
    before = rsd.config
    rsd.refused["password.change"] = {"code": "invalid", "message": "Too short.", "problems": []}
    fields = {"user": "li", "role": "clerk", "enabled": "1"}
    assert send(client, "/users/new", **fields, password="short").status_code == 422
    assert rsd.config == before, "the page says that nothing has been changed"
    rsd.refused.clear()
    assert send(client, "/users/new", **fields, password="long enough").status_code == 303
    assert ("password.change", {"user": "li", "new": "long enough"}) in rsd.asked


def test_who_must_wait_is_not_told_that_his_password_is_wrong(client: FlaskClient, rsd: Draft) -> None:
    message = "Too many wrong passwords; try again in %(minutes)s minutes."
    rsd.refused["password.change"] = {"code": "busy", "message": message, "params": {"minutes": "7"}, "retry_s": 400}
    answer = send(client, "/users/password", old="right", new="another one", new_again="another one")
    assert (answer.status_code, "7 minutes" in answer.text or "7 分钟" in answer.text) == (422, True)
    assert "not your present password" not in answer.text


def test_a_new_line_whose_password_is_refused_is_made_once(client: FlaskClient, rsd: Draft) -> None:
    before = rsd.config
    rsd.refused["line.password"] = {"code": "invalid", "message": "The password holds strange signs.", "problems": []}
    fields = {"title": "telecom", "interface": "eth2", "protocol": "pppoe", "username": "a@163.gd"}
    rsd.config = before = codec.delete_path(before, "lans.office") if "office" in before.lans else before
    assert send(client, "/lines/new", **fields, password="１２３").status_code == 422
    assert rsd.config == before
    rsd.refused.clear()
    assert send(client, "/lines/new", **fields, password="123").status_code == 303
    assert rsd.config.wans.keys() - before.wans.keys() == {"telecom"}


def test_the_first_day_leaves_a_lines_name_servers(client: FlaskClient, rsd: Draft) -> None:
    (name,) = rsd.config.wans
    rsd.config = codec.set_path(rsd.config, f"wans.{name}.dns", ["223.5.5.5"])
    assert send(client, "/setup/lines", line=name, protocol="dhcp").status_code == 303
    assert rsd.config.wans[name].dns == ("223.5.5.5",)


def test_a_device_named_elsewhere_is_renamed_and_forgotten(client: FlaskClient, rsd: Draft) -> None:
    rsd.config = codec.set_path(rsd.config, "hosts.printer", Host(mac=MAC.upper(), name="Printer"))
    assert send(client, f"/hosts/{MAC}/name", name="打印机").status_code == 303
    assert [(key, host.name) for key, host in rsd.config.hosts.items()] == [("printer", "打印机")]
    assert send(client, f"/hosts/{MAC}/name", name="").status_code == 303
    assert rsd.config.hosts == {}


def test_what_is_called_new_can_be_opened_again(client: FlaskClient, rsd: Draft) -> None:
    assert send(client, "/groups/new", description="New", members="192.168.8.20").status_code == 303
    (name,) = rsd.config.groups
    assert 'value="New"' in client.get(f"/groups/{name}").text


def test_groups_are_as_large_as_they_are_whatever_is_looked_for(client: FlaskClient, rsd: Draft) -> None:
    rsd.config = codec.set_path(rsd.config, "groups.sales", {"members": [MAC]})
    assert '<span class="muted">1</span>' in client.get("/hosts/?q=nobody").text


def test_a_wrong_time_is_marked_where_it_stands(client: FlaskClient, rsd: Draft) -> None:
    fields = {"description": "Work", "days-0": "mon", "start-0": "09:00", "end-0": "12:00"}
    answer = send(client, "/schedules/new", **fields, **{"days-2": "tue", "start-2": "13:00", "end-2": "25:00"})
    assert (answer.status_code, 'id="end-2-error"' in answer.text, "-0-error" in answer.text) == (422, True, False)
    assert rsd.config.schedules == {}


@pytest.mark.parametrize(
    ("typed", "rate_bps", "count"),
    [
        ("20", 20_000_000, 20_000_000_000),
        ("0,5", 500_000, 500_000_000),
        ("1,000", 1_000_000_000, 1_000_000_000_000),
        ("1,234.5", 1_234_500_000, 1_234_500_000_000),
        ("1,5", 1_500_000, 1_500_000_000),
        ("1,00", 1_000_000, 1_000_000_000),
    ],
)
def test_commas_of_thousands_and_of_decimals(client: FlaskClient, typed: str, rate_bps: int, count: int) -> None:
    with client.application.test_request_context("/", method="POST", data={"x": typed}):
        form = forms.Form()
        assert (form.rate("x"), form.gigabytes("x"), form.is_wrong) == (rate_bps, count, False)


@pytest.mark.parametrize("typed", ["--5", "-", "1e3", "9" * 30])
def test_what_is_no_number_is_told(client: FlaskClient, typed: str) -> None:
    with client.application.test_request_context("/", method="POST", data={"x": typed}):
        form = forms.Form()
        assert form.number("x", 7) == 7
        assert form.errors("x")


def test_a_line_that_is_switched_off_is_not_missed() -> None:
    def answer(*lines: tuple[bool, bool]) -> str:
        return dashboard.answer({"lines": [{"enabled": enabled, "up": up} for enabled, up in lines]})

    assert [answer((True, True), (False, False)), answer((True, True), (True, False))] == ["well", "partly"]
    assert [answer((True, False), (False, False)), answer((False, False))] == ["down", "none"]


def test_blocked_for_everyone_is_so_at_all_times() -> None:
    policies = {
        "always": Policy(position=1, action="block", applications=("wechat",)),
        "work": Policy(position=2, action="block", applications=("douyin",), schedule="work"),
    }
    config = Config(policies=policies, schedules={"work": Schedule(windows=(Window(),))})
    assert dashboard.blocked_for_everyone(config) == {"wechat"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_diagnosis_speaks_the_language_of_its_page(client: FlaskClient, rsd: Draft, language: str) -> None:
    rsd.answers["why"] = {"action": "allow", "steps": [], "policy": None}
    assert client.get(f"/system/diagnosis?ip=192.168.8.9&host=qq&lang={language}").status_code == 200
    assert [args["language"] for verb, args in rsd.asked if verb == "why"] == [language]


def test_whoever_may_only_log_in_changes_his_own_password(client: FlaskClient, rsd: Draft) -> None:
    rsd.answers["whoami"] = {"user": "li", "role": "clerk", "language": "en", "kind": "session"}
    page = client.get("/users/?lang=en").text
    assert ("Your password" in page, "chen" in page, 'href="/lines/"' in page) == (True, False, False)
    wrong = send(client, "/users/password", old="old one", new="another one", new_again="an other one")
    assert (wrong.status_code, 'id="new_again-error"' in wrong.text, "chen" in wrong.text) == (422, True, False)
    right = send(client, "/users/password", old="old one", new="another one", new_again="another one")
    assert "The password was changed." in client.get(f"{right.location}&lang=en").text
    assert ("config.get", {"path": "", "which": "candidate"}) not in rsd.asked


def test_on_the_first_day_to_go_on_is_to_save(client: FlaskClient, rsd: Draft) -> None:
    (name,) = rsd.config.wans
    page = client.get("/setup/lines").text
    assert 'name="next" value="done"' in page
    assert 'href="/setup/done"' not in page, "nothing leads on past what was typed"
    fields = {"protocol": "static", "address": "203.0.113.2/24", "gateway": "203.0.113.1"}
    wrong = send(client, "/setup/lines", line=name, next="done", **fields | {"gateway": "198.51.100.1"})
    assert wrong.status_code == 422
    assert send(client, "/setup/lines", line=name, next="done", **fields).location == "/setup/done"
    assert rsd.config.wans[name].address == "203.0.113.2/24"
    assert "The router is ready" in client.get("/setup/done?lang=en").text
    rsd.answers["config.diff"] = [{"path": f"wans.{name}.address", "kind": "change", "before": None, "after": "x"}]
    page = client.get("/setup/done?lang=en").text
    assert ("Nearly there" in page, "The router is ready" in page) == (True, False), "it waits to be applied"


def test_with_several_lines_each_is_saved_by_itself(client: FlaskClient, rsd: Draft) -> None:
    rsd.config = codec.set_path(rsd.config, "wans.second", Wan(interface="eth2", number=2))
    page = client.get("/setup/lines?lang=en").text
    assert (page.count("Save this line"), 'href="/setup/done"' in page) == (2, True)


def test_a_limit_ends_by_the_clock_on_the_wall(client: FlaskClient, rsd: Draft) -> None:
    assert rsd.config.system.timezone == "Asia/Shanghai"
    page = client.get(f"/bandwidth/limits/new?host={MAC}").text
    assert MAC in page
    fields = {"hosts": MAC, "down_max_bps": "2", "enabled": "1"}
    assert send(client, "/bandwidth/limits/new", **fields, until="2036-11-26T22:30").status_code == 303
    (name,) = rsd.config.qos.limits
    assert rsd.config.qos.limits[name].until == "2036-11-26T14:30:00Z"
    path = f"qos.limits.{name}.until"
    rsd.config = codec.set_path(rsd.config, path, "2036-11-26T14:30:59Z")
    assert 'value="2036-11-26T22:30"' in client.get(f"/bandwidth/limits/{name}").text
    assert send(client, f"/bandwidth/limits/{name}", **fields, until="2036-11-26T22:30").status_code == 303
    assert codec.get_path(rsd.config, path) == "2036-11-26T14:30:59Z", "nobody changed it"
    wrong = send(client, f"/bandwidth/limits/{name}", **fields, until="tomorrow")
    assert (wrong.status_code, 'id="until-error"' in wrong.text) == (422, True)
    assert send(client, f"/bandwidth/limits/{name}", **fields, until="").status_code == 303
    assert codec.get_path(rsd.config, path) is None


def test_limits_that_nobody_switched_on_are_told(client: FlaskClient, rsd: Draft) -> None:
    rsd.answers["bandwidth"] = {"enabled": False, "running": False, "errors": 0, "lines": [], "shares": []}
    said = "Bandwidth is switched off: no limit below holds"
    assert said not in client.get("/bandwidth/?lang=en").text
    rsd.config = codec.set_path(rsd.config, "qos.limits.a", {"position": 1, "down_max_bps": 1_000_000})
    assert said in client.get("/bandwidth/?lang=en").text
    rsd.config = codec.set_path(rsd.config, "qos.enabled", True)
    assert said not in client.get("/bandwidth/?lang=en").text


def test_a_box_at_work_on_its_first_day_blames_nobody(client: FlaskClient, rsd: Draft) -> None:
    rsd.answers["setup.status"] = {"needed": True}
    rsd.refused["setup.finish"] = {"code": "busy", "message": "Another change is being made.", "retry_s": None}
    fields = {"language": "en", "password_first": "x", "user": "lin", "password": "a long one"}
    answer = send(client, "/setup/?lang=en", **fields, password_again="a long one")
    assert (answer.status_code, "Another change is being made." in answer.text) == (422, True)
