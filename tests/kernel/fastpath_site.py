"""A client, a router with the chains of docs/design/contracts.md and a server: three namespaces around rs-fastpath."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from fastpath.binding.policy import compile_policy, policy_categories
from fastpath.binding.runtime import Runtime
from firmware.kernel import probe
from firmware.model.plan import FastpathTables, PolicyGroup, PolicyRow
from tests.lab import netns

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "fastpath/build/rs-fastpath"
APPS_BIN = ROOT / "fastpath/build/apps.bin"
APPS = policy_categories(json.loads(APPS_BIN.with_suffix(".json").read_text())["applications"])
NUMBER = {app: number for number, app in enumerate(APPS, 1)}
FIRST_PACKETS = 32  # of the rules; rs-fastpath decides by the 8th that it sees

CLIENT, CLIENT_2, CLIENT_6 = "192.0.2.10", "192.0.2.11", "2001:db8:1::10"
SERVER, SERVER_6 = "198.51.100.10", "2001:db8:2::10"
CLIENT_MAC = "02:00:00:00:00:10"
T = TypeVar("T")

# The chains of contracts.md; {g} is the generation, {d} the same with decided, {n} the number of first packets, {queue}
# nft's own statement where the kernel has it.
RULES = """
table inet rs
delete table inet rs
table inet rs {{
  chain wan_choice {{
    type filter hook prerouting priority -150
    ct state new ct mark 0 iifname "lan0" ct mark set 0x1000
    meta mark set ct mark and 0xf000
  }}
  chain first_packets {{
    type filter hook forward priority -160
    meta l4proto tcp ct mark and 0xbf000000 == {d:#010x} return
    ct mark and 0x80000000 == 0 ct packets <= {n} goto to_queue
    ct mark and 0x80000000 != 0 ct mark and 0x3f000000 != {g:#010x} goto to_queue
    udp sport 53 goto to_queue
  }}
  chain to_queue {{
    tcp flags & (syn | ack) == syn | ack return
    meta length <= 80 tcp flags & (syn | fin | rst | psh) == 0 ct mark and 0x80000000 == 0 return
    meta mark set ct mark or 0x40000000
    {queue}
  }}
  chain forward {{
    type filter hook forward priority 0
    meta mark and 0xc0000000 == 0x80000000 ct mark set meta mark
    ct mark and 0x00f00000 == 0x00100000 goto refuse
    ct mark and 0x00f00000 == 0x00200000 drop
    ct state invalid drop
  }}
  chain refuse {{
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }}
  chain srcnat {{
    type nat hook postrouting priority 100
    oifname "wan0" meta nfproto ipv4 masquerade
  }}
}}
"""


class Site:
    """``with`` builds it and always takes it down."""

    def __init__(self, name: str = "fpr", queues: int = 1) -> None:
        name += str(os.getpid())  # two runs of the suite at once do not meet
        self.client, self.router, self.server = (f"{name}{n}" for n in "crs")
        self.queues = queues
        self.has_nft_queue = probe.has_nft_queue()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/dev/shm"))
        self.shm = self.folder / "fastpath.shm"
        self.fastpath: subprocess.Popen[bytes] | None = None
        self.runtime: Runtime = None  # type: ignore[assignment]
        self.generation = 0
        self._servers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Site:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.runtime is not None:
            self.runtime.close()
        for process in [self.fastpath, *self._servers]:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        netns.delete([name for name in (self.client, self.router, self.server) if name in netns.existing(name)])
        shutil.rmtree(self.folder)

    def _build(self) -> None:
        netns.add([self.client, self.router, self.server])
        for name in (self.client, self.router, self.server):
            netns.sysctl(name, net__ipv6__conf__all__accept_dad="0", net__ipv6__conf__default__accept_dad="0")
        netns.batch([
            f"link add lan0 netns {self.router} type veth peer name eth0 address {CLIENT_MAC} netns {self.client}",
            f"link add wan0 netns {self.router} type veth peer name eth0 netns {self.server}",
        ])  # fmt: skip
        self._address(self.client, "eth0", [f"{CLIENT}/24", f"{CLIENT_2}/24", f"{CLIENT_6}/64"])
        self._address(self.router, "lan0", ["192.0.2.1/24", "2001:db8:1::1/64"])
        self._address(self.router, "wan0", ["198.51.100.1/24", "2001:db8:2::1/64"])
        self._address(self.server, "eth0", [f"{SERVER}/24", f"{SERVER_6}/64"])
        netns.batch(["route add default via 192.0.2.1", "route add default via 2001:db8:1::1"], self.client)
        netns.batch(["route add default via 2001:db8:2::1"], self.server)
        netns.sysctl(
            self.router, net__ipv4__ip_forward="1", net__ipv6__conf__all__forwarding="1",
            net__netfilter__nf_conntrack_acct="1", net__netfilter__nf_conntrack_events="1",
        )  # fmt: skip
        self.load_rules(0)
        self.load_queue()
        for name, address in ((self.client, "192.0.2.1"), (self.server, "198.51.100.1")):
            netns.wait_until(lambda n=name, a=address: self._reaches(n, a), f"{name} reaches {address}")
        self._serve()

    def _address(self, name: str, device: str, addresses: list[str]) -> None:
        lines = [f"address add {a} dev {device} {'nodad' if ':' in a else ''}" for a in addresses]
        netns.batch([*lines, f"link set {device} up"], name)

    def _reaches(self, name: str, address: str) -> bool:
        done = subprocess.run(netns.inside(name, ["ping", "-c1", "-W1", address]), capture_output=True, check=False)
        return done.returncode == 0

    def _serve(self) -> None:
        ready = self.folder / "ready"
        command = [sys.executable, str(ROOT / "tests/kernel/fastpath_peer.py"), str(ready)]
        self._servers.append(subprocess.Popen(netns.inside(self.server, command)))
        netns.wait_until(ready.exists, "the server listens")

    # -- the router ---------------------------------------------------------------------------------------------------

    def load_rules(self, generation: int) -> None:
        last = "" if self.queues == 1 else f"-{self.queues - 1}"
        queue = f"meta mark and 0x40000000 != 0 queue flags bypass to 0{last}" if self.has_nft_queue else ""
        text = RULES.format(g=generation << 24, d=generation << 24 | 1 << 31, n=FIRST_PACKETS, queue=queue)
        netns.command(netns.inside(self.router, ["nft", "-f", "-"]), text)
        self.generation = generation

    def load_queue(self) -> None:
        """What stands for nft's queue statement on a kernel that has only iptables' target."""
        if self.has_nft_queue:
            return
        number = ("--queue-num", "0") if self.queues == 1 else ("--queue-balance", f"0:{self.queues - 1}")
        marked = ["-m", "mark", "--mark", "0x40000000/0x40000000", "-j", "NFQUEUE", *number, "--queue-bypass"]
        for tool in ("iptables-nft", "ip6tables-nft"):
            self.run(self.router, [tool, "-w", "-t", "mangle", "-F", "FORWARD"])
            self.run(self.router, [tool, "-w", "-t", "mangle", "-A", "FORWARD", *marked])

    def unload_queue(self) -> None:
        """Not even the tables of iptables are left (a queue of nft goes with its rules)."""
        if self.has_nft_queue:
            return
        text = "".join(f"table {family} mangle\ndelete table {family} mangle\n" for family in ("ip", "ip6"))
        netns.command(netns.inside(self.router, ["nft", "-f", "-"]), text)

    def start(self, *options: str) -> None:
        """Starts rs-fastpath and waits until it reads its queues."""
        arguments = [str(PROGRAM), "--shm", str(self.shm), "--queues", str(self.queues), "--flows", "4096", *options]
        self.fastpath = subprocess.Popen(netns.inside(self.router, arguments))
        netns.wait_until(self.is_reading, "rs-fastpath reads its queues")
        if self.runtime is None:
            self.runtime = Runtime(self.shm)

    def is_reading(self) -> bool:
        assert self.fastpath is not None
        assert self.fastpath.poll() is None, "rs-fastpath has ended"
        text = self.run(self.router, ["cat", "/proc/net/netfilter/nfnetlink_queue"])
        return len(text.splitlines()) == self.queues

    def kill(self) -> None:
        assert self.fastpath is not None
        self.fastpath.send_signal(signal.SIGKILL)
        self.fastpath.wait()

    def set_policy(
        self, *rows: PolicyRow, groups: tuple[PolicyGroup, ...] = (), url: str = "", rules: bool = True
    ) -> None:
        """The next generation: the table first, then the rules, as rsd does it."""
        generation = (self.generation + 1) % 64
        tables = FastpathTables(
            groups=groups, rows=rows, local_networks=("192.0.2.0/24", "2001:db8:1::/64"), block_page_url=url
        )
        blob = compile_policy(tables, APPS, generation)
        self.runtime.set_tables(blob, None if (self.folder / "apps.bin").exists() else APPS_BIN)
        if rules:
            self.load_rules(generation)

    def run(self, name: str, argv: list[str]) -> str:
        return netns.command(netns.inside(name, argv))

    def in_router(self, function: Callable[[], T]) -> T:
        return within(self.router, function)

    def mark_of(self, port: int) -> int:
        """The ct mark of the flow from the client's port; 0 when there is none."""
        for line in self.run(self.router, ["conntrack", "-L", "-p", "tcp", "-o", "id"]).splitlines():
            words = dict(word.split("=", 1) for word in reversed(line.split()) if "=" in word)
            if words.get("sport") == str(port):
                return int(words.get("mark", "0"))
        return 0

    # -- the client ---------------------------------------------------------------------------------------------------

    @contextmanager
    def connection(self, port: int = 443, source: str = CLIENT) -> Iterator[socket.socket]:
        """A TCP connection through the router."""
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        target = SERVER_6 if ":" in source else SERVER

        def connect() -> socket.socket:
            end = socket.socket(family)
            try:
                end.settimeout(5 * netns.PATIENCE)
                end.bind((source, 0))
                end.connect((target, port))
            except OSError:
                end.close()
                raise
            return end

        end = within(self.client, connect)
        try:
            yield end
        finally:
            end.close()


def within(namespace: str, function: Callable[[], T]) -> T:
    """The function's result, called by a thread that lives in the namespace."""
    result: list[Any] = []

    def run() -> None:
        try:
            netns.enter(namespace)
            result.append((True, function()))
        except BaseException as error:  # handed to the caller, whatever it is
            result.append((False, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    is_good, value = result[0]
    if not is_good:
        raise value
    return value  # type: ignore[no-any-return]


def client_hello(name: str) -> bytes:
    """What OpenSSL sends first for that server name."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake cannot be finished without a peer")


def exchange(end: socket.socket, data: bytes) -> bytes:
    """Sends and reads as much back: the peer echoes."""
    end.sendall(data)
    answer = b""
    while len(answer) < len(data):
        part = end.recv(65536)
        if not part:
            raise ConnectionResetError("closed")
        answer += part
    return answer
