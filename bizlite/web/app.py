"""The application: every module's resources as pages below ``/business`` and as REST below ``/api/biz/v1``."""

from __future__ import annotations

import datetime
import hashlib
import importlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from flask import Blueprint, Flask, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.wrappers import Response as BaseResponse

from bizlite.core import company, registry, rights, transfer
from bizlite.core.attachments import LARGEST_BYTES
from bizlite.core.database import database, is_sqlite
from bizlite.core.errors import Forbidden, Missing, Problem, Refused
from bizlite.core.session import CHINA
from bizlite.web import addresses, api, calls, core, guard, keeping, letterhead, listing, pages, reading, tables, texts
from bizlite.web.addresses import ROOT
from bizlite.web.guard import Identify, Off
from bizlite.web.resource import every, views

GUIDE = "bizlite.guide.views"  # found by name, as the modules' views are: it stands on all of them, and they on this
BODY_MAX_BYTES = LARGEST_BYTES + (64 << 10)
SENTENCES = {
    400: texts.marked("The form is too old or not ours. Load the page again."),
    401: texts.marked("Nobody is logged in here. Log in to the router first."),
    403: texts.marked("You may not do this. Ask whoever may give permissions under “Who may what”."),
    404: texts.marked("There is nothing at this address."),
    405: texts.marked("This address does not answer to that method."),
    413: texts.marked("That is too much at once; a file may have up to 5 MB."),
    500: texts.marked("Something went wrong here; the log has the details."),
}


def create_app(
    url: str,
    identify: Identify,
    *,
    folder: Path | None = None,
    zone: datetime.tzinfo = CHINA,
    look: str = "/static/",
    login: str = "",
    logout: tuple[str, Callable[[], str]] | None = None,
    account: str = "",
    people: Callable[[], Sequence[str]] = tuple,
    large: Callable[[str, int], str] = lambda address, max_bytes: address,
    phones: Callable[[], str] = lambda: request.host_url.rstrip("/"),
    rule: type[Rule] = Rule,
) -> Flask:
    """Opens the company at ``url`` and gives its pages.

    ``identify(environ)`` says who asks, by the login of whatever mounts this; there is none here. ``look`` is the
    address of the router's style sheet and icons, ``login`` that of its login page, ``logout`` that which a form with a
    token (``csrf``) is sent to. ``account`` is the page where one changes one's own password. Attachments lie in
    ``folder``, usually beside the SQLite file. ``people`` gives the names of the login's users, where who asks may know
    them. ``large`` gives the address to which so many bytes may be sent, where the server takes that from nobody else.
    ``phones`` gives the address, without a path, at which a phone in the works finds these pages: it is printed in QR
    codes. The business day is that of ``zone``. ``rule`` is what the addresses are made of.
    """
    opened = registry.open_company(url)
    if folder is None:
        folder = Path(opened.database).parent if is_sqlite(opened) else Path.cwd()
    transfer.sweep(folder)
    app = Flask(__name__, static_url_path=f"{ROOT}/static")
    app.url_rule_class = rule
    app.config.update(MAX_CONTENT_LENGTH=BODY_MAX_BYTES, SEND_FILE_MAX_AGE_DEFAULT=365 * 86_400, LOOK=look, LOGIN=login,
                      PEOPLE=people, PHONES=phones, ZONE=zone)  # fmt: skip
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.view_functions["static"] = guard.requires(guard.PUBLIC)(app.view_functions["static"])
    app.jinja_env.globals.update(
        _=texts.in_page, gettext=texts.in_page,
        language=texts.language, languages=texts.LANGUAGES, csrf_token=guard.csrf_token, static=_static,
        said=texts.said, look=look, logout=logout, account=account, menu=core.menu, may_open=core.may_open,
        may=pages.may, address=addresses.address, heads_of=listing.heads,
        list_cells=listing.drawn, args_of=pages.args_of, linked=addresses.linked, company=company.read,
        lines_default=pages.blank_line, limits=reading.limits, files_of=keeping.files_of, place_of=reading.place,
        to_send_to=lambda address: large(address, LARGEST_BYTES), table_cells=tables.drawn,
        table_shown=tables.shown, table_numbers=tables.NUMBERS, table_address=tables.address, table_most=tables.MOST,
    )  # fmt: skip
    app.jinja_env.filters["capfirst"] = lambda text: text[:1].upper() + text[1:]
    guard.install(app, identify)
    page = Blueprint("biz", __name__, url_prefix=ROOT)
    rest = Blueprint("api", __name__, url_prefix=api.ROOT)
    core.register(page)
    keeping.register(page)
    letterhead.register(page)
    for resource in every().values():
        pages.register(page, resource)
        api.register(rest, resource)
    calls.register(rest)
    for blueprint in (page, rest):
        app.register_blueprint(blueprint)
        blueprint.deferred_functions.clear()  # what it noted for another application would be 0.5 MB
    for name, view in views().items():
        if hasattr(view, "bp"):
            app.register_blueprint(view.bp, url_prefix=f"{ROOT}/{name}")
    guide = importlib.import_module(GUIDE)
    guide.install(app, url, folder)
    app.register_blueprint(guide.bp, url_prefix=f"{ROOT}/guide")
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _failed)
    app.after_request(texts.remember)
    app.teardown_appcontext(_rest)
    return app


def _static(name: str) -> str:
    return f"{ROOT}/static/{name}?v={_digest(name)}"


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((Path(__file__).parent / "static" / name).read_bytes()).hexdigest()[:12]


def _rest(_error: BaseException | None) -> None:
    if not database.is_closed() and not database.in_transaction():
        database.close()


def _refused(error: Refused) -> tuple[str | BaseResponse, int]:
    if guard.is_api():
        return api.refused(error)
    status = 403 if isinstance(error, Forbidden) else 404 if isinstance(error, Missing) else 422
    if status == 404 and request.method == "GET":  # an address that was typed, or of what is gone
        return _page(status, texts.gettext(SENTENCES[404]), []), status
    return _page(status, texts.gettext("Nothing was changed."), error.problems), status


def _failed(error: HTTPException) -> tuple[str | BaseResponse, int] | BaseResponse:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    if isinstance(error, Off):
        names = ", ".join(rights.holders_of("core.module.switch"))
        sentence = texts.gettext("The module %(name)s is off. Who may switch it on under Modules: %(names)s.") % {
            "name": getattr(error.module, texts.language()),
            "names": names or texts.gettext("the administrators of the router"),
        }
    else:
        sentence = texts.gettext(SENTENCES.get(status, SENTENCES[400 if status < 500 else 500]))
    if guard.is_api():
        return api.failed(status, sentence)
    return _page(status, sentence, []), status


def _page(status: int, sentence: str, problems: list[Problem]) -> str:
    return render_template("error.html", status=status, sentence=sentence, problems=problems)
