"""rs-fastpath on real packets: marks, resets, cuts of live flows, groups by MAC, the block page."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from firmware.model.plan import PolicyGroup, PolicyRow
from tests.kernel.fastpath_site import (
    CLIENT,
    CLIENT_2,
    CLIENT_6,
    CLIENT_MAC,
    NUMBER,
    SERVER,
    Site,
    client_hello,
    exchange,
)
from tests.lab.netns import wait_until

pytestmark = pytest.mark.kernel


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.start()
        yield site


def is_cut(end: socket.socket, data: bytes) -> bool:
    try:
        exchange(end, data)
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def test_an_application_is_marked_by_its_server_name(site: Site) -> None:
    site.set_policy()
    with site.connection() as end:
        hello = client_hello("www.wechat.com")
        assert exchange(end, hello) == hello
        mark = site.mark_of(end.getsockname()[1])
        assert mark & 0xFFF == NUMBER["wechat"]
        assert mark >> 12 & 15 == 1
        assert mark >> 20 & 15 == 0
        assert mark >> 24 == 0x80 | site.generation
    (event,) = [e for e in site.runtime.events() if e.application == NUMBER["wechat"]]
    assert (event.kind, str(event.client), str(event.server), event.server_port) == ("decided", CLIENT, SERVER, 443)
    assert event.mac == CLIENT_MAC


def test_a_blocked_application_is_reset_and_others_go_on(site: Site) -> None:
    site.set_policy(PolicyRow(name="no-video", action="block", categories=("video",)))
    with site.connection() as end:
        assert is_cut(end, client_hello("www.youku.com"))
    with site.connection() as end:
        assert not is_cut(end, client_hello("www.wechat.com"))
    (event,) = [e for e in site.runtime.events() if e.kind == "blocked"]
    assert (event.application, event.row) == (NUMBER["youku"], 0)


def test_a_changed_policy_cuts_the_live_flow_and_only_it(site: Site) -> None:
    site.set_policy()
    with site.connection() as wechat, site.connection() as youku:
        exchange(wechat, client_hello("www.wechat.com"))
        exchange(youku, client_hello("www.youku.com"))
        site.set_policy(PolicyRow(name="no-video", action="block", applications=("youku",)))
        assert is_cut(youku, b"the next packet")
        assert not is_cut(wechat, b"undisturbed")
        site.set_policy()
        assert not is_cut(wechat, b"undisturbed again")
        assert site.mark_of(wechat.getsockname()[1]) >> 24 == 0x80 | site.generation
    assert [e.is_rejudged for e in site.runtime.events() if e.kind == "blocked"] == [True]


def test_a_host_that_only_listens_is_told_too(site: Site) -> None:
    """The forward chain refuses the server's packet, so the server hears of it; the host must not wait for ever."""
    for source in (CLIENT, CLIENT_6):
        site.set_policy()
        with site.connection(port=9443, source=source) as end:
            end.sendall(client_hello("www.youku.com"))
            assert end.recv(1) == b"."
            site.set_policy(PolicyRow(name="no-video", action="block", applications=("youku",)))
            with pytest.raises(ConnectionResetError):
                list(iter(lambda: end.recv(65536), b""))


def test_a_group_by_mac_holds_for_every_address_of_the_machine(site: Site) -> None:
    group = PolicyGroup(name="g", macs=(CLIENT_MAC,))
    site.set_policy(PolicyRow(name="r", action="block", groups=(0,), applications=("youku",)), groups=(group,))
    for source in (CLIENT, CLIENT_2, CLIENT_6):
        with site.connection(source=source) as end:
            assert is_cut(end, client_hello("www.youku.com")), source
    other = PolicyGroup(name="g", macs=("02:00:00:00:00:99",))
    site.set_policy(PolicyRow(name="r", action="block", groups=(0,), applications=("youku",)), groups=(other,))
    with site.connection() as end:
        assert not is_cut(end, client_hello("www.youku.com"))


def test_an_ipv4_group_holds_for_the_machines_ipv6_address(site: Site) -> None:
    group = PolicyGroup(name="g", ranges=((CLIENT, CLIENT),))
    site.set_policy(PolicyRow(name="r", action="block", groups=(0,), applications=("youku",)), groups=(group,))
    with site.connection(source=CLIENT) as end:
        exchange(end, client_hello("www.wechat.com"))
    with site.connection(source=CLIENT_6) as end:
        assert is_cut(end, client_hello("www.youku.com"))


def test_everything_blocked_is_decided_by_the_first_packet(site: Site) -> None:
    group = PolicyGroup(name="g", ranges=((CLIENT_2, CLIENT_2),))
    site.set_policy(PolicyRow(name="all", action="block", groups=(0,)), groups=(group,))
    with pytest.raises(ConnectionRefusedError), site.connection(source=CLIENT_2):
        pass
    with site.connection() as end:
        exchange(end, b"hello")


@pytest.mark.parametrize("source", [CLIENT, CLIENT_6])
def test_a_blocked_request_is_answered_by_the_page(site: Site, source: str) -> None:
    row = PolicyRow(name="r", action="block", applications=("youku",))
    site.set_policy(row, url="https://192.0.2.1/blocked")
    server = SERVER if source == CLIENT else "[2001:db8:2::10]"
    page = site.run(site.client, [
        "curl", "-sS", "--interface", source, "--max-time", "5", "-w", "%{http_code}",
        "-H", "Host: www.youku.com", f"http://{server}/",
    ])  # fmt: skip
    assert page.endswith("403")
    assert "此访问已被阻止" in page
    assert "youku" in page
    assert 'href="https://192.0.2.1/blocked?application=youku"' in page
    plain = site.run(site.client, ["curl", "-sS", "--interface", source, "--max-time", "5", f"http://{server}/"])
    assert plain == "hello\n"
    assert site.runtime.stats()["pages"] == 1
    # The server was told: nothing waits there for a client that is gone.
    wait_until(
        lambda: "ESTAB" not in site.run(site.server, ["ss", "-Hnt", "state", "established"]), "the server let go"
    )


def test_a_bad_table_is_refused_and_the_old_one_stays(site: Site) -> None:
    from fastpath.binding.policy import compile_policy
    from fastpath.binding.runtime import TableRefusedError
    from firmware.model.plan import FastpathTables

    site.set_policy(PolicyRow(name="r", action="block", applications=("youku",)))
    before = (site.folder / "policy.bin").read_bytes()
    with pytest.raises(TableRefusedError, match="checksum"):
        site.runtime.set_policy(before[:-1] + bytes([before[-1] ^ 1]))
    with pytest.raises(TableRefusedError, match="another application database"):
        site.runtime.set_policy(compile_policy(FastpathTables(), {"someone": "im"}))
    assert (site.folder / "policy.bin").read_bytes() == before
    with site.connection() as end:
        assert is_cut(end, client_hello("www.youku.com"))
