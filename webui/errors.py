"""Every failure as a calm page: what happened, what it means, what to do."""

from __future__ import annotations

import logging
from http import HTTPStatus

from flask import Flask, current_app, make_response, render_template, request
from flask import Response as PageResponse
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from firmware.client import Busy, Conflict, Forbidden, Invalid, NotFound, Refused, Unauthenticated, Unavailable
from webui.i18n import gettext, language, marked
from webui.security import clear_session, login_redirect

RETRY_S = 3
log = logging.getLogger(__name__)

_STATUS = {Invalid: 422, Forbidden: 403, NotFound: 404, Conflict: 409, Busy: 503}
_WORDS = {
    400: (marked("This form is no longer valid"), marked("Go back, reload the page and try again.")),
    403: (marked("You may not do this"), marked("Ask the owner for the permission, or log in as another user.")),
    404: (marked("There is nothing here"), marked("It may have been removed or renamed.")),
    405: (marked("This address is not for opening"), marked("Start again from the overview.")),
    409: (marked("Somebody else changed something meanwhile"), marked("Look at the changes again, then apply them.")),
    413: (marked("That is too much at once"), marked("The router takes up to 1 MB in one go.")),
    422: (marked("The router cannot use this"), marked("Go back and correct it; nothing has been changed.")),
    500: (marked("Something went wrong on the router"), marked("Try again; the log has the details.")),
    503: (marked("The router is busy"), marked("This page tries again by itself. Traffic is not affected.")),
    507: (
        marked("The business is closed"),
        marked(
            "The disk does not take what is written any more, and what is entered would be lost. What was entered "
            "before is still on it: save a backup with the business data, replace the disk, and restore it there."
        ),
    ),
}  # fmt: skip


# A form that was sent is not sent again by itself: what was typed would be lost, or done twice.
_SEND_AGAIN = marked("Wait a moment, go back and try again. Traffic is not affected.")


def install(app: Flask) -> None:
    app.register_error_handler(Unavailable, away)
    app.register_error_handler(Unauthenticated, _unauthenticated)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _fault)


def page(status: int, *, detail: str = "", retry_s: int | None = None) -> PageResponse:
    """The error page of ``status``; it needs neither rsd nor a session."""
    title, advice = _WORDS.get(status, (HTTPStatus(status).phrase, ""))
    if status == 503 and not retry_s:
        advice = _SEND_AGAIN
    words = {"title": gettext(title), "advice": gettext(advice)}
    response = make_response(render_template("errors/error.html", **words, detail=detail, retry_s=retry_s))
    response.status_code = status
    if retry_s:
        response.headers["Retry-After"] = str(retry_s)
    return response


def away(error: Unavailable) -> PageResponse:
    """rsd does not answer: a page that comes back by itself, but not instead of a form that was sent."""
    log.warning("rsd: %s", error)
    if request.method == "GET":
        response = make_response(render_template("errors/away.html", retry_s=RETRY_S), 503)
    else:
        response = page(503)
    response.headers["Retry-After"] = str(RETRY_S)
    return response


def _unauthenticated(_error: Unauthenticated) -> Response:
    try:
        response = login_redirect()
    except HTTPException as refusal:
        response = _http(refusal)
    clear_session(response)
    return response


def _refused(error: Refused) -> Response:
    from firmware.model.text import problem_text, translate

    status = _STATUS.get(type(error), 500)
    if status == 500:
        log.error("rsd: %s", error)
    words = [problem_text(language(), problem) for problem in error.problems]
    detail = "\n".join(words or [translate(language(), error.message, error.params)])
    return page(status, detail=detail, retry_s=RETRY_S if status == 503 and request.method == "GET" else None)


def _http(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()
    if request.path.startswith("/api/"):
        # The API's own handlers answer below its blueprint; this is for addresses and methods that do not exist.
        from webui.api.errors import of_http

        return of_http(error)
    view = current_app.view_functions.get(request.endpoint or "")
    words = getattr(view, "too_large", "") if error.code == 413 else ""
    return page(error.code or 500, detail=gettext(words) if words else "")


def _fault(error: Exception) -> Response:
    log.error("fault in %s", request.path, exc_info=error)
    return page(500)
