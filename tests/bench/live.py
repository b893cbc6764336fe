"""New connections through NFQUEUE: with the own stages, with libndpi behind them, and with NAT alone.

Twice: connections whose application the own stages know by their first data, and such that nothing knows, for which
libndpi is asked to the end. Measured as in ``forwarding``: per CPU second of all processes that do the work.
``python -m tests.bench.live [--rounds N]``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from firmware.model.plan import PolicyRow
from tests.bench.forwarding import Bench, connections_tool, report, softirq_pids
from tests.kernel.fastpath_site import Site, client_hello

GOAL = 0.95
UNKNOWN = bytes.fromhex("51f00d07") + bytes(range(200))


class Live(Bench):
    """The router, whose fastpath is started anew for each side."""

    def run_with(self, *options: str) -> Callable[[], None]:
        def become() -> None:
            self.site.kill()
            self.site.start(*options)
            self.site.set_policy(PolicyRow(name="no-p2p", action="block", categories=("p2p",)))
            assert self.site.fastpath is not None
            self.watched = [*softirq_pids(), self.site.fastpath.pid]
            self.be_ours()

        return become


def main() -> None:
    """One line for each kind of connection and of recognition."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        tool, hello = connections_tool(Path(folder)), Path(folder) / "hello"
        site.start()
        live = Live(site, tool, hello)
        sides: dict[str, Callable[[], None]] = {
            "own": live.run_with(),
            "with_ndpi": live.run_with("--ndpi"),
            "nat_alone": live.be_peer,
        }
        for kind, payload in (("known", client_hello("www.wechat.com")), ("unknown", UNKNOWN)):
            hello.write_bytes(payload)
            results: dict[str, list[float]] = {name: [] for name in sides}
            for turn in range(rounds + 1):
                names = list(sides) if turn % 2 else list(reversed(sides))
                for name in names:
                    sides[name]()
                    results[name].append(live.connections())
            for name in ("own", "with_ndpi"):
                unit = "connections per CPU second"
                report(f"live.{kind}.{name}", results[name][1:], results["nat_alone"][1:], unit, GOAL)


if __name__ == "__main__":
    main()
