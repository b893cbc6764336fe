"""A company's data for whoever is not its pages: what there is, whether it is sound, all of it in one file.

``python -m bizlite`` calls it, and the router's daemon in a process of its own (``daemon/business_worker.py``).
"""

from __future__ import annotations

import codecs
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from bizlite import soundness
from bizlite.core import company, registry, transfer
from bizlite.core.database import database, is_sqlite
from bizlite.core.models import Holder

DEMO = ("demo", "ready")  # below the folder, while the demo company is open


def prepare() -> None:
    """Imports what ``run`` needs, for a process that may not read it later."""
    registry.modules()
    for codec in ("utf-8-sig", "cp437"):  # of CSV, of ZIP
        codecs.lookup(codec)


def run(what: str, url: str, folder: Path, out: BinaryIO) -> None:
    """Writes the answer: JSON of ``status`` and ``check``, a ZIP file of ``backup`` and ``export``."""
    opened = registry.open_company(url)
    try:
        match what:
            case "status":
                out.write(json.dumps(status(folder), ensure_ascii=False).encode())
            case "check":
                out.write(json.dumps(check()).encode())
            case "backup":
                transfer.pack(out, opened, folder)
            case "export":
                transfer.pack_tables(out, opened, folder)
            case _:
                raise ValueError(what)
    finally:
        opened.close()


def status(folder: Path) -> dict[str, Any]:
    """The firm's name, what it takes on the disk, who uses it (by roles given there), which modules are on."""
    on = registry.names_on()
    return {
        "name": company.read()["name"],
        "bytes": _bytes(folder),
        "users": Holder.select(Holder.user).distinct().count(),
        "modules": {name: name in on for name in registry.NAMES},
        "demo": folder.joinpath(*DEMO).exists(),
    }


def check() -> dict[str, Any]:
    """Whether the books are sound, point by point."""
    points = soundness.check()
    return {"is_sound": not any(point.problems for point in points), "points": [asdict(point) for point in points]}


def _bytes(folder: Path) -> int:
    files = sum(path.stat().st_size for path in (folder / "attachments").glob("*/*"))
    if not is_sqlite():
        return files + int(database.execute_sql("SELECT pg_database_size(current_database())").fetchone()[0])
    path = Path(database.obj.database)
    return files + sum(p.stat().st_size for p in (path, path.with_name(f"{path.name}-wal")) if p.exists())
