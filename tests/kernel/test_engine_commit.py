"""Commit, confirm, roll back and conflict on a real router."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from firmware.client import Client, Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from firmware.model.config import Policy
from tests.kernel.engine_box import CLIENT, LAN, Box, config, lost, other_config
from tests.lab import netns

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def started() -> Iterator[Box]:
    with Box("commit") as box:
        box.start()
        yield box


@pytest.fixture
def box(started: Box) -> Box:
    """The router with the base configuration in force and nothing waiting."""
    status = started.call("status")
    if status["pending"]:
        started.call("config.confirm")
    started.call("config.discard")
    started.commit(config())
    return started


def test_commit_changes_kernel_services_and_traffic(box: Box) -> None:
    netns.wait_until(box.ping, "the client reaches the server")
    done = box.commit(other_config())
    assert done["warnings"] == []
    assert "192.168.9.1/24" in box.inside("ip", "-4", "addr", "show", "br-guest")
    assert "lookup" in box.inside("ip", "rule")
    assert "8080" in box.inside("nft", "list", "map", "inet", "rs", "port_forwards")
    netns.wait_until(lambda: "192.168.8.77" in printer(box), "dnsmasq answers with the new record")
    assert box.ping()


def printer(box: Box) -> str:
    """What is answered for the name; nothing while dnsmasq starts with another configuration."""
    asked = netns.inside(box.client, ["dig", "+short", "+tries=1", "+time=2", f"@{LAN}", "printer.lan"])
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def test_small_commit_changes_elements_only(box: Box) -> None:
    """A port forward is a map element: the chains stay as they are, and nothing is lost meanwhile."""
    netns.wait_until(box.ping, "the client reaches the server")
    before = box.inside("nft", "-a", "list", "chain", "inet", "rs", "forward")
    with box.stream() as stream:
        box.call("config.set", path="port_forwards.ssh", value={"ports": "2222", "to_address": CLIENT, "to_port": 22})
        box.call("config.commit", message="a port forward")
    assert lost(stream) == 0
    assert box.inside("nft", "-a", "list", "chain", "inet", "rs", "forward") == before
    assert "2222" in box.inside("nft", "list", "map", "inet", "rs", "port_forwards")


def test_nothing_is_lost_while_a_policy_changes(box: Box) -> None:
    netns.wait_until(box.ping, "the client reaches the server")
    with box.stream() as stream:
        for position in (1, 2, 3):
            policy = Policy(position=position, action="block", applications=("wechat",))
            box.commit(config(policies={f"p{position}": policy}))
    assert lost(stream) == 0


def test_policy_cuts_the_flows_it_forbids(box: Box) -> None:
    netns.wait_until(box.ping, "the client reaches the server")
    box.commit(config(policies={"all": Policy(position=1, action="block")}))
    netns.wait_until(lambda: not box.ping(), "the block works")
    box.commit(config())
    netns.wait_until(box.ping, "all is allowed again")


def test_refused_configuration_changes_nothing(box: Box) -> None:
    before = box.settled()
    box.call("config.set", path="lans.office.address", value="198.51.100.77/24")
    with pytest.raises(Invalid) as refusal:
        box.call("config.commit")
    assert any(problem.path.startswith(("lans.office", "wans.line1")) for problem in refusal.value.problems)
    box.becomes(before)


def test_unknown_key_is_an_error_with_its_path(box: Box) -> None:
    with pytest.raises(Invalid) as refusal:
        box.call("config.set", path="system.hostnam", value="x")
    assert refusal.value.problems[0].path == "system.hostnam"


def test_commit_without_changes_keeps_the_revision(box: Box) -> None:
    revision = box.call("status")["last_change"]["revision"]
    assert box.commit(config())["revision"] == revision


def test_unconfirmed_change_comes_back_by_itself(box: Box) -> None:
    before, revision = box.settled(), box.call("status")["last_change"]["revision"]
    box.commit(other_config(), confirm_s=5)
    assert box.call("status")["pending"]["revision"] > revision
    netns.wait_until(lambda: box.call("status")["pending"] is None, "the deadline", 15)
    box.becomes(before)
    assert box.call("status")["last_change"]["revision"] == revision
    newest = box.call("config.revisions", limit=1)[0]
    assert newest["confirmed"] is False


def test_confirm_needs_a_new_connection(box: Box) -> None:
    with box.ask() as client:
        client.call("config.set", path="system.hostname", value="eng-confirmed")
        client.call("config.commit", confirm_s=60)
        # Client.call opens a new connection for a confirmation: go around it.
        client.call("whoami")
        with pytest.raises(Forbidden):
            _call_on_same_connection(client, "config.confirm")
    box.call("config.confirm")
    assert box.call("status")["pending"] is None
    assert box.running().system.hostname == "eng-confirmed"


def test_second_change_waits_for_the_first_to_be_confirmed(box: Box) -> None:
    box.commit(other_config(), confirm_s=60)
    box.call("config.set", path="system.hostname", value="eng-third")
    with pytest.raises(Conflict):
        box.call("config.commit")
    previous = box.call("config.revisions", limit=2)[1]["id"]
    assert box.call("config.rollback", revision=previous)["revision"] == previous
    assert box.running() == config()


def test_rollback_is_a_new_revision_with_the_old_content(box: Box) -> None:
    first = box.call("status")["last_change"]["revision"]
    box.commit(other_config())
    back = box.call("config.rollback", revision=first)
    assert back["revision"] > first
    assert box.running() == config()
    with pytest.raises(NotFound):
        box.call("config.rollback", revision=999_999)


def test_two_admins_meet(box: Box) -> None:
    """Changes in other places are merged, changes in the same place are a conflict that names it."""
    with (
        Client(box.run / "rsd.sock", token=_token(box, "anna")) as anna,
        Client(box.run / "rsd.sock", token=_token(box, "ben")) as ben,
    ):
        anna.call("config.set", path="system.hostname", value="annas")
        ben.call("config.set", path="system.hostname", value="bens")
        ben.call("config.set", path="dns.domain", value="ben")
        anna.call("config.commit")
        with pytest.raises(Conflict) as conflict:
            ben.call("config.commit")
        assert [problem.path for problem in conflict.value.problems] == ["system.hostname"]
        stale = box.call("status")["last_change"]["revision"] - 1
        with pytest.raises(Conflict):
            ben.call("config.commit", base=stale)
        ben.call("config.delete", path="system.hostname")
        ben.call("config.set", path="system.hostname", value="annas")
        ben.call("config.commit")
    assert (box.running().system.hostname, box.running().dns.domain) == ("annas", "ben")


def test_fastpath_is_back_after_kill(box: Box) -> None:
    netns.wait_until(box.ping, "the client reaches the server")
    netns.wait_until(lambda: box.unit("rs-fastpath"), "rs-fastpath")
    pid = box.unit("rs-fastpath")
    assert pid is not None
    with box.stream() as stream:
        os.kill(pid, signal.SIGKILL)
        netns.wait_until(lambda: box.unit("rs-fastpath") not in (None, pid), "another fastpath")
        netns.wait_until(lambda: box.call("status")["fastpath"]["alive"], "it is alive")
    assert lost(stream) == 0
    assert any("fastpath" in alarm["message"] for alarm in box.call("alarms"))


def test_units_outlive_rsd_and_are_adopted(box: Box) -> None:
    netns.wait_until(lambda: box.unit("dnsmasq"), "dnsmasq")
    netns.wait_until(lambda: box.unit("rs-fastpath"), "rs-fastpath")
    before = {name: box.unit(name) for name in ("dnsmasq", "rs-fastpath")}
    rsd = box.rsd()
    with box.stream() as stream:
        box.kill_rsd()
        netns.wait_until(lambda: box.rsd() != rsd, "another rsd")
        box.wait_until_up()
    assert {name: box.unit(name) for name in before} == before
    assert lost(stream) == 0
    os.kill(before["dnsmasq"] or 0, signal.SIGKILL)
    netns.wait_until(lambda: box.unit("dnsmasq") not in (None, before["dnsmasq"]), "another dnsmasq")


def test_peer_without_session_is_nobody(box: Box) -> None:
    with Client(box.run / "rsd.sock", session="") as client, pytest.raises(Unauthenticated):
        client.call("status")


def test_admin_is_not_cut_off_without_a_deadline(box: Box) -> None:
    box.call("config.set", path="lans.office.address", value="192.168.18.1/24")
    box.call("config.delete", path="lans.office.dhcp")
    with pytest.raises(Invalid) as refusal:
        box.call("config.commit", source=CLIENT)
    assert refusal.value.problems[0].path == "lans.office.address"
    box.call("config.commit", source=CLIENT, confirm_s=5)
    netns.wait_until(lambda: box.call("status")["pending"] is None, "the deadline", 15)
    netns.wait_until(box.ping, "the client is back")


def test_list_of_a_hundred_thousand_is_taken(box: Box) -> None:
    """Every other address of a large network, so that nothing can be joined."""
    members = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(0, 200_000, 2)]
    policy = {"position": 1, "action": "block", "groups": ["huge"]}
    assert box.call("config.set", path="groups.huge", value={"members": members}) == {"problems": []}
    box.call("config.set", path="policies.huge", value=policy)
    box.call("config.commit")
    netns.wait_until(box.ping, "traffic goes on")


def _call_on_same_connection(client: Client, verb: str) -> None:
    """What a client that does not know better would do."""
    from firmware.client import client as inner

    with client._lock:
        connection = client._connected()
        connection.sendall(client._request(77, verb, {}))
        inner._result(inner._read_line(connection, client._received))


def _token(box: Box, name: str) -> str:
    for token in box.call("token.list"):
        if token["name"] == name:
            box.call("token.revoke", id=token["id"])
    return str(box.call("token.create", name=name, role="admin")["token"])
