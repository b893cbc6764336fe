"""A router in a namespace of its own, between a client and a server, run by the real launcher."""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from firmware.client import Client, ClientError
from firmware.model import codec
from firmware.model.config import Config, Dhcp, Dns, Group, Lan, Policy, PortForward, System, User, Wan, Zone
from tests.lab import netns

PORTS = ("wan0", "lan1", "lan2")
SERVER, WAN, LAN, CLIENT = "198.51.100.1", "198.51.100.2", "192.168.8.1", "192.168.8.9"


def config(**changes: Any) -> Config:
    """One LAN, one static line."""
    plain = Config(
        system=System(hostname="eng-box", language="en"),
        lans={"office": _lan("192.168.8.100", "192.168.8.200")},
        wans={"line1": _line(number=1)},
        zones={
            "lan": Zone(services=("dhcp", "dns", "ping", "web"), forward_to=("wan",)),
            "wan": Zone(services=("ping",), masquerade=True),
        },
        users={"admin": User(role="owner")},
    )
    changed = {name: codec.to_plain(value) for name, value in changes.items()}
    return codec.from_plain({**codec.to_plain(plain), **changed})


def other_config() -> Config:
    """Another in every part of a Plan, but one in which the client keeps its connection."""
    return config(
        system=System(hostname="eng-other", language="en"),
        lans={
            "office": _lan("192.168.8.50", "192.168.8.60"),
            "guest": Lan(ports=("lan2",), address="192.168.9.1/24", ipv6=False),
        },
        wans={"line1": _line(number=2)},
        dns=Dns(records={"printer.lan": "192.168.8.77"}),
        groups={"sales": Group(members=("192.168.8.66",))},
        policies={"quiet": Policy(position=1, action="block", groups=("sales",))},
        port_forwards={"shop": PortForward(ports="8080", to_address=CLIENT, to_port=80)},
    )


def _lan(start: str, end: str) -> Lan:
    return Lan(ports=("lan1",), address=f"{LAN}/24", ipv6=False, dhcp=Dhcp(start=start, end=end))


def _line(number: int) -> Wan:
    return Wan(
        interface="wan0",
        number=number,
        protocol="static",
        address=f"{WAN}/24",
        gateway=SERVER,
        ipv6="off",
        dns=(SERVER,),
    )


