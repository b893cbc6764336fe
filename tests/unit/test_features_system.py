"""The system's own settings: the address of headquarters."""

from __future__ import annotations

import pytest

from firmware.features.system import verify
from firmware.model.defaults import factory
from firmware.model.facts import Facts


@pytest.mark.parametrize("address", ["", "https://hq.example.cn", "https://hq.example.cn:8443/boxes"])
def test_an_address_of_headquarters_is_https(address: str) -> None:
    assert verify(factory(["eth0"], address), Facts()) == []


@pytest.mark.parametrize(
    "address", ["hq.example.cn", "http://hq.example.cn", "https://", "https://me:pw@hq", "https://["]
)
def test_another_address_is_a_problem(address: str) -> None:
    (found,) = verify(factory(["eth0"], address), Facts())
    assert (found.path, found.value) == ("system.headquarters", address)
    assert "https://" in found.remedy
