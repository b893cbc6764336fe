"""How much cannot be seen into: what counts to which kind, the router's own left out, outer names counted."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.monitor.posture import KINDS, kind_of, posture, without

CATEGORY = {"wechat": "im", "tls": "web", "doh_dot": "network", "openvpn": "vpn", "encrypted_p2p": "p2p"}


def used(key: str, up: int, down: int) -> dict[str, Any]:
    return {"key": key, "up_bytes": up, "down_bytes": down}


@pytest.mark.parametrize(
    ("application", "kind"),
    [
        ("wechat", "named"),
        ("tls", "nameless"),
        ("doh_dot", "encrypted_dns"),
        ("openvpn", "tunnel"),
        ("encrypted_p2p", "suspected"),
        ("unknown", "unknown"),
        ("gone-since", "named"),
    ],
)
def test_the_kind_of_an_application(application: str, kind: str) -> None:
    assert kind_of(application, CATEGORY.get(application, "other"), {"encrypted_p2p"}) == kind


def test_sums_by_kind_with_the_largest_applications() -> None:
    usage = [used("wechat", 1, 2), used("unknown", 5, 5), used("openvpn", 0, 7), used("doh_dot", 1, 1)]
    live = [
        {"host": "cloudflare-ech.com", "up_bytes": 3, "down_bytes": 4},
        {"host": "www.cloudflare.com", "up_bytes": 100, "down_bytes": 100},
    ]
    state = posture(usage, live, CATEGORY, ["encrypted_p2p"])
    assert [part["kind"] for part in state["parts"]] == list(KINDS)
    amounts = {part["kind"]: (part["bytes"], part["applications"]) for part in state["parts"]}
    assert amounts["named"] == (3, ["wechat"])
    assert amounts["tunnel"] == (7, ["openvpn"])
    assert amounts["suspected"] == (0, [])
    assert state["ech"] == {"connections": 1, "bytes": 7}


def test_what_the_router_itself_used_is_left_out() -> None:
    whole = [used("unknown", 10, 100), used("wechat", 1, 2)]
    assert without(whole, [used("unknown", 4, 200)]) == [used("unknown", 6, 0), used("wechat", 1, 2)]
