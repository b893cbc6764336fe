"""The field tools through the real daemon: answers of a real line, packets of a real LAN, a bundle without secrets."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import tarfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from firmware.client import Busy, Client, NotFound
from tests.lab import netns
from tests.lab.addresses import LAN_ADDRESS, NAME_SERVER, server_addresses
from tests.lab.site import Site

pytestmark = pytest.mark.kernel

PASSWORDS = ("a password of somebody", "the provider's word")
ROUTER = LAN_ADDRESS.partition("/")[0]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(name="tools", wans=1, hosts=1) as site:
        yield site


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with Client(site.product.run / "rsd.sock") as client:
        yield client


def ended(client: Client, number: int, timeout_s: float = 60) -> dict[str, Any]:
    netns.wait_until(lambda: not client.call("tools.job", id=number)["running"], "the tool is over", timeout_s)
    job = dict(client.call("tools.job", id=number))
    assert job["trouble"] is None, job["trouble"]
    return job


def used(client: Client, tool: str, **settings: Any) -> dict[str, Any]:
    """The result of a tool."""
    number = client.call("tools.start", request={"tool": tool, **settings})["id"]
    return dict(ended(client, number)["result"])


def fetched(client: Client, job: dict[str, Any]) -> bytes:
    data = b""
    while len(data) < job["file_bytes"]:
        data += base64.b64decode(client.call("tools.file", id=job["id"], offset=len(data))["content"])
    return data


def test_a_server_is_reached_over_the_line_and_as_the_router_chooses(site: Site, client: Client) -> None:
    server = server_addresses("internet.test")[0]
    for settings in ({}, {"line": "wan1"}):
        found = used(client, "ping", host=server, count=2, **settings)
        assert (found["received"], found["said"][0]["level"]) == (2, "ok")
        assert used(client, "port", host=server, port=80, **settings)["outcome"] == "open"
        assert used(client, "port", host=server, port=81, **settings)["outcome"] in ("refused", "silent")
    found = used(client, "trace", host=server, line="wan1")
    assert any(hop["address"] for hop in found["hops"])


def test_a_name_is_asked_of_the_router_the_line_and_a_server(client: Client) -> None:
    wanted = server_addresses("internet.test")[0]
    for settings in ({}, {"line": "wan1"}, {"server": NAME_SERVER}):
        found = used(client, "lookup", name="internet.test", **settings)
        assert found["outcome"] == "answer", settings
        assert wanted in [record["value"] for record in found["records"]]


def test_the_ports_tell_who_is_behind_them(site: Site, client: Client) -> None:
    site.run(site.hosts[0].name, ["ping", "-c", "1", ROUTER])
    ports = used(client, "cable")["ports"]
    assert [port["name"] for port in ports] == [port["name"] for port in client.call("status")["ports"]]
    assert any(
        ROUTER.rpartition(".")[0] in address and neighbour["mac"] == site.hosts[0].mac
        for port in ports
        for neighbour in port["neighbours"]
        for address in neighbour["addresses"]
    )


def test_what_is_captured_is_what_was_asked_for(site: Site, client: Client) -> None:
    (lan,) = client.call("config.get", path="lans", which="running")
    request = {"tool": "capture", "where": f"lan:{lan}", "host": ROUTER, "protocol": "icmp"}
    request |= {"packets": 4, "seconds": 30}
    number = client.call("tools.start", request=request)["id"]
    with pytest.raises(Busy):
        client.call("tools.start", request=request)
    path = site.product.run / "tools" / str(number)
    netns.wait_until(lambda: path.exists() and path.stat().st_size, "it listens")
    site.run(site.hosts[0].name, ["ping", "-c", "2", "-s", "1000", ROUTER])
    job = ended(client, number)
    assert (job["result"]["packets"], job["result"]["ended_by"], job["result"]["dropped"]) == (4, "packets", 0)
    data = fetched(client, job)
    assert struct.unpack_from("=IHHiIII", data) == (0xA1B23C4D, 2, 4, 0, 0, 96, 1)
    assert struct.unpack_from("=II", data, 24 + 8) == (96, 1042)
    assert not path.exists()
    with pytest.raises(NotFound):
        client.call("tools.file", id=number)
    (noted,) = [row for row in client.call("audit") if row["verb"] == "tools.start" and row["outcome"] == "ok"][:1]
    assert noted["details"]["request"]["where"] == f"lan:{lan}"


def test_the_bundle_holds_no_secret_of_a_box_that_has_them_all(site: Site, client: Client) -> None:
    client.call("config.set", path="users.wang", value={"role": "clerk"})
    client.call("config.commit", message="somebody")
    client.call("password.change", user="wang", new=PASSWORDS[0])
    client.call("line.password", line="wan1", password=PASSWORDS[1])
    token = client.call("token.create", name="helper", role="auditor")["token"]
    state = site.product.state
    kept = json.loads((state / "secrets.json").read_text())
    secrets = [*PASSWORDS, token, *(part for item in kept["passwords"].values() for part in item.split("$"))]
    secrets += [row["digest"] for row in kept["tokens"]]
    for key in state.rglob("*.key"):
        secrets += [line for line in key.read_text().splitlines() if line and not line.startswith("-----")]

    number = client.call("tools.start", request={"tool": "diagnosis"})["id"]
    job = ended(client, number, 90)
    data = fetched(client, job)
    plain = gzip.decompress(data)
    assert [secret for secret in secrets if secret.encode() in plain] == []
    with tarfile.open(fileobj=BytesIO(data)) as bundle:
        files = {entry.name: entry.size for entry in bundle.getmembers()}
    for name in ("configuration.json", "status.json", "lines/wan1.json", "kernel/rules.nft", "processes.txt"):
        assert files[f"diagnosis/{name}"] > 100, name
    assert b"table inet rs" in plain
