"""An empty company on a database of its own: SQLite in a file, PostgreSQL in a cluster that the run starts.

The tables are made once for each kind and then copied: making them for each test would take longer than the tests.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from bizlite.core import database, registry

BINARIES = Path("/usr/lib/postgresql")
USER = "postgres"
MADE = "made"  # the database that the others are copies of


class Fresh(Protocol):
    """Gives URLs of databases that nobody else uses."""

    def __call__(self, *, bare: bool = False) -> str:
        """One with an empty company, or ``bare``: without a table, with SQLite not even a file."""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Fresh]:
    """Starts a cluster of Debian's PostgreSQL as an unprivileged user."""
    binaries = max(BINARIES.glob("*/bin"))
    home = Path(tempfile.mkdtemp(prefix="biz-pg-"))
    as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.getuid() == 0 else []
    if as_user:
        shutil.chown(home, USER, USER)

    def run(program: str, *argv: str) -> None:
        subprocess.run([*as_user, binaries / program, *argv], check=True, cwd=home, stdout=subprocess.DEVNULL)

    def url(name: str) -> str:
        return f"postgresql://{USER}@/{name}?host={home}"

    def create(name: str, *options: str) -> str:
        run("createdb", "-h", str(home), "-U", USER, *options, name)
        return url(name)

    run("initdb", "-D", f"{home}/data", "-U", USER, "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync")
    options = f"-k {home} -c listen_addresses= -c fsync=off -c shared_buffers=32MB -c max_connections=20"
    run("pg_ctl", "-D", f"{home}/data", "-o", options, "-l", f"{home}/log", "-w", "start")
    make(create(MADE))
    names = (f"company{number}" for number in itertools.count())

    def fresh(*, bare: bool = False) -> str:
        return create(next(names), *([] if bare else ["-T", MADE]))

    yield fresh
    run("pg_ctl", "-D", f"{home}/data", "-m", "immediate", "stop")
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def sqlite() -> Iterator[Fresh]:
    """Files in memory where that is to be had, it is faster."""
    shm = Path("/dev/shm")
    home = Path(tempfile.mkdtemp(prefix="biz-", dir=shm if os.access(shm, os.W_OK) else None))
    made = home / f"{MADE}.db"
    make(f"sqlite://{made}")
    folders = (home / f"company{number}" for number in itertools.count())

    def fresh(*, bare: bool = False) -> str:
        path = next(folders) / "company.db"
        path.parent.mkdir()
        if not bare:
            shutil.copyfile(made, path)
        return f"sqlite://{path}"

    yield fresh
    shutil.rmtree(home)


def make(url: str) -> None:
    """Makes the tables of an empty company."""
    registry.open_company(url)
    leave()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Fresh]:
    """Databases of either kind."""
    yield request.getfixturevalue(request.param)
    leave()


@pytest.fixture
def company(fresh: Fresh) -> None:
    """An empty company is open."""
    registry.open_company(fresh())


def leave() -> None:
    """Closes the database that is open."""
    if database.database.obj is not None:
        database.database.close()
