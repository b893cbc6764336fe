"""What has no name gets one: the shop's till is found, tried, named and then known; what stays hidden; the database."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastpath.binding import bundle
from fastpath.binding.appdb import BUNDLE_NAME
from tests.browser.person import Person
from tests.lab import addresses, netns, topology
from tests.lab.site import Site

ROOT = Path(__file__).parents[2]
PORT = 7123
SERVER = addresses.ECHO_SERVER
HEAD = "51f00d07"
LISTEN = f"""
import socket
listener, ends = socket.create_server(("{SERVER}", {PORT})), []
while True:
    end, _ = listener.accept()
    end.recv(100)
    end.sendall(b"\\x01\\x02answer of the shop system")
    ends.append(end)
"""
TALK = f"""
import socket, time
end = socket.create_connection(("{SERVER}", {PORT}), timeout=20)
end.sendall(bytes.fromhex("{HEAD}") + b"till 4")
end.recv(100)
time.sleep(120)
"""


@pytest.fixture
def till(begun: Site) -> Iterator[Site]:
    """A till at work."""
    processes = [begun.popen(topology.INTERNET, [sys.executable, "-c", LISTEN])]
    try:
        netns.wait_until(
            lambda: f":{PORT} " in begun.run(topology.INTERNET, ["ss", "-tln"]).stdout, "the server listens"
        )
        processes.append(begun.popen("sales1", [sys.executable, "-c", TALK]))
        yield begun
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def talk_again(site: Site) -> subprocess.Popen[str]:
    return site.popen("sales1", [sys.executable, "-c", TALK])


def test_unknown_traffic_gets_a_name(person: Person, till: Site) -> None:
    person.wait(
        lambda: person.open("/recognition/") or SERVER in person.text, "the till's traffic", lambda: person.text
    )
    person.reads("51 f0 0d 07", f"TCP {PORT}")
    person.screenshot(f"recognition-unknown-{person.language}")
    person.click(person.t("Give %(place)s a name", place=SERVER), role="link")
    person.fill("Name in Chinese", "收银机")
    person.fill("Name in English", "Till")
    person.click("Try on live traffic")
    person.reads(f"TCP {SERVER}:{PORT}")  # among what would be it
    person.screenshot(f"recognition-try-{person.language}")
    person.click("Save")
    person.reads({"zh": "收银机", "en": "Till"}[person.language])
    person.click("Apply")
    person.reads(person.t("The change is in force."))
    again = talk_again(till)
    try:
        person.wait(
            lambda: person.open("/control/applications/till") or "sales1" in person.text,
            "the till is known by name",
            lambda: person.text,
            timeout_s=40,
        )
    finally:
        again.kill()
        again.communicate()


def test_a_wrong_sign_is_told_at_its_field(person: Person, begun: Site) -> None:
    person.open("/recognition/own/new")
    person.fill("Name in English", "Till")
    person.fill("Sites", "not a site!")
    person.click("Save")
    person.reads(person.t("Please correct the marked fields. Nothing has been changed."))
    assert person.find("textbox", "Sites").get_attribute("value") == "not a site!"
    person.fill("Sites", "till.example")
    person.click("Save")
    person.reads("till.example")


def test_levers_are_switched_and_seen(person: Person, begun: Site) -> None:
    begun.curl("sales1", "https://www.taobao.com/", "-o", "/dev/null")
    person.open("/recognition/hidden")
    person.screenshot(f"recognition-hidden-{person.language}")
    lever = person.t("Answer all questions for names here")
    person.click(person.t("Switch on: %(policy)s", policy=lever))
    person.click("Apply")
    person.reads(person.t("The change is in force."))
    asked = ["dig", "+short", "+tries=1", "+time=3", "@198.51.100.99", "www.taobao.com"]
    netns.wait_until(
        lambda: begun.run("sales1", asked, check=False).stdout.strip(), "a stranger's question is answered"
    )


def test_a_signed_database_is_taken_and_a_forged_one_is_not(person: Person, begun: Site, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True)
    der = ["openssl", "pkey", "-in", str(key), "-pubout", "-outform", "DER"]
    public = base64.b64encode(subprocess.run(der, check=True, capture_output=True).stdout).decode()
    released = bundle.read((ROOT / "fastpath/build" / BUNDLE_NAME).read_bytes())
    good, forged = tmp_path / "good.rsapps", tmp_path / "forged.rsapps"
    good.write_bytes(bundle.sign(bundle.write(released.applications, "2099.1.1"), key))
    forged.write_bytes(good.read_bytes().replace(b"wechat.com", b"wechat.evil"))

    person.open("/recognition/database")
    person.reads(released.version)
    person.fill("Publishers you trust", f"hq {public}")
    person.click("Save")
    person.click("Apply")
    person.reads(person.t("The change is in force."))
    for file, answer in (
        (forged, {"zh": "没有您信任的发布者的签名", "en": "Nobody whom you trust has signed"}[person.language]),
        (good, "2099.1.1"),
    ):
        person.open("/recognition/database")
        person.driver.find_element("css selector", "input[type=file]").send_keys(str(file))
        person.click("Take the file")
        person.reads(answer)
    person.screenshot(f"recognition-database-{person.language}")
    person.click("Back to %(version)s", version=released.version)
    person.reads(released.version, person.t("the firmware"))
