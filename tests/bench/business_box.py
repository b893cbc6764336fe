"""Memory of rsd and rsweb with the business and all its modules on, after eight people have worked in it at once.

PSS as in ``box``, whose use of the router's own pages comes first. Then REST makes rows, and eight threads ask for
lists, documents, forms, searches and REST of every resource. ``python -m tests.bench.business_box [--requests N]``.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import re
import ssl
import sysconfig
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from bizlite.web.resource import every
from buildroot.dev import distributions
from firmware.client import Client
from tests.bench.box import MB, children, pss_bytes, use
from tests.bench.figure import Figure
from tests.browser.conftest import OWNER, PASSWORD
from tests.lab.site import Site
from webui import catalogue

PEOPLE, ROWS, GOAL_MB = 8, 200, 68
ROOT = Path(__file__).parents[2]


class Program:
    """Asks with a token, over connections that nobody checks the certificate of."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._context = ssl.create_default_context()
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE

    def __call__(self, path: str, body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        asked = urllib.request.Request(self._url + path, data, headers)
        with urllib.request.urlopen(asked, context=self._context) as answer:
            return bytes(answer.read())


def fill(ask: Program) -> None:
    for n in range(ROWS):
        ask("/api/biz/v1/finance/party", {"code": f"C{n}", "name": f"Works {n}", "is_customer": True})
        ask("/api/biz/v1/stock/item", {"code": f"I{n}", "name": f"Part {n}", "unit": "pcs"})
        lines = [{"account": "1001", "debit": n + 1}, {"account": "5001", "credit": n + 1}]
        made = json.loads(ask("/api/biz/v1/finance/entry", {"date": "2026-11-27", "lines": lines}))
        ask(f"/api/biz/v1/finance/entry/{made['id']}/post", {"version": 1})


def places() -> Iterator[str]:
    """Addresses of every module, over and over."""
    yield from ("/business/", "/business/search?q=Works", "/business/modules", "/business/rights")
    for resource in every().values():
        at = f"{resource.module}/{resource.noun}"
        yield from (f"/business/{at}", f"/business/{at}.csv", f"/api/biz/v1/{at}?limit=200", f"/business/{at}?q=1")
        if resource.create:
            yield f"/business/{at}/new"
        if resource.key.name == "id":
            yield from (f"/business/{at}/1", f"/api/biz/v1/{at}/2")


def work(ask: Program, count: int) -> list[float]:
    """Seconds of each answer; a place whose row is not there counts as well."""
    took: list[float] = []

    def one(number: int) -> None:
        for path in islice(cycle(places()), number * 7, number * 7 + count):
            began_s = time.perf_counter()
            try:
                ask(path)
            except urllib.error.HTTPError as error:
                if error.code not in (404,):
                    raise
            took.append(time.perf_counter() - began_s)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(took) < PEOPLE * count:
        raise RuntimeError("somebody's work failed")
    return sorted(took)


def as_on_the_box(folder: Path) -> None:
    """Lets what is started from here on find the packages of the image, no others, and bytecode for -OO of all.

    Compiled at run time peewee alone takes 20 MB more, and where it finds PostgreSQL's driver another 1.4.
    """
    distributions.copy(ROOT / "pyproject.toml", folder)
    (folder / "psycopg2.py").write_text("raise ImportError('it is not in the image')\n")
    unused = re.compile(r"/(test|tests|site-packages|idlelib|lib2to3|tkinter)/")
    for place in (folder, sysconfig.get_path("stdlib"), *(ROOT / name for name in ("bizlite", "firmware", "webui"))):
        compileall.compile_dir(place, quiet=1, optimize=2, rx=unused)
    compileall.compile_dir(ROOT / "fastpath/binding", quiet=1, optimize=2)
    os.environ["PYTHONPATH"] = str(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="of each person")
    count = parser.parse_args().requests
    catalogue.compile_all()
    with tempfile.TemporaryDirectory() as packages:
        Path(packages).chmod(0o755)  # rsweb is nobody in particular
        as_on_the_box(Path(packages))
        measure(count)


def measure(count: int) -> None:
    """Says what rsd and rsweb take together, before and after the work."""
    with Site(name="bizbox", wans=2, hosts=4) as site:
        with Client(site.product.run / "rsd.sock") as client:
            first = (site.product.run / "first-password").read_text().strip()
            client.call("setup.finish", password_first=first, user=OWNER, password=PASSWORD, language="zh")
            client.call("config.set", path="business.enabled", value=True)
            client.call("config.commit", message="business")
            token = client.call("token.create", name="bench-biz", role="admin")["token"]
        use(site)
        ask = Program(site.page_url, token)
        (launcher,) = (process.pid for process in site.state.processes if process.name == "product")
        rsd, rsweb = children(launcher)[:2]
        off = pss_bytes(rsd) + pss_bytes(rsweb)
        fill(ask)
        took = work(ask, count)
        both = pss_bytes(rsd) + pss_bytes(rsweb)
        more = {"rsweb": round(pss_bytes(rsweb) / MB, 1), "answer_p95_s": round(took[len(took) * 95 // 100], 3)}
        Figure("box.business", both / MB, off / MB, "MB PSS, beside the same without the business", GOAL_MB,
               both <= GOAL_MB * MB, True, len(took), 1, more).tell()  # fmt: skip


if __name__ == "__main__":
    main()
