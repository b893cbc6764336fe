"""A virtual site: internet, ISPs, router and hosts, brought up and taken down as one thing.

``with Site(name="lab1") as site: site.curl("sales1", "https://www.douyin.com/")``. Several sites live beside each
other under different names. ``Site.attach(name)`` finds one that another process brought up.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab import addresses, netns, plain_router, services, state, topology
from tests.lab.addresses import Host, Line
from tests.lab.product import Product
from tests.lab.services import Service
from tests.lab.state import Process, State

_REPOSITORY = Path(__file__).parents[2]
_PAGE_PORT = 443
_START_TIMEOUT_S = 60.0  # as long as a start takes on the emulated machine


class Site:
    """One virtual site. Names of places are ``net``, ``router``, ``isp1`` ... and those of the hosts."""

    def __init__(
        self, name: str = "lab1", wans: int = 2, hosts: int = 6, *, product: bool = True, traffic: bool = False,
        page_port: int | None = None,
    ) -> None:  # fmt: skip
        self.state = State(name=name, wans=wans, hosts=hosts, product=product, page_port=page_port)
        self.has_traffic = traffic
        self._children: list[subprocess.Popen[bytes]] = []

    @classmethod
    def attach(cls, name: str) -> Self:
        """A running site; :raise FileNotFoundError: when there is none of that name."""
        site = cls(name)
        site.state = state.load(name)
        return site

    @property
    def name(self) -> str:
        return self.state.name

    @property
    def prefix(self) -> str:
        """What the names of its namespaces begin with."""
        return f"rs-{self.name}-"

    @property
    def directory(self) -> Path:
        """Where configuration, logs and state of the site are."""
        return self.state.directory

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return addresses.lines(self.state.wans)

    @cached_property
    def hosts(self) -> tuple[Host, ...]:
        return addresses.hosts(self.state.hosts)

    @cached_property
    def product(self) -> Product:
        """The product in the router's namespace."""
        return Product(self.prefix + topology.ROUTER, self.directory / "product", _REPOSITORY)

    @property
    def page_url(self) -> str:
        """The address of the router's page as seen from outside the site."""
        return f"https://127.0.0.1:{self.state.page_port}/"

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> None:
        """Builds the site and returns when every host has an address; a leftover of the same name is removed first."""
        self.down()
        self.directory.mkdir(parents=True)
        self.state.save()
        topology.build(self.prefix, self.lines, self.hosts)
        for service in services.internet(self.prefix, self.directory):
            self.start(service)
        for line in self.lines:
            for service in services.line(line, self.directory, self.prefix):
                self.start(service)
        if self.state.product:
            self._start_product()
        else:
            argv = plain_router.configure(self.prefix + topology.ROUTER, self.lines, self.hosts, self.directory)
            self.start(Service(topology.ROUTER, "dnsmasq", argv))
        for host in self.hosts:
            for service in services.host(host):
                self.start(service)
        for host in self.hosts:
            netns.wait_until(lambda host=host: self.address(host.name), f"DHCP lease of {host.name}", _START_TIMEOUT_S)
        if self.has_traffic:
            self._spawn("traffic", [sys.executable, "-m", "tests.lab.traffic", self.name])
        self.state.save()

    def down(self) -> None:
        """Ends every process of the site and removes all it made; also what a crashed run left."""
        known = self.state
        if (self.directory / "state.json").exists():
            known = state.load(self.name)
        netns.end([process.pid for process in reversed(known.processes) if process.is_running])
        netns.delete(netns.existing(self.prefix))
        for child in self._children:
            child.wait()
        self._children.clear()
        self.state.processes.clear()
        if self.directory.exists():
            shutil.rmtree(self.directory)

    def start(self, service: Service) -> subprocess.Popen[bytes]:
        """Starts a process in its place and waits until it is ready; its output goes to ``log/NAME.log``."""
        child = self._spawn(service.name, netns.inside(self.prefix + service.where, service.argv))
        if service.ready:
            netns.wait_until(service.ready.exists, f"start of {service.name}", _START_TIMEOUT_S)
        return child

    def run(
        self, where: str, argv: Sequence[str], *, timeout_s: float = 30.0, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command in a place; :raise AssertionError: with its output when it fails and ``check`` is on."""
        inside = netns.inside(self.prefix + where, argv)
        done = subprocess.run(
            inside, input=stdin, capture_output=True, text=True, timeout=timeout_s, env=self.environment, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{where}: {' '.join(argv)} gave {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def popen(self, where: str, argv: Sequence[str]) -> subprocess.Popen[str]:
        """Starts a command in a place, with pipes from its output; the caller ends it."""
        return subprocess.Popen(
            netns.inside(self.prefix + where, argv),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment,
        )  # fmt: skip

    def curl(self, host: str, url: str, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Fetches a page from a host as a browser would: names by DNS, certificates checked."""
        return self.run(host, ["curl", "-sS", "--max-time", "15", *options, url], check=check)

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment of what runs inside: programs trust the lab's certificate authority."""
        authority = str(self.directory / "ca" / "ca.pem")
        return {**os.environ, "CURL_CA_BUNDLE": authority, "SSL_CERT_FILE": authority}

    def address(self, where: str, device: str = "eth0", family: int = 4) -> str | None:
        """The first global address of a device (of a host: what DHCP or SLAAC gave it), or None."""
        text = netns.command(["ip", "-n", self.prefix + where, "-j", f"-{family}", "address", "show", "dev", device])
        found = [a["local"] for link in json.loads(text) for a in link.get("addr_info", ()) if a["scope"] == "global"]
        return found[0] if found else None

    def cut(self, line: Line, *, silently: bool = False) -> None:
        """Breaks a line: its cable is pulled or, silently, the ISP forwards nothing any more but still answers."""
        device = "uplink" if silently else "line"
        netns.batch([f"link set {device} down"], self.prefix + topology.isp(line))

    def mend(self, line: Line) -> None:
        """Repairs what ``cut`` broke."""
        commands = [
            "link set line up",
            "link set uplink up",
            f"address replace {line.gateway_v6}/64 dev line nodad",
            f"address replace {line.transit_v6[2]}/64 dev uplink nodad",
            f"route replace default via {line.transit[1]}",
            f"route replace default via {line.transit_v6[1]}",
            f"neighbour replace fe80::5 lladdr {line.router_mac} nud permanent dev line",
            f"route replace {line.prefix_v6} via fe80::5 dev line",
        ]
        netns.batch(commands, self.prefix + topology.isp(line))

    def limit(self, line: Line, rate_bps: int) -> None:
        """Makes a line slow, towards the router."""
        rate = f"qdisc replace dev line root tbf rate {rate_bps}bit burst 32kb latency 100ms"
        netns.command(["tc", "-n", self.prefix + topology.isp(line), *rate.split()])

    def _start_product(self) -> None:
        ports = [line.port for line in self.lines] + [topology.lan_port(host, self.lines) for host in self.hosts]
        self.start(Service(topology.ROUTER, "product", self.product.argv(ports)))
        self.product.configure(self.lines, self.hosts)
        if self.state.page_port is None:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.state.page_port = free.getsockname()[1]
        address = addresses.LAN_ADDRESS.partition("/")[0]
        target = [self.prefix + topology.ROUTER, str(self.state.page_port), address, str(_PAGE_PORT)]
        self._spawn("forwarder", [sys.executable, "-m", "tests.lab.forwarder", *target])

    def _spawn(self, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        logs = self.directory / "log"
        logs.mkdir(exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=_REPOSITORY, env=self.environment,
                start_new_session=True,
            )  # fmt: skip
        self._children.append(child)
        self.state.processes.append(Process(name, child.pid, netns.start_time(child.pid) or 0))
        self.state.save()
        return child
