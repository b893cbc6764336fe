"""What an update is asked and told, by the page's REST and on the console."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
from typing import Any

from tests.image.machine import Machine

CONFIRMED = "[ -e /run/rs/started-well ]"
LINE_UP = "rsctl --json lines | grep -q '\"up\": true'"


def install(machine: Machine, url: str) -> None:
    """Into the other slot, until there is nothing more to wait for."""
    # Not a child of the shell on the console: busybox's ends when it is told that one has ended while it reads a line.
    machine.run(f"rm -f /tmp/done; ((rsctl update install {url} >/dev/null 2>&1; touch /tmp/done) &)")
    machine.wait_until("[ -e /tmp/done ]")


def token(machine: Machine) -> str:
    """By which a program may ask the page for anything. rsd's log goes to the same console."""
    found = re.search(r'"token": "([^"]+)"', machine.run("rsctl --json token create hq admin"))
    assert found is not None
    return found[1]


def ask(machine: Machine, method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
    """The page's answer to a program."""
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", machine.page_port, timeout=900, context=context)
    headers = {"Host": "192.168.8.1", "Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with contextlib.closing(connection):
        connection.request(method, path, body, headers)
        with connection.getresponse() as answer:
            return answer.status, answer.read()


def told(machine: Machine) -> Any:
    """How the update is."""
    found = re.search(r"^\{$.*^\}$", machine.run("rsctl --json update show"), re.MULTILINE | re.DOTALL)
    assert found is not None
    return json.loads(found[0])
