"""The site with three real lines, whose daemon the tests of lines ask as its owner."""

from __future__ import annotations

import os
import signal
import socket
import struct
from collections import Counter
from typing import Any

from firmware.client import Client
from tests.lab import netns
from tests.lab.addresses import Line
from tests.lab.site import Site

PAGE = "http://internet.test/address"
MONTH_S = 31 * 86_400
FAST = {"interval_ms": 200, "fall": 3, "rise": 2}


class Office:
    """The site, and its daemon asked by the owner."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.names = [line.name for line in site.lines]

    def change(self, **settings: Any) -> None:
        """Put settings in force on top of the site's own, with all lines in order; a path's dots are written ``__``."""
        for line in self.site.lines:
            self.site.mend(line)  # a test before this one may have failed with a line cut
        self.all_up()
        with Client(self.site.product.run / "rsd.sock") as client:
            client.call("config.rollback", revision=self.first)
            for path, value in settings.items():
                client.call("config.set", path=path.replace("__", "."), value=value)
            client.call("config.commit", message="lines")
        self.all_up()

    @property
    def first(self) -> int:
        return self._first

    def remember(self) -> None:
        with Client(self.site.product.run / "rsd.sock") as client:
            for name in self.names:
                client.call("config.set", path=f"wans.{name}.health", value=FAST)
            self._first = int(client.call("config.commit", message="fast probes")["revision"])

    def states(self) -> dict[str, bool]:
        with Client(self.site.product.run / "rsd.sock") as client:
            return {line["name"]: line["up"] for line in client.call("lines")}

    def all_up(self) -> None:
        netns.wait_until(lambda: all(self.states().values()), "all lines work", 20)

    def line_of(self, host: str = "sales1", page: str = PAGE) -> str:
        """The line by which a new connection of the host leaves; "" when it does not, at the second try neither.

        A line that dies makes dnsmasq start anew, and for some 20 ms nobody answers questions."""
        again = ("--retry", "1", "--retry-all-errors", "--retry-max-time", "3")
        seen = self.site.curl(host, page, "-4", "--max-time", "3", *again, check=False).stdout.strip()
        return next((line.name for line in self.site.lines if seen and self._address(line) == seen), "")

    def _address(self, line: Line) -> str:
        return (self.site.address("router", line.port) or "").partition("/")[0]

    def shares(self, count: int, host: str = "sales1", page: str = PAGE) -> Counter[str]:
        return Counter(self.line_of(host, page) for _ in range(count))

    def cut(self, name: str, *, silently: bool = True) -> None:
        self.site.cut(self.line(name), silently=silently)
        netns.wait_until(lambda: not self.states()[name], f"{name} is found dead", 20)

    def mend(self, name: str) -> None:
        self.site.mend(self.line(name))
        netns.wait_until(lambda: self.states()[name], f"{name} is found well", 20)

    def line(self, name: str) -> Line:
        return next(line for line in self.site.lines if line.name == name)

    def takes(self) -> dict[str, int]:
        """What each line is said to take of new connections, in percent."""
        with Client(self.site.product.run / "rsd.sock") as client:
            return {line["name"]: line["share_percent"] for line in client.call("lines")}

    def month(self, name: str) -> dict[str, Any]:
        """The month of a line that has a cap."""
        with Client(self.site.product.run / "rsd.sock") as client:
            (line,) = [line for line in client.call("lines") if line["name"] == name]
            return dict(line["month"])

    def moved(self, name: str) -> int:
        """What a line has moved this month, both ways together."""
        with Client(self.site.product.run / "rsd.sock") as client:
            rows = client.call("usage", by="wan", since_s=MONTH_S)
        return sum(row["up_bytes"] + row["down_bytes"] for row in rows if row["key"] == name)

    def alarms(self) -> list[str]:
        """The messages of the open alarms."""
        with Client(self.site.product.run / "rsd.sock") as client:
            return [alarm["message"] for alarm in client.call("alarms") if alarm["cleared"] is None]

    def kill_rsd(self) -> None:
        """Another rsd takes its place."""
        before = self._rsd()
        os.kill(before, signal.SIGKILL)
        netns.wait_until(lambda: self._rsd() not in (0, before), "another rsd answers", 30)

    def _rsd(self) -> int:
        """The process behind the control socket, 0 while there is none."""
        with socket.socket(socket.AF_UNIX) as door:
            try:
                door.connect(str(self.site.product.socket))
            except OSError:
                return 0
            return int(struct.unpack("3i", door.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])

    def marked(self, number: int) -> int:
        """TCP flows that conntrack has on a line."""
        listed = self.site.run("router", ["conntrack", "-L", "-p", "tcp", "-o", "id"]).stdout
        marks = [
            word.removeprefix("mark=") for row in listed.splitlines() for word in row.split() if word[:5] == "mark="
        ]
        return sum(int(mark) >> 12 & 15 == number for mark in marks)