class Box:
    """``with`` builds the namespaces; ``start`` runs the product in the middle one, ``boot`` as after a power cut."""

    def __init__(self, name: str, state_dir: Path | None = None) -> None:
        self.router, self.client, self.server = f"eng-{name}", f"eng-{name}-c", f"eng-{name}-s"
        self.directory = Path(tempfile.mkdtemp(prefix=f"eng-{name}-", dir="/run"))
        self.directory.chmod(0o755)  # dnsmasq is not root
        self.state = state_dir or self.directory / "state"
        self.run = self.directory / "run"
        self.path = os.environ["PATH"]
        self.hidden = ""  # a program that the box lacks
        self._boot_id = self.directory / "boot_id"
        self._launcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Box:
        netns.delete([name for name in (self.router, self.client, self.server) if name in netns.existing(name)])
        self._build()
        self.new_boot()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut_power()
        netns.delete([self.router, self.client, self.server])
        if error is not None:
            print(self.log())
        shutil.rmtree(self.directory)

    def _build(self) -> None:
        netns.add([self.router, self.client, self.server])
        self._plug()
        netns.batch([f"addr add {CLIENT}/24 dev eth0", "link set eth0 up", f"route add default via {LAN}"], self.client)
        netns.batch([f"addr add {SERVER}/24 dev eth0", "link set eth0 up"], self.server)

    def _plug(self) -> None:
        netns.batch(
            [
                f"link add wan0 netns {self.router} type veth peer name eth0 netns {self.server}",
                f"link add lan1 netns {self.router} type veth peer name eth0 netns {self.client}",
                f"link add lan2 netns {self.router} type veth peer name eth1 netns {self.client}",
            ]
        )

    # ---- the product ----

    def start(self, crash_at: str = "", *, web: bool = False, wait: bool = True) -> None:
        """Start the launcher; ``crash_at`` kills rsd after that step (firmware/engine/steps.py)."""
        launcher = [sys.executable, "-m", "firmware.daemon.launcher", "--ports", ",".join(PORTS)]
        launcher += ["--state", str(self.state), "--run", str(self.run), *(["--web"] if web else [])]
        boot = [sys.executable, "-m", "tests.kernel.engine_boot", str(self._boot_id), "--", *launcher]
        environment = {**os.environ, "RS_CRASH_AT": crash_at, "PATH": self.path, "RS_HIDDEN": self.hidden}
        with (self.directory / "log").open("ab") as log:
            self._launcher = subprocess.Popen(
                netns.inside(self.router, boot), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment
            )
        if wait:
            self.wait_until_up()

    def wait_until_up(self) -> None:
        """Return when rsd answers."""

        def answers() -> bool:
            with suppress(ClientError), self.ask() as client:
                return bool(client.call("whoami"))
            return False

        netns.wait_until(answers, "rsd answers", 30)

    def stop(self) -> None:
        """End the product as an admin would."""
        assert self._launcher is not None
        self._launcher.terminate()
        self._launcher.wait(30)
        self._launcher = None

    def rsd(self) -> int:
        """The process id of rsd: the launcher's first child."""
        assert self._launcher is not None
        children = Path(f"/proc/{self._launcher.pid}/task/{self._launcher.pid}/children").read_text().split()
        return min(int(pid) for pid in children if _name(int(pid)) != "rs-fastpath")

    def unit(self, name: str) -> int | None:
        """The process id of a unit that is alive."""
        with suppress(OSError, ValueError):  # its file is empty for a moment before it starts
            pid = int((self.run / "units" / f"{name}.pid").read_text().partition(" ")[0])
            os.kill(pid, 0)
            return pid
        return None

    def kill_rsd(self) -> None:
        """``kill -9``; the launcher starts it again."""
        os.kill(self.rsd(), signal.SIGKILL)

    def cut_power(self) -> None:
        """End every process of the box at once."""
        if self._launcher is not None:
            self._launcher.kill()
            self._launcher.wait()
            self._launcher = None
        netns.end([int(pid) for pid in netns.command(["ip", "netns", "pids", self.router]).split()])

    def boot(self) -> None:
        """A power cut and the next start: memory, kernel state and all processes are gone."""
        self.cut_power()
        netns.batch(
            ["link delete eth0", "link delete eth1"], self.client
        )  # a namespace takes its wires away only later
        netns.batch(["link delete eth0"], self.server)
        netns.delete([self.router])
        netns.add([self.router])
        self._plug()
        netns.batch(
            [f"addr replace {CLIENT}/24 dev eth0", "link set eth0 up", f"route replace default via {LAN}"], self.client
        )
        netns.batch([f"addr replace {SERVER}/24 dev eth0", "link set eth0 up"], self.server)
        shutil.rmtree(self.run, ignore_errors=True)
        self.new_boot()

    def new_boot(self) -> None:
        """Another boot id from the next start on."""
        self._boot_id.write_text(f"{uuid.uuid4()}\n")

    # ---- asking ----

    @contextmanager
    def ask(self, session: str | None = None) -> Iterator[Client]:
        """A client of the control socket, as the local owner unless there is a session."""
        with Client(self.run / "rsd.sock", session, timeout_s=30 * netns.PATIENCE) as client:
            yield client

    def call(self, verb: str, **args: Any) -> Any:
        """Ask once, over a connection of its own."""
        with self.ask() as client:
            return client.call(verb, **args)

    def commit(self, config: Config, **args: Any) -> Any:
        """Import and commit a configuration."""
        self.call("config.import", text=codec.encode(config).decode())
        return self.call("config.commit", **{"message": "test", **args})

    def running(self) -> Config:
        """The configuration in force."""
        return codec.from_plain(self.call("config.get", which="running"))

    def log(self) -> str:
        """What launcher, rsd and units have said."""
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""

    # ---- what the kernel has ----

    def inside(self, *argv: str) -> str:
        """Run a command in the router's namespace."""
        return netns.command(netns.inside(self.router, list(argv)))

    def snapshot(self) -> dict[str, str]:
        """Everything that a Plan brings about, without what differs between two identical ones."""
        table = self.inside("nft", "-s", "list", "table", "inet", "rs")
        table = re.sub(r"(plan|hooks)_\w+", r"\1", table)
        table = re.sub(r"(& 0x[3b]f000000 [!=]= )0x[0-9a-f]+", r"\1GENERATION", table)
        table = re.sub(r"elements = \{([^}]*)\}", _sorted_elements, table)
        return {
            "nft": "\n\n".join(
                sorted(table.split("\n\n"))
            ),  # chains that are kept come before those that are made anew
            "addresses": "\n".join(sorted(re.sub(r"\s+", " ", line) for line in self._addresses())),
            "masters": "\n".join(sorted(self._masters())),
            "routes": "\n".join(
                sorted(self.inside("ip", "route", "show", "table", "all", "proto", "201").splitlines())
            ),
            "rules": "\n".join(sorted(line.split(":", 1)[1] for line in self.inside("ip", "rule").splitlines())),
            "files": "\n".join(f"{path}: {text}" for path, text in sorted(self._files().items())),
            "units": "\n".join(sorted(self._units())),
        }

    def settled(self) -> dict[str, str]:
        """The snapshot when all units run that should, and no other does any more."""

        def is_settled() -> bool:
            wanted = {unit["name"] for unit in self.call("status")["units"] if unit["running"]}
            return wanted == {path.stem for path in (self.run / "units").glob("*.json")}

        netns.wait_until(is_settled, "the units run")
        return self.snapshot()

    def becomes(self, *wanted: dict[str, str]) -> None:
        """Wait until the snapshot is one of those wanted; fails with the difference to the first."""
        found: list[dict[str, str]] = [{}]

        def is_one_of_them() -> bool:
            found[0] = self.snapshot()
            return found[0] in wanted

        try:
            netns.wait_until(is_one_of_them, "the box is as wanted", 8)
        except TimeoutError as error:
            raise AssertionError(_difference(wanted[0], found[0])) from error

    def _addresses(self) -> list[str]:
        links = json.loads(self.inside("ip", "-j", "-4", "addr"))
        return [f"{link['ifname']} {a['local']}/{a['prefixlen']}" for link in links for a in link.get("addr_info", ())]

    def _masters(self) -> list[str]:
        return [f"{link['ifname']} {link.get('master', '-')}" for link in json.loads(self.inside("ip", "-j", "link"))]

    def _files(self) -> dict[str, str]:
        names = json.loads((self.run / "files.json").read_text())
        return {name: (self.run / name).read_text() for name in names}

    def _units(self) -> list[str]:
        found = []
        for path in sorted((self.run / "units").glob("*.json")):
            purpose = json.loads(path.read_text())
            found.append(f"{path.stem} {' '.join(purpose['argv'])} {self.unit(path.stem) is not None}")
        return found

    # ---- traffic ----

    def ping(self) -> bool:
        """Whether the client reaches the server through the router."""
        argv = netns.inside(self.client, ["ping", "-c1", "-W1", "-n", SERVER])
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    @contextmanager
    def stream(self) -> Iterator[IO[str]]:
        """Fifty packets a second from client to server for as long as the block lasts; lost() reads what was said.

        The block begins when the first is answered: a fastpath that is killed takes along what waits in its queue."""
        argv = netns.inside(self.client, ["ping", "-i0.02", "-W1", "-n", SERVER])
        told = tempfile.TemporaryFile("w+")  # noqa: SIM115 (lost() closes it)
        process = subprocess.Popen(argv, stdout=told, text=True)
        try:
            netns.wait_until(lambda: os.pread(told.fileno(), 4096, 0).count(b"icmp_seq="), "the stream flows")
            yield told
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)


def lost(told: IO[str]) -> int:
    """Packets of an ended stream that were not answered though a later one was: the last may still be under way."""
    with told:
        told.seek(0)
        answered = {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl=", told.read())}
    assert answered, "no packet was answered"
    return max(answered) - len(answered)


def _sorted_elements(listed: re.Match[str]) -> str:
    """The elements of a set in an order of their own: the kernel lists them as its hash has them."""
    return " ".join(sorted(" ".join(element.split()) for element in listed[1].split(",")))


def _difference(wanted: dict[str, str], found: dict[str, str]) -> str:
    lines: list[str] = []
    for part, text in wanted.items():
        lines += difflib.unified_diff(text.splitlines(), found[part].splitlines(), f"{part} wanted", "found", n=1)
    return "\n".join(lines)


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
