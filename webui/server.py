"""rsweb: the page behind waitress, on a unix socket that the TLS front (lighttpd) proxies to."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import stat
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from webui.live import READERS_MAX

# A thread answers a page in some milliseconds; the live streams hold one each for as long as they last.
THREADS = 4 + READERS_MAX
CONNECTIONS_MAX = 64
_M_ARENA_MAX = -8  # malloc.h


def main(
    run_dir: Path,
    listen: str | None = None,
    before_serving: Callable[[], None] = lambda: None,
    uploads: Path | None = None,
    business: Path | None = None,
) -> None:
    """Serve until ended; ``listen`` (``host:port``) is for development, else ``RUN/web/rsweb.sock``.

    ``before_serving`` is called when everything is loaded and bound: the launcher drops its privileges there.
    ``uploads`` is the folder for large files that are sent, ``business`` that of the business's data.
    """
    from waitress import create_server
    from waitress.channel import HTTPChannel

    from webui.app import BODY_MAX_BYTES, create_app
    from webui.business import Business
    from webui.uploads import parser_class

    _preload()
    _keep_memory_together()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    # Neither a reader who leaves nor more requests than threads is news.
    logging.getLogger("waitress").setLevel(logging.ERROR)
    where: dict[str, Any] = {"listen": listen}
    if listen is None:
        path = run_dir / "web" / "rsweb.sock"
        path.unlink(missing_ok=True)
        # The front's headers are believed because only the front can open the socket.
        where = {
            "unix_socket": str(path),
            "unix_socket_perms": "660",
            "trusted_proxy": "*",
            "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
            "trusted_proxy_count": 1,
            "clear_untrusted_proxy_headers": True,
        }
    app = create_app({"RUN_DIR": run_dir, "UPLOADS": uploads})
    app.wsgi_app = Business(app, business or run_dir / "web" / "business")  # type: ignore[assignment, method-assign]
    HTTPChannel.parser_class = parser_class(app.extensions["uploads"])
    server = create_server(
        app,
        threads=THREADS,
        connection_limit=CONNECTIONS_MAX,
        backlog=128,
        channel_timeout=60,
        cleanup_interval=15,
        max_request_body_size=BODY_MAX_BYTES + (64 << 10),  # Flask answers up to here with a page that says why
        max_request_header_size=32 << 10,
        ident="",
        **where,
    )
    before_serving()
    server.run()


def _preload() -> None:
    """Import what answers would import late: later the privileges are gone and Python's files may be root's."""
    for name in ("zoneinfo", "encodings.idna", "encodings.unicode_escape", "encodings.utf_8_sig", "jinja2.debug"):
        import_module(name)
    # On a box Python's files are everybody's; where a developer's lie in a closed home, what segno needs to print a QR
    # code is imported too, which takes a megabyte.
    if not all(folder.stat().st_mode & stat.S_IXOTH for folder in Path(os.__file__).resolve().parents):
        import_module("gzip")
        import_module("xml.sax.saxutils")


def _keep_memory_together() -> None:
    """Let all threads allocate from one arena: glibc's arena per thread cost 7 MB of 37 with twelve threads."""
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m webui.server", description=__doc__)
    run_dir = Path(os.environ.get("RS_RUN", "/run/rs"))
    parser.add_argument("--run", type=Path, default=run_dir, help="rsd's run directory")
    parser.add_argument("--listen", metavar="HOST:PORT", help="listen there instead of on RUN/web/rsweb.sock")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    main(arguments.run, arguments.listen)
