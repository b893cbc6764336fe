"""Forwarding with recognition, policy and accounting against NAT alone: work per CPU second, interleaved.

Two routers of namespaces stand side by side; each round measures the one and the other. CPU seconds are those of the
processes that do the work: sender and receiver (the kernel forwards in their context), rs-fastpath, and ksoftirqd.
So a machine that is busy otherwise disturbs little. ``python -m tests.bench.forwarding [--rounds N]``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware.model.plan import PolicyRow
from tests.kernel.fastpath_site import SERVER, Site, client_hello
from tests.lab import netns

BULK_BYTES = 1_500_000_000
CONNECTIONS = 5_000
PORT = 4430
NAT_ALONE = """
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
    """One router under measure."""

    def __init__(self, site: Site, tool: Path, hello: Path) -> None:
        self.site, self.tool, self.hello = site, tool, hello
        self.watched = softirq_pids() + ([site.fastpath.pid] if site.fastpath else [])

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
        process = subprocess.Popen(netns.inside(self.site.server, argv), stdout=subprocess.DEVNULL)
        try:
            netns.wait_until(lambda: f":{port}" in self.site.run(self.site.server, ["ss", "-Hlnt"]), f"port {port}")
            yield process.pid
        finally:
            process.kill()
            process.wait()

    def _cost(self, argv: list[str], server: int) -> float:
        watched = [*self.watched, server]
        before = sum(map(cpu_s, watched))
        client = subprocess.Popen(netns.inside(self.site.client, argv), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(client.pid, 0)
        client.returncode = os.waitstatus_to_exitcode(status)
        if client.returncode:
            raise RuntimeError(f"{' '.join(argv)}: exit {client.returncode}")
        return sum(map(cpu_s, watched)) - before + usage.ru_utime + usage.ru_stime


def report(name: str, ours: list[float], peer: list[float], unit: str, goal: float) -> None:
    ratio = statistics.median(a / b for a, b in zip(ours, peer, strict=True))
    line = {
        "name": f"forwarding.{name}", "ours": round(statistics.median(ours)), "peer": round(statistics.median(peer)),
        "ratio": round(ratio, 3), "unit": unit, "rounds": len(ours), "goal": goal, "met": ratio >= goal,
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, Site("fprx") as ours, Site("fpry", queue=False) as peer:
        tool, hello = Path(folder) / "connections", Path(folder) / "hello"
        source = Path(__file__).with_name("connections.c")
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", str(source), "-o", str(tool)], check=True)
        hello.write_bytes(client_hello("www.wechat.com"))
        netns.command(netns.inside(peer.router, ["nft", "flush", "ruleset"]))
        netns.command(netns.inside(peer.router, ["nft", "-f", "-"]), NAT_ALONE)
        ours.start()
        ours.set_policy(PolicyRow(name="no-p2p", action="block", categories=("p2p",)))
        benches = Bench(ours, tool, hello), Bench(peer, tool, hello)
        figures: tuple[tuple[str, Callable[[Bench], float], str, float], ...] = (
            ("bulk", Bench.bulk, "bytes per CPU second", 0.95),
            ("connections", Bench.connections, "connections per CPU second", 0.90),
        )
        for name, measure, unit, goal in figures:
            for bench in benches:
                measure(bench)  # warm
            pairs = [tuple(measure(bench) for bench in benches) for _ in range(rounds)]
            report(name, [pair[0] for pair in pairs], [pair[1] for pair in pairs], unit, goal)


if __name__ == "__main__":
    main()
