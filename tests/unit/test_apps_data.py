"""The application database as data: every file of fastpath/apps is well formed, and knows what the product promises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from fastpath.binding.appdb import CATEGORIES
from firmware.model.values import parse_hostname, parse_ports

FOLDER = Path(__file__).parents[2] / "fastpath" / "apps"
PROTOCOLS = "protocols.yaml"  # what dissectors name; an application there may also stand in its category's file
# What the documents of the product name one by one (FEATURES BM1, BM2, BM4).
PROMISED = """
    worldofwarcraft legendofmir lianzhong qqgame honorofkings genshinimpact tencentgames neteasegames 4399games
    douyin kuaishou iqiyi tencentvideo youku tudou bilibili pptv openv sinavideo thunder
    tonghuashun eastmoney dazhihui tongdaxin
    qq msn aliwangwang wechat wechatwork dingtalk feishu whatsapp telegram skype_teams teams line viber signal discord
"""
WELL_KNOWN = """
    google googleservices youtube facebook instagram twitter tiktok netflix github gitlab microsoft microsoft365 outlook
    amazon amazonaws azure apple appleicloud cloudflare reddit snapchat spotify zoom webex waze tumblr vk yandex steam
    riotgames blizzard roblox epicgames ntop wikipedia gmail salesforce slack teamviewer anydesk dropbox
    alibaba alicloud huaweicloud taobao sinaweibo tencent
"""


def read(path: Path) -> list[dict[str, Any]]:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


FILES = {path.name: read(path) for path in sorted(FOLDER.glob("*.yaml"))}
APPLICATIONS = {app["id"]: app for name, apps in FILES.items() if name != PROTOCOLS for app in apps}


def entries() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, apps in FILES.items():
        for app in apps:
            yield name, app


def repeated(values: Iterator[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if times > 1]


def test_ids_are_unique() -> None:
    assert repeated(app["id"] for name, app in entries() if name != PROTOCOLS) == []
    assert repeated(app["id"] for app in FILES.get(PROTOCOLS, ())) == []


def test_ids_are_words_that_yaml_and_rsctl_read_as_text() -> None:
    wrong = [app["id"] for _, app in entries() if not re.fullmatch(r"(?=.*[a-z])[a-z0-9][a-z0-9._-]{0,30}", app["id"])]
    assert wrong == []


def test_a_domain_belongs_to_one_application() -> None:
    owners: dict[str, set[str]] = {}
    for _, app in entries():
        for domain in app.get("domains", ()):
            owners.setdefault(domain, set()).add(app["id"])
    assert {domain: ids for domain, ids in owners.items() if len(ids) > 1} == {}
    assert repeated(domain for _, app in entries() for domain in app.get("domains", ())) == []


def test_a_domain_says_more_than_its_parent() -> None:
    """Below a domain of the same application, with no other between, a longer one only costs memory."""
    owner = {domain: app["id"] for _, app in entries() for domain in app.get("domains", ())}
    idle = []
    for domain, app in owner.items():
        labels = domain.split(".")
        parents = (".".join(labels[start:]) for start in range(1, len(labels)))
        if next((owner[parent] for parent in parents if parent in owner), None) == app:
            idle.append(domain)
    assert idle == []


@pytest.mark.parametrize("name", FILES)
def test_entries_are_well_formed(name: str) -> None:
    for app in FILES[name]:
        label = f"{name}: {app['id']}"
        assert app["category"] in CATEGORIES, label
        assert set(app["name"]) == {"zh", "en"}, label
        assert all(isinstance(text, str) and text.strip() == text and text for text in app["name"].values()), label
        assert app.get("source") or name == PROTOCOLS, label  # a protocol's source stands in its dissector
        for domain in app.get("domains", ()):
            assert parse_hostname(domain) == domain, label
            assert "." in domain, label
        for port in app.get("ports", ()):
            transport, _, numbers = port.partition("/")
            assert transport in {"tcp", "udp"}, label
            parse_ports(numbers)
        for network in app.get("networks", ()):
            assert ip_network(network).is_global, label
        for pattern in app.get("patterns", ()):
            assert set(pattern) <= {"transport", "offset", "hex", "length"}, label
            assert pattern["transport"] in {"tcp", "udp"}, label
            assert pattern.get("offset", 0) >= 0, label
            assert re.fullmatch(r"(([0-9a-f]{2}|\?\?) ?)+", pattern["hex"]), label


@pytest.mark.parametrize("name", [name for name in FILES if name != PROTOCOLS])
def test_an_application_stands_in_its_categorys_file(name: str) -> None:
    assert {app["category"] for app in FILES[name]} == {name.removesuffix(".yaml")}


def test_an_application_can_be_recognised_and_says_its_market() -> None:
    signs = ("domains", "ports", "networks", "patterns")
    dissected = {app["id"] for app in FILES.get(PROTOCOLS, ())}
    for app in APPLICATIONS.values():
        assert any(app.get(sign) for sign in signs) or app["id"] in dissected or app.get("suspected"), app["id"]
        assert app["market"] in {"cn", "global"}, app["id"]


def test_the_database_is_as_large_as_promised() -> None:
    assert len(APPLICATIONS) >= 400
    assert sum(app["market"] == "cn" for app in APPLICATIONS.values()) >= 200


def test_what_the_product_promises_is_known() -> None:
    assert [app for app in f"{PROMISED} {WELL_KNOWN}".split() if app not in APPLICATIONS] == []


def test_chinese_names_are_chinese_where_the_vendor_has_one() -> None:
    """A proper name may stay Latin (WhatsApp); of the Chinese market's applications most have Chinese characters."""
    market = [app for app in APPLICATIONS.values() if app["market"] == "cn"]
    assert sum(bool(re.search(r"[一-鿿]", app["name"]["zh"])) for app in market) >= 0.85 * len(market)
