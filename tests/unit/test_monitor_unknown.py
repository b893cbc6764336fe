"""Traffic without a name: summed by where it goes, and tried against an application that somebody thinks of."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.model.plan import CustomApplication, CustomPattern
from firmware.monitor.trial import matching
from firmware.monitor.unknown import site_of, unknown_traffic


def flow(**changes: Any) -> dict[str, Any]:
    return {
        "application": "unknown", "protocol": "unknown", "transport": "tcp", "a": "192.0.2.10:40000",
        "b": "203.0.113.5:7000", "host": "", "lan_host": "192.0.2.10", "up_bytes": 10, "down_bytes": 100,
        "opening": ["", ""], "ja4": "", "confidence": None,
        **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("a.b.example.com", "example.com"),
        ("example.com", "example.com"),
        ("cdn.example.com.cn", "example.com.cn"),
        ("www.example.co.uk", "example.co.uk"),
        ("www.example.cn", "example.cn"),
        ("localhost", "localhost"),
        ("203.0.113.5", "203.0.113.5"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_the_site_of_a_host(host: str, site: str) -> None:
    assert site_of(host) == site


def test_flows_to_one_place_are_one_row() -> None:
    flows = [
        flow(),
        flow(a="192.0.2.11:5", lan_host="192.0.2.11", opening=["1603", "00"], up_bytes=1, ja4="t13"),
        flow(b="203.0.113.5:7001"),
        flow(transport="udp"),
        flow(application="tls", host="a.example.com", b="203.0.113.6:443", down_bytes=10_000),
        flow(application="tls", host="b.example.com", b="203.0.113.7:443", lan_host=None),
    ]
    rows = unknown_traffic(flows, 10)
    assert [(row["site"] or row["server"], row["transport"], row["port"], row["flows"]) for row in rows] == [
        ("example.com", "tcp", 443, 2),
        ("203.0.113.5", "tcp", 7000, 2),
        ("203.0.113.5", "tcp", 7001, 1),
        ("203.0.113.5", "udp", 7000, 1),
    ]
    both = rows[1]
    assert both["hosts"] == ["192.0.2.10", "192.0.2.11"]
    assert (both["up_bytes"], both["down_bytes"]) == (11, 200)
    assert (both["opening"], both["ja4"]) == (["1603", "00"], "t13")  # of the flow that says something
    assert unknown_traffic(flows, 1) == rows[:1]


@pytest.mark.parametrize(
    ("signs", "changes", "sign"),
    [
        ({"domains": ("example.com",)}, {"host": "A.Example.com"}, "example.com"),
        ({"domains": ("example.com",)}, {"host": "notexample.com"}, ""),
        ({"networks": ("203.0.113.0/28",)}, {}, "203.0.113.0/28"),
        ({"networks": ("2001:db8::/32",)}, {}, ""),
        ({"networks": ("2001:db8::/32",)}, {"b": "[2001:db8::5]:7000"}, "2001:db8::/32"),
        ({"ports": ((7000, 7010),)}, {}, "7000"),
        ({"ports": ((7000, 7010),)}, {"transport": "47", "b": "203.0.113.5:7000"}, ""),
    ],
)
def test_a_trial_finds_what_has_the_sign(signs: dict[str, Any], changes: dict[str, Any], sign: str) -> None:
    application = CustomApplication(id="trial", name_zh="x", name_en="x", category="im", **signs)
    assert [row["sign"] for row in matching(application, [flow(**changes)])] == ([sign] if sign else [])


@pytest.mark.parametrize(
    ("pattern", "opening", "is_it"),
    [
        (("tcp", "1603??01", 0), ["16030701ff", ""], True),
        (("tcp", "1603??01", 0), ["", "16030701"], True),  # of either side
        (("tcp", "1603??01", 0), ["160307", ""], False),  # too short
        (("tcp", "ffeedd", 2), ["0000ffeedd", ""], True),
        (("tcp", "ffeedd", 1), ["0000ffeedd", ""], False),
        (("udp", "ffeedd", 2), ["0000ffeedd", ""], False),
        (("tcp", "ff????", 2), ["0000ffeedd", ""], True),
        (("tcp", "ff????", 2), ["0000ffee", ""], False),
    ],
)
def test_a_trial_compares_bytes(pattern: tuple[str, str, int], opening: list[str], is_it: bool) -> None:
    transport, digits, offset = pattern
    wanted = CustomPattern(transport=transport, hex=digits, offset=offset, length=0)
    application = CustomApplication(id="trial", name_zh="x", name_en="x", category="im", patterns=(wanted,))
    assert bool(matching(application, [flow(opening=opening)])) is is_it
