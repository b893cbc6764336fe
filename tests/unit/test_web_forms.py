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
from firmware.model.config import Policy
from firmware.model.defaults import factory
from firmware.model.facts import Facts, PortFact
from firmware.model.problem import ConfigError
from tests.unit.stand_in import Refusal, Rsd, browser, send, serving
from webui.app import create_app

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
