"""Looks at the business's data for rsd, in a process of its own that is rsweb's account as soon as it has begun.

``what state run database [target]``: JSON is written to the standard output, a file to ``target``, which is opened
while this is root. SQLite opens by path and the state directory is closed to the account, so its folder is shown at
another place to this process alone, as rsweb sees it (``launcher.py``).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from firmware.daemon.business_data import DATABASE, FOLDER
from firmware.daemon.launcher import show_within


def main(argv: list[str]) -> int:
    what, state, run, url, *targets = argv
    # All of it, since the account may not read the interpreter of a developer.
    from bizlite import outside

    outside.prepare()
    folder, place = Path(state, FOLDER), Path(run, "web", FOLDER)
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    owner = folder.stat()
    file = os.open(targets[0], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) if targets else sys.stdout.fileno()
    show_within(folder, place)
    os.setgroups([])
    os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
    os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
    os.umask(0o077)
    try:
        with os.fdopen(file, "wb", closefd=bool(targets)) as out:
            outside.run(what, url or f"sqlite://{place}/{DATABASE}", place, out)
            out.flush()
            if targets:
                os.fsync(file)
    except Exception as error:  # whatever it is, rsd tells the reason to a person
        print(error or type(error).__name__, file=sys.stderr)
        return 1
    return 0
