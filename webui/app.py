"""The page's application factory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flask import Flask, url_for

from webui import bar, errors, figures, i18n, security, uploads, words
from webui.access import allows, requires
from webui.live import Hub
from webui.router import NamesShelf, close_router
from webui.rules import LateRule

BODY_MAX_BYTES = 1 << 20
VIEWS = ("session", "setup", "blocked", "dashboard", "hosts", "groups", "control", "schedules", "recognition",
         "lines", "bandwidth", "lans", "prefixes", "revisions", "changes", "system", "backup", "update", "tools",
         "users",
         "live")  # fmt: skip


def create_app(config: Mapping[str, Any]) -> Flask:
    """Build the page. ``RUN_DIR`` is rsd's run directory, ``RSD_SOCKET`` its socket when it is elsewhere."""
    app = Flask(__name__)
    app.url_rule_class = LateRule
    run_dir = Path(config["RUN_DIR"])
    app.config.update(
        MAX_CONTENT_LENGTH=BODY_MAX_BYTES,
        MAX_FORM_MEMORY_SIZE=BODY_MAX_BYTES,
        SEND_FILE_MAX_AGE_DEFAULT=365 * 86_400,
        RSD_SOCKET=run_dir / "rsd.sock",
        CA_FILE=run_dir / "ca.crt",
        **config,
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.view_functions["static"] = requires("public")(app.view_functions["static"])
    app.extensions["names"] = NamesShelf()
    app.extensions["live"] = Hub(app.config["RSD_SOCKET"])
    uploads.install(app, Path(config.get("UPLOADS") or run_dir / "web" / "uploads"))
    i18n.install(app)
    figures.install(app)
    security.install(app)
    bar.install(app)
    errors.install(app)
    app.teardown_appcontext(close_router)
    app.jinja_env.globals.update(static=_static_url, allows=allows, words=words)
    for name in VIEWS:
        app.register_blueprint(import_module(f"webui.views.{name}").bp)
    if find_spec("webui.api.bp"):
        app.register_blueprint(import_module("webui.api.bp").bp)
    return app


def _static_url(name: str) -> str:
    """The address of a static file with a digest, so that browsers may keep it for ever."""
    return url_for("static", filename=name, v=_digest(name))


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((Path(__file__).parent / "static" / name).read_bytes()).hexdigest()[:12]
