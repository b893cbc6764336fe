"""What cannot be seen into, and the levers that change it: questions answered here, canaries, keys left out."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest

from firmware.model.config import Dns
from tests.kernel.engine_box import LAN, SERVER, Box, config
from tests.kernel.fastpath_site import client_hello, within
from tests.lab import netns

pytestmark = pytest.mark.kernel

ANSWER = "11.22.33.44"  # no documentation address: those count as private, and such answers are refused
ECH_KEYS = "0001" + "00" + "0005" + "0004" + "deadbeef"  # HTTPS record: priority 1, name ".", ech=


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box("posture") as box:
        upstream = [
            *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file="),
            *(f"--address=/site.test/{ANSWER}", f"--dns-rr=site.test,65,{ECH_KEYS}", "--user=root"),
            *(f"--address=/use-application-dns.net/{ANSWER}", f"--address=/mask.icloud.com/{ANSWER}"),
        ]
        server = subprocess.Popen(netns.inside(box.server, upstream), stderr=subprocess.DEVNULL)
        try:
            box.start()
            box.commit(config())
            netns.wait_until(lambda: dig(box, f"@{LAN}", "site.test") == ANSWER, "names are answered")
            yield box
        finally:
            server.kill()
            server.wait()


def dig(box: Box, *words: str) -> str:
    argv = ["dig", "+short", "+tries=1", "+time=2", *words]
    done = subprocess.run(netns.inside(box.client, argv), capture_output=True, text=True, check=False)
    return done.stdout.strip()


def status_of(box: Box, name: str) -> str:
    """What is answered, in a word; none while dnsmasq starts with another configuration."""
    argv = ["dig", "+tries=1", "+time=2", f"@{LAN}", name]
    text = subprocess.run(netns.inside(box.client, argv), capture_output=True, text=True, check=False).stdout
    return text.partition("status: ")[2].partition(",")[0]


def test_without_levers_all_is_as_the_client_asks(box: Box) -> None:
    box.commit(config())
    assert ANSWER not in dig(box, "@203.0.113.53", "site.test")
    netns.wait_until(lambda: status_of(box, "use-application-dns.net") == "NOERROR", "the name is answered")
    assert "ech=" in dig(box, f"@{LAN}", "site.test", "TYPE65")


def test_questions_to_others_are_answered_here(box: Box) -> None:
    box.commit(config(dns=Dns(redirect=True)))
    for option in ("+notcp", "+tcp"):
        netns.wait_until(
            lambda option=option: dig(box, option, "@203.0.113.53", "site.test") == ANSWER,
            f"a stranger's questions are answered ({option})",
        )
    assert box.call("posture")["levers"] == {"redirect": True, "canary": False, "hide_ech_keys": False}


def test_browsers_are_told_to_ask_here(box: Box) -> None:
    box.commit(config(dns=Dns(canary=True)))
    for name in ("use-application-dns.net", "mask.icloud.com"):
        netns.wait_until(lambda name=name: status_of(box, name) == "NXDOMAIN", f"{name} is denied")
    assert dig(box, f"@{LAN}", "site.test") == ANSWER


def test_keys_for_encrypted_names_are_left_out(box: Box) -> None:
    box.commit(config(dns=Dns(hide_ech_keys=True)))
    netns.wait_until(lambda: dig(box, f"@{LAN}", "site.test", "TYPE65") == "", "the record is left out")
    assert dig(box, f"@{LAN}", "site.test") == ANSWER


def test_an_outer_name_is_counted(box: Box) -> None:
    box.commit(config())
    listener = within(box.server, lambda: socket.create_server(("0.0.0.0", 443)))
    with listener:
        end = within(box.client, lambda: socket.create_connection((SERVER, 443), timeout=10 * netns.PATIENCE))
        with end:
            end.sendall(client_hello("cloudflare-ech.com"))
            netns.wait_until(lambda: box.call("posture")["ech"]["connections"] == 1, "the outer name is counted")
    assert {part["kind"] for part in box.call("posture")["parts"]} == {
        "named", "nameless", "encrypted_dns", "tunnel", "suspected", "unknown",
    }  # fmt: skip
