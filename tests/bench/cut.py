"""How soon a live flow dies after the commit that forbids it, in the virtual site with the real product.

Measured from the request of the commit to the end of the client, which gives up as soon as its connection is reset. A
download of another application runs beside it and must not notice. ``python -m tests.bench.cut [--rounds N]``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time

from firmware.client import Client
from tests.bench.figure import Figure
from tests.lab import netns
from tests.lab.site import Site

GOAL_S = 1.0
FORBIDDEN, OTHER = "https://www.douyin.com/stream", "https://www.taobao.com/stream"
NEEDS_BYTES = 100_000
LINE_BPS = 8_000_000


def watch(site: Site, host: str, url: str) -> subprocess.Popen[str]:
    """A download that never ends; returns when it flows."""
    path = site.directory / f"watched-{host}"
    path.unlink(missing_ok=True)
    player = site.popen(host, ["curl", "-sS", "-o", str(path), url])
    netns.wait_until(lambda: path.exists() and path.stat().st_size > NEEDS_BYTES, f"{url} flows")
    return player


def cut_s(site: Site, client: Client, other: subprocess.Popen[str]) -> float:
    player = watch(site, "sales1", FORBIDDEN)
    client.call("config.set", path="policies.cut", value={"position": 1, "action": "block", "applications": ["douyin"]})
    start = time.monotonic()
    client.call("config.commit", message="cut")
    player.communicate(timeout=20)
    spent = time.monotonic() - start
    if player.returncode == 0 or other.poll() is not None:
        raise RuntimeError("the wrong download ended")
    client.call("config.delete", path="policies.cut")
    client.call("config.commit", message="as before")
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with Site(name="cut", wans=1, hosts=2) as site, Client(site.product.run / "rsd.sock") as client:
        site.limit(site.lines[0], LINE_BPS)  # a fast line would fill the client's buffer with what came before
        other = watch(site, "finance1", OTHER)
        try:
            spent = [cut_s(site, client, other) for _ in range(rounds)]
        finally:
            other.kill()
            other.communicate()
    worst = max(spent)
    more = {"worst": round(worst, 3)}
    middle = statistics.median(spent)
    Figure("cut.live_flow", middle, None, "s", GOAL_S, worst <= GOAL_S, rounds=rounds, digits=3, more=more).tell()


if __name__ == "__main__":
    main()
