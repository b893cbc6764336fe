"""What a line was given by strangers is looked at before the box is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware.daemon.facts import FactsSource
from firmware.features import render, verify
from firmware.model.config import Config, Wan
from firmware.model.defaults import factory
from firmware.model.facts import Facts, LineState, PortFact

GIVEN = {
    "device": "eth0", "protocol": "dhcp", "address": "198.51.100.50/24", "gateway": "198.51.100.1",
    "dns4": ["198.51.100.53"],
}  # fmt: skip
CONFIG = factory(["eth0", "eth1"])


def given(run: Path, config: Config = CONFIG, **told: Any) -> LineState:
    """The state of the factory's line, its DHCP client having been told that."""
    source = FactsSource(
        run,
        (),
        applications=dict,
        database=str,
        passwords=frozenset,
        has_backup_key=lambda: True,
        signs=lambda _names: {},
        prefix_lists=dict,
        queues=1,
        with_web=False,
    )
    (run / "lines" / "line1.json").write_text(json.dumps({**GIVEN, **told}))
    return source.lines(config)["line1"]


def test_a_lease_is_taken_as_it_is(tmp_path: Path) -> None:
    state = given(tmp_path, dns6=["2001:db8::53"])
    assert (state.address, state.gateway) == ("198.51.100.50/24", "198.51.100.1")
    assert state.dns == ("198.51.100.53", "2001:db8::53")


def test_a_name_server_that_only_its_wire_knows_does_not_stop_the_box(tmp_path: Path) -> None:
    """Modems name themselves, fe80::1, and dhcpcd adds the device."""
    state = given(tmp_path, dns6=["fe80::1%eth0", "2001:db8::53"])
    assert state.dns == ("198.51.100.53", "2001:db8::53")
    facts = Facts(ports={"eth0": PortFact(), "eth1": PortFact()}, lines={"line1": state})
    assert verify(CONFIG, facts) == []
    render(CONFIG, facts)


@pytest.mark.parametrize(
    ("address", "gateway", "is_one"),
    [
        ("198.51.100.50/24", "0.0.0.0", False),
        ("198.51.100.50/24", "198.51.100.50", False),
        ("198.51.100.50/24", "198.51.100.255", False),
        ("198.51.100.50/24", "255.255.255.255", False),
        ("198.51.100.50/24", "224.0.0.1", False),
        ("198.51.100.50/24", "127.0.0.1", False),
        ("198.51.100.50/32", "192.0.2.1", True),
        ("198.51.100.50/31", "198.51.100.51", True),
        ("198.51.100.50/24", "169.254.1.1", True),
    ],
)
def test_a_gateway_that_is_no_other_host_is_none(tmp_path: Path, address: str, gateway: str, is_one: bool) -> None:
    """The kernel refuses a route over it, and with it everything that is applied together with it."""
    assert given(tmp_path, address=address, gateway=gateway).gateway == (gateway if is_one else None)


def test_what_another_port_was_given_is_forgotten(tmp_path: Path) -> None:
    moved = factory(["eth0", "eth1", "eth2"])
    moved.wans["line1"] = Wan(interface="eth2", number=1)
    assert given(tmp_path, moved, dns6=["2001:db8::53"]) == LineState(up=True)
