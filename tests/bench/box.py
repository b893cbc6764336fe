"""Memory of the product's Python processes after use, beside a bare Python and a plain Flask on waitress.

PSS, so that what rsd and rsweb share (they are forked from one parent) counts once. Use: every page twice in both
languages in Chromium, with its event stream, and 200 requests of the REST interface. ``python -m tests.bench.box``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from firmware.client import Client
from tests.bench.figure import Figure
from tests.browser.conftest import OWNER, PASSWORD
from tests.browser.person import Person
from tests.browser.test_pages import PAGES
from tests.lab import netns
from tests.lab.site import Site
from webui import catalogue

MB = 1 << 20
BARE = "input()"
PLAIN = """
import threading, flask, waitress
app = flask.Flask("plain")
app.add_url_rule("/", view_func=lambda: "hello")
threading.Thread(target=waitress.serve, args=(app,), kwargs={"listen": "127.0.0.1:0"}, daemon=True).start()
input()
"""


def pss_bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def peer_bytes(program: str) -> int:
    """A Python alone on the machine that does nothing else."""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as process:
        netns.wait_until(lambda: Path(f"/proc/{process.pid}/wchan").read_text() != "0", "it waits")
        settled: list[int] = []

        def is_settled() -> bool:
            settled.append(pss_bytes(process.pid))
            return len(settled) > 20 and len(set(settled[-20:])) == 1

        netns.wait_until(is_settled, "its memory is steady", 30)
        process.kill()
    return settled[-1]


def use(site: Site) -> None:
    for language in ("zh", "en"):
        with Person(site.page_url, language) as person:
            person.log_in(OWNER, PASSWORD)
            for path in list(PAGES.values()) * 2:
                person.open(path.format(mac=site.hosts[0].mac))
    with Client(site.product.run / "rsd.sock") as client:
        token = client.call("token.create", name="bench", role="admin")["token"]
    urls = [f"{site.page_url}/api/v1/{name}" for name in ("status", "hosts", "flows", "lines", "config")] * 40
    asked = [word for url in urls for word in ("-o/dev/null", url)]
    subprocess.run(["curl", "-sfk", "-H", f"Authorization: Bearer {token}", *asked], check=True)


def report(name: str, ours: int, peer: int, goal_mb: int) -> None:
    met = ours <= goal_mb * MB
    Figure(f"box.{name}", ours / MB, peer / MB, "MB PSS", goal_mb, met, is_less=True, digits=1).tell()


def main() -> None:
    catalogue.compile_all()
    bare, plain = peer_bytes(BARE), peer_bytes(PLAIN)
    with Site(name="box", wans=2, hosts=4) as site:
        with Client(site.product.run / "rsd.sock") as client:
            first = (site.product.run / "first-password").read_text().strip()
            client.call("setup.finish", password_first=first, user=OWNER, password=PASSWORD, language="zh")
        use(site)
        (launcher,) = (process.pid for process in site.state.processes if process.name == "product")
        rsd, rsweb = children(launcher)[:2]  # the launcher starts them before it adopts anything
        report("rsd", pss_bytes(rsd), bare, 22)
        report("rsweb", pss_bytes(rsweb), plain, 36)
        report("both", pss_bytes(rsd) + pss_bytes(rsweb), bare + plain, 55)


if __name__ == "__main__":
    main()
