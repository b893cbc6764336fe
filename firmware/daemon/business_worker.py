"""Looks at the business's data for rsd, in a process of its own that is rsweb's account as soon as it has begun.

``what state run database [target]``: JSON is written to the standard output, a file to ``target``, which is opened
while this is root. SQLite opens by path and the state directory is closed to the account, so its folder is shown at
another place to this process alone, as rsweb sees it (``launcher.py``).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from firmware.daemon.business_data import DATABASE, FOLDER, show_within


def main(argv: list[str]) -> int:
    try:
        _run(*argv)
    except Exception as error:  # whatever it is, rsd tells the reason to a person
        print(error or type(error).__name__, file=sys.stderr)
        return 1
    return 0


def _run(what: str, state: str, run: str, url: str, target: str = "") -> None:
    # All of it, since the account may not read the interpreter of a developer.
    from bizlite import outside

    outside.prepare()
    folder, place = Path(state, FOLDER), Path(run, "web", FOLDER)
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    owner = folder.stat()
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) if target else sys.stdout.fileno()
    show_within(folder, place)
    os.setgroups([])
    os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
    os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
    os.umask(0o077)
    with os.fdopen(file, "wb", closefd=bool(target)) as out:
        outside.run(what, url or f"sqlite://{place}/{DATABASE}", place, out)
        out.flush()
        if target:
            os.fsync(file)
