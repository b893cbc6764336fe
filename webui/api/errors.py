"""The one error shape: ``{"error": {"code", "message", "problems": [{path, message, value, remedy, severity}]}}``."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from flask import Response, jsonify
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from firmware.client import Busy, Conflict, Forbidden, Invalid, NotFound, Refused, Unauthenticated, Unavailable
from firmware.model.problem import Problem
from firmware.model.text import translate
from webui.i18n import language

log = logging.getLogger(__name__)

RETRY_S = 3
_STATUS = {Invalid: 422, Forbidden: 403, Unauthenticated: 401, Conflict: 409, NotFound: 404, Busy: 503}
_OF_STATUS = {
    400: ("invalid", "The request cannot be understood."),
    401: ("unauthenticated", "Send a token (Authorization: Bearer ...) or log in."),
    403: ("forbidden", "This may not be done from here."),
    404: ("not_found", "There is nothing at this address; see /api/v1/openapi.json."),
    405: ("method_not_allowed", "This address does not answer to that method."),
    413: ("too_large", "That is too much at once; the router takes up to 1 MB."),
    415: ("unsupported_media_type", "The body must be JSON (Content-Type: application/json)."),
    500: ("internal", "Something went wrong on the router; its log has the details."),
    503: ("unavailable", "The router's daemon does not answer; try again in a moment."),
    507: (
        "not_kept",
        "The disk does not take what is written any more, so the business is closed: save a backup, replace the disk.",
    ),
}


def answer(
    status: int, code: str, message: str, problems: Iterable[Problem] = (), *, retry_s: float | None = None
) -> Response:
    """An error in the shape of this API; ``message`` is in the reader's language already."""
    response = jsonify(
        error={"code": code, "message": message, "problems": [problem_row(problem) for problem in problems]}
    )
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="rs"'
    if retry_s is not None:
        response.headers["Retry-After"] = str(max(1, round(retry_s)))
    return response


def problem_row(problem: Problem) -> dict[str, str]:
    """A problem in the reader's language."""
    return {
        "path": problem.path,
        "message": translate(language(), problem.message, problem.params),
        "value": problem.value,
        "remedy": translate(language(), problem.remedy, problem.params),
        "severity": problem.severity,
    }


def of_status(status: int) -> Response:
    """The error for an HTTP status, where nothing more is known."""
    code, message = _OF_STATUS.get(status, _OF_STATUS[400 if status < 500 else 500])
    return answer(status, code, translate(language(), message), retry_s=RETRY_S if status == 503 else None)


def of_http(error: HTTPException) -> Response:
    """What Flask and werkzeug raise: unknown addresses, wrong methods, bodies that are too large."""
    response = of_status(error.code or 500)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def of_refusal(error: Refused) -> Response:
    """What rsd refuses."""
    status = _STATUS.get(type(error), 500)
    if status == 500:
        log.error("rsd: %s", error)
    retry_s = error.retry_s if error.retry_s is not None else RETRY_S if status == 503 else None
    return answer(
        status, error.code, translate(language(), error.message, error.params), error.problems, retry_s=retry_s
    )


def of_absence(error: Unavailable) -> Response:
    log.warning("rsd: %s", error)
    return of_status(503)


def of_fault(error: Exception) -> Response:
    log.error("fault", exc_info=error)
    return of_status(500)
