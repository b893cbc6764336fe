"""The router as a view sees it: one client per request, reads remembered for that request."""

from __future__ import annotations

import threading
import time
from typing import Any

from flask import current_app, g, request
from msgspec import convert

from firmware.client import Client
from firmware.model.config import Config
from firmware.model.problem import Problem
from webui.names import Names

NAMES_KEPT_S = 60.0


class Router:
    """The verbs of rsd that pages need, as the person whose session the request carries."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._remembered: dict[tuple[Any, ...], Any] = {}

    def call(self, verb: str, **args: Any) -> Any:
        return self.client.call(verb, **args)

    def read(self, verb: str, **args: Any) -> Any:
        """Call a reading verb at most once per request."""
        key = (verb, *sorted(args.items()))
        if key not in self._remembered:
            self._remembered[key] = self.client.call(verb, **args)
        return self._remembered[key]

    def whoami(self) -> dict[str, Any]:
        return dict(self.read("whoami"))

    def status(self) -> dict[str, Any]:
        return dict(self.read("status"))

    def hosts(self) -> list[dict[str, Any]]:
        return list(self.read("hosts"))

    def config(self, which: str = "candidate") -> Config:
        """The configuration with its defaults filled in."""
        return convert(self.read("config.get", path="", which=which), Config)

    def set(self, path: str, value: Any) -> list[Problem]:
        """Change the candidate; returns what verify says about it now.

        :raise Invalid: when the value cannot stand at ``path`` at all; the candidate is then as before.
        """
        self._remembered.clear()
        return _problems(self.client.call("config.set", path=path, value=value))

    def delete(self, path: str) -> list[Problem]:
        """Remove what stands at ``path`` from the candidate."""
        self._remembered.clear()
        return _problems(self.client.call("config.delete", path=path))

    def problems(self) -> list[Problem]:
        """What keeps the candidate from being applied."""
        found = _problems(self.read("config.check", which="candidate"))
        return [problem for problem in found if problem.severity == "error"]

    def names(self) -> Names:
        """Names of applications and categories; they hardly ever change, so all requests share them for a minute."""
        shelf: NamesShelf = current_app.extensions["names"]
        return shelf.get(self)


def _problems(reply: Any) -> list[Problem]:
    return [Problem(**problem) for problem in (reply or {}).get("problems") or ()]


class NamesShelf:
    """Where the names stand between requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: Names | None = None
        self._until = 0.0

    def get(self, asker: Router) -> Names:
        with self._lock:
            if self._names is None or time.monotonic() > self._until:
                self._names = Names.from_reply(asker.call("applications"))
                self._until = time.monotonic() + NAMES_KEPT_S
            return self._names

    def forget(self) -> None:
        """After a commit: it may have brought an application of the admin's own."""
        with self._lock:
            self._names = None


def router() -> Router:
    """This request's router, closed with the request."""
    if "router" not in g:
        from webui.security import session_cookie

        session = request.cookies.get(session_cookie())
        g.router = Router(Client(current_app.config["RSD_SOCKET"], session or ""))
    found: Router = g.router
    return found


def close_router(_error: BaseException | None = None) -> None:
    if "router" in g:
        g.pop("router").client.close()
