"""Taking a company's data along, while it is in use; and the pages alone, for development.

python -m bizlite backup PATH TARGET        copy of the SQLite file, whole and of one moment
python -m bizlite export URL DIRECTORY      one CSV file for each table
python -m bizlite status URL                the firm, its size, users and modules, as JSON
python -m bizlite check URL                 whether the books are sound; the exit code is 1 when they are not
python -m bizlite move URL TARGET_URL       to an empty PostgreSQL database, with a report of both sides
python -m bizlite serve URL                 the pages at http://127.0.0.1:8480/business/, for an administrator
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import peewee

from bizlite.core import database, migrations, registry, transfer


def main(argv: list[str] | None = None) -> int:
    """Runs one command; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="python -m bizlite", description="Takes a company's data along.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (
        ("backup", ("path", "target")),
        ("export", ("url", "directory")),
        ("status", ("url",)),
        ("check", ("url",)),
        ("move", ("url", "target_url")),
        ("serve", ("url",)),
    ):
        command = commands.add_parser(name)
        for word in words:
            command.add_argument(word)
    asked = parser.parse_args(argv)
    if asked.command == "backup":
        transfer.backup(Path(asked.path), Path(asked.target))
        return 0
    if asked.command == "serve":
        return serve(asked.url)
    source = registry.open_company(asked.url)
    if asked.command in ("status", "check"):
        return look(asked.command, source)
    if asked.command == "export":
        print("\n".join(map(str, transfer.export(source, Path(asked.directory)))))
        return 0
    return move(asked.target_url)


def look(command: str, source: peewee.Database) -> int:
    """What there is, or whether it is sound."""
    from bizlite import outside

    folder = Path(source.database).parent if database.is_sqlite(source) else Path.cwd()
    found = outside.check() if command == "check" else outside.status(folder)
    print(json.dumps(found, ensure_ascii=False, indent=2))
    return 0 if found.get("is_sound", True) else 1


def serve(url: str) -> int:
    """The pages by themselves: the router's style sheet lies beside bizlite in the sources."""
    from werkzeug.middleware.shared_data import SharedDataMiddleware
    from werkzeug.serving import run_simple

    from bizlite.web.app import create_app
    from bizlite.web.guard import ADMIN, Who

    app = create_app(url, lambda environ: Who(name="admin", roles=frozenset({ADMIN})))
    look = str(Path(__file__).parents[1] / "webui" / "static")
    run_simple("127.0.0.1", 8480, SharedDataMiddleware(app, {"/static": look}), threaded=True)
    return 0


def move(target_url: str) -> int:
    """Moves the open company; nobody posts meanwhile, and what differs keeps nothing."""
    every = registry.modules()
    target = database.connect(target_url)
    source = database.database.obj
    steps = [("core", migrations.CORE_MIGRATIONS), *((module.name, module.migrations) for module in every)]
    # The target is brought up to date first, by the same migrations: the models are with it for that moment only.
    database.database.initialize(target)
    target.connect(reuse_if_open=True)
    try:
        migrations.migrate(target, steps)
    finally:
        database.database.initialize(source)
    with database.write():
        try:
            report = transfer.move(source, target)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            target.close()
    for line in report:
        print(f"{line.table:28} {line.source[0]:>9} = {line.target[0]:>9}  {line.target[1][:16]}")
    print(f"{sum(line.source[0] for line in report)} rows are the same on both sides.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
