"""A stand-in for rsd behind the page, and a browser before it."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient


class Refusal(Exception):
    """What a verb is refused with: the fields of the protocol's error."""

    def __init__(self, **error: Any) -> None:
        super().__init__(error)
        self.error = error


class Rsd(socketserver.ThreadingUnixStreamServer):
    """Keeps what it was ``asked`` for; ``answers`` has a result for each verb, a test's own class may do more."""

    daemon_threads = True

    def __init__(self, run_dir: Path, answers: dict[str, Any] | None = None) -> None:
        super().__init__(str(run_dir / "rsd.sock"), _Handler)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers = answers or {}

    def answer(self, verb: str, args: dict[str, Any], session: str | None) -> Any:
        """The result of a verb. :raise Refusal: instead of one."""
        return self.answers.get(verb, {})


class _Handler(socketserver.StreamRequestHandler):
    server: Rsd

    def handle(self) -> None:
        for line in self.rfile:
            call = json.loads(line)
            verb, args = call["verb"], call["args"]
            self.server.asked.append((verb, args))
            try:
                reply = {"ok": True, "result": self.server.answer(verb, args, call.get("session"))}
            except Refusal as refusal:
                reply = {"ok": False, "error": refusal.error}
            self.wfile.write(json.dumps({"id": call["id"], **reply}).encode() + b"\n")


@contextmanager
def serving(server: Rsd) -> Iterator[None]:
    """It answers as long as the block lasts."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def browser(app: Flask, language: str | None = "en") -> FlaskClient:
    """Somebody who is logged in."""
    client = app.test_client()
    client.set_cookie("rs", "somebody")
    if language:
        client.set_cookie("lang", language)
    return client


def send(client: FlaskClient, path: str, **fields: Any) -> Any:
    """Sends a form of the page, with the token that its pages carry."""
    with client.application.test_request_context(headers={"Cookie": "rs=somebody"}):
        token = client.application.jinja_env.globals["csrf_token"]()  # type: ignore[operator]
    return client.post(path, data={"csrf": token, **fields})
