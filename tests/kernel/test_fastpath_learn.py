"""What the fastpath knows before a flow says it: servers from DNS answers; and a database with other numbers."""

from __future__ import annotations

import socket

import pytest

from fastpath.binding.appdb import BUNDLE_NAME, compile_apps, extend
from fastpath.binding.bundle import read
from fastpath.binding.policy import compile_policy
from firmware.model.plan import FastpathTables, PolicyRow
from tests.kernel.fastpath_site import (
    APPS,
    APPS_BIN,
    CLIENT,
    CLIENT_2,
    NUMBER,
    SERVER,
    Site,
    client_hello,
    exchange,
    within,
)  # fmt: skip
from tests.lab import netns

pytestmark = pytest.mark.kernel


def ask_name(site: Site, name: str) -> bytes:
    """Asks the server's name server over the router."""

    def ask() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.settimeout(5 * netns.PATIENCE)
            end.bind((CLIENT, 0))
            labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
            end.sendto(
                bytes.fromhex("1234 0100 0001 0000 0000 0000") + labels + bytes.fromhex("00 0001 0001"), (SERVER, 53)
            )
            return end.recv(512)

    return within(site.client, ask)


@pytest.mark.parametrize("queues", [1, 2])
def test_a_server_known_from_dns_is_decided_by_the_first_packet(queues: int) -> None:
    with Site(queues=queues) as site:
        site.start()
        site.set_policy()
        assert ask_name(site, "www.youku.com").endswith(socket.inet_aton(SERVER))
        with site.connection(port=8443) as end:  # nothing was sent but SYN
            assert site.mark_of(end.getsockname()[1]) & 0xFFF == NUMBER["youku"]
        site.set_policy(PolicyRow(name="r", action="block", applications=("youku",)))
        with pytest.raises(ConnectionRefusedError), site.connection(port=8443):
            pass
        # The question itself is DNS, whatever it asks for, and is not blocked.
        assert ask_name(site, "www.youku.com").endswith(socket.inet_aton(SERVER))


def test_flows_of_many_hosts_are_decided_by_several_queues() -> None:
    with Site(queues=3) as site:
        site.start()
        site.set_policy()
        for source in (CLIENT, CLIENT_2) * 20:
            with site.connection(source=source) as end:
                exchange(end, client_hello("www.wechat.com"))
                assert site.mark_of(end.getsockname()[1]) & 0xFFF == NUMBER["wechat"]


def test_applications_may_get_other_numbers() -> None:
    """Another release's database: every number means another application, and live flows are still judged rightly."""
    source = read(APPS_BIN.with_name(BUNDLE_NAME).read_bytes()).applications
    new = {"id": "aaa", "name": {"zh": "甲", "en": "A"}, "category": "im", "domains": ["aaa.example"]}
    other = extend([{**new, "ports": [], "networks": [], "patterns": []}, *source], [])
    numbers = {app["id"]: number for number, app in enumerate(other, 1)}
    assert numbers["wechat"] == NUMBER["wechat"] + 1
    with Site() as site:
        site.start()
        site.set_policy()
        compiled = site.folder / "other.bin"
        compiled.write_bytes(compile_apps(other))
        with site.connection() as wechat, site.connection() as youku:
            exchange(wechat, client_hello("www.wechat.com"))
            exchange(youku, client_hello("www.youku.com"))
            tables = FastpathTables(
                rows=(PolicyRow(name="r", action="block", applications=("youku",)),), local_networks=("192.0.2.0/24",)
            )
            generation = site.generation + 1
            categories = {"aaa": "im", **APPS}
            site.runtime.set_tables(compile_policy(tables, categories, generation), compiled)
            # Nothing was sent since: their old numbers are not read as those of others.
            flows = site.in_router(lambda: site.runtime.flows(CLIENT))
            assert [flow["application"] for flow in flows if flow["is_decided"]] == [0, 0]
            site.load_rules(generation)
            exchange(wechat, b"undisturbed")
            with pytest.raises(OSError, match=r"reset|closed|Broken"):
                exchange(youku, b"cut")
            assert site.mark_of(wechat.getsockname()[1]) & 0xFFF == numbers["wechat"]
        with site.connection() as end:
            exchange(end, client_hello("www.wechat.com"))
            assert site.mark_of(end.getsockname()[1]) & 0xFFF == numbers["wechat"]
