"""Forwarding with recognition, policy and accounting against NAT alone: work per CPU second, interleaved.

One router of namespaces is measured with the product's rules and with masquerading alone, in turn and either first (two
routers side by side differ by more than what is measured). CPU seconds are those of the processes that do the work:
sender and receiver (the kernel forwards in their context), rs-fastpath, and ksoftirqd. So a machine that is busy
otherwise disturbs little; single rounds still differ by a tenth, hence many short ones.
``python -m tests.bench.forwarding [--rounds N]``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware.model.plan import PolicyGroup, PolicyRow
from tests.bench.figure import Figure
from tests.kernel.fastpath_site import CLIENT, SERVER, Site, client_hello
from tests.lab import netns

BULK_BYTES = 500_000_000
CONNECTIONS = 2_500
PORT = 4430
# Where the scheduler puts sender and receiver decides more than what the router does: it is the same in every round.
CLIENT_CPU, SERVER_CPU = "0", "1"
Measure = tuple[str, Callable[[], float], tuple[Callable[[], None], Callable[[], None]], str, float]
NAT_ALONE = """
table inet rs
delete table inet rs
table inet rs {
  chain srcnat {
    type nat hook postrouting priority 100
    oifname "wan0" meta nfproto ipv4 masquerade
  }
}
"""


def cpu_s(pid: int) -> float:
    """What all threads of a living process have run."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def softirq_pids() -> list[int]:
    return [int(p.parent.name) for p in Path("/proc").glob("[0-9]*/comm") if p.read_text().startswith("ksoftirqd")]


class Bench:
    """The router under measure."""

    def __init__(self, site: Site, tool: Path, hello: Path) -> None:
        self.site, self.tool, self.hello = site, tool, hello
        assert site.fastpath is not None
        self.watched = [*softirq_pids(), site.fastpath.pid]

    def be_ours(self) -> None:
        self.site.load_rules(self.site.generation)
        self.site.load_queue()

    def be_peer(self) -> None:
        netns.command(netns.inside(self.site.router, ["nft", "-f", "-"]), NAT_ALONE)
        self.site.unload_queue()

    def have_policies(self, count: int) -> Callable[[], None]:
        """As many policies, and as many hosts by address in their groups; the client is in the last of each."""
        groups = tuple(
            PolicyGroup(name=f"g{n}", ranges=((f"10.{n >> 8}.{n & 255}.1", f"10.{n >> 8}.{n & 255}.1"),))
            for n in range(count - 1)
        )
        own = PolicyGroup(name="own", ranges=((CLIENT, CLIENT),))
        rows = tuple(
            PolicyRow(name=f"p{n}", action="block", groups=(n,), applications=("youku", "douyin")) for n in range(count)
        )
        return lambda: self.site.set_policy(*rows, groups=(*groups, own))

    def bulk(self) -> float:
        """Bytes per CPU second of one TCP stream."""
        with self._server(["iperf3", "-s"], 5201) as server:
            return BULK_BYTES / self._cost(["iperf3", "-c", SERVER, "-n", str(BULK_BYTES), "-J"], server)

    def connections(self) -> float:
        """New connections per CPU second; each sends a ClientHello and reads an answer."""
        with self._server([str(self.tool), "serve", str(PORT)], PORT) as server:
            ask = [str(self.tool), "ask", SERVER, str(PORT), str(self.hello), str(CONNECTIONS)]
            return CONNECTIONS / self._cost(ask, server)

    @contextmanager
    def _server(self, argv: list[str], port: int) -> Iterator[int]:
        process = subprocess.Popen(
            netns.inside(self.site.server, ["taskset", "-c", SERVER_CPU, *argv]), stdout=subprocess.DEVNULL
        )
        try:
            netns.wait_until(lambda: f":{port}" in self.site.run(self.site.server, ["ss", "-Hlnt"]), f"port {port}")
            yield process.pid
        finally:
            process.kill()
            process.wait()

    def _cost(self, argv: list[str], server: int) -> float:
        watched = [*self.watched, server]
        before = sum(map(cpu_s, watched))
        client = subprocess.Popen(
            netns.inside(self.site.client, ["taskset", "-c", CLIENT_CPU, *argv]), stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(client.pid, 0)
        client.returncode = os.waitstatus_to_exitcode(status)
        if client.returncode:
            raise RuntimeError(f"{' '.join(argv)}: exit {client.returncode}")
        return sum(map(cpu_s, watched)) - before + usage.ru_utime + usage.ru_stime


def connections_tool(folder: Path) -> Path:
    """The program of ``connections.c``, compiled into a folder."""
    source, tool = Path(__file__).with_name("connections.c"), folder / "connections"
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", str(source), "-o", str(tool)], check=True)
    return tool


def report(name: str, ours: list[float], peer: list[float], unit: str, goal: float) -> None:
    own, other = statistics.median(ours), statistics.median(peer)
    Figure(name, own, other, unit, goal, own / other >= goal, rounds=len(ours), digits=0).tell()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=61)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        tool, hello = connections_tool(Path(folder)), Path(folder) / "hello"
        hello.write_bytes(client_hello("www.wechat.com"))
        site.start()
        site.set_policy(PolicyRow(name="no-p2p", action="block", categories=("p2p",)))
        bench = Bench(site, tool, hello)
        plain = bench.be_ours, bench.be_peer
        crowd = bench.have_policies(10_000), bench.have_policies(10)
        figures: tuple[Measure, ...] = (
            ("bulk", bench.bulk, plain, "bytes per CPU second", 0.97),
            ("connections", bench.connections, plain, "connections per CPU second", 0.95),
            ("policies_10000_to_10", bench.connections, crowd, "connections per CPU second", 0.85),
        )
        for name, measure, (be_one, be_other), unit, goal in figures:
            bench.be_ours()
            ours: list[float] = []
            peer: list[float] = []
            sides = ((be_one, ours), (be_other, peer))
            for turn in range(rounds + 1):
                for become, results in sides if turn % 2 else reversed(sides):  # neither always comes first
                    become()
                    results.append(measure())
            report(f"forwarding.{name}", ours[1:], peer[1:], unit, goal)  # the first round warms


if __name__ == "__main__":
    main()
