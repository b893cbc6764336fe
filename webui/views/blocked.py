"""What a person reads whose page was blocked: the block page of the fastpath links here, without TLS and login."""

from __future__ import annotations

import re

from flask import Blueprint, render_template, request

from webui.access import requires

bp = Blueprint("blocked", __name__)

# The link carries the database's identifier; anything else is not repeated on the page.
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,63}")


@bp.get("/blocked")
@requires("public")
def explain() -> str:
    """Say that the site's rules block ``?application=`` and whom to ask."""
    application = request.args.get("application", "")
    known = _IDENTIFIER.fullmatch(application) is not None
    return render_template(
        "blocked/explain.html", application=application if known else "", address=request.remote_addr
    )
