"""Languages: which one a request is answered in, and its texts (gettext domain ``biz``, identifiers in English)."""

from __future__ import annotations

from functools import lru_cache
from gettext import NullTranslations, translation
from pathlib import Path

from flask import Response, g, has_request_context, request

from bizlite.core import rights
from bizlite.core.errors import Problem, marked

LANGUAGES = {"zh": "中文", "en": "English"}
__all__ = ["LANGUAGES", "gettext", "in_page", "language", "marked", "remember", "said", "said_in"]

COOKIE, COOKIE_AGE_S = "rs-lang", 365 * 86_400  # the router's own, so that one choice holds for both
DIRECTORY = Path(__file__).parent / "translations"


def language() -> str:
    """The language of this request: chosen by hand (the router's cookie), the user's, the browser's, else Chinese."""
    if not has_request_context():
        return "zh"
    if "language" not in g:
        g.language = _chosen()
    return str(g.language)


def _chosen() -> str:
    who = g.get("who")
    for chosen in (request.args.get("lang"), request.cookies.get(COOKIE), who.language if who else ""):
        if chosen in LANGUAGES:
            return str(chosen)
    best = request.accept_languages.best_match(("zh", "en", "zh-CN", "en-US"), default="zh")
    return "en" if str(best).startswith("en") else "zh"


def remember(response: Response) -> Response:
    """Keeps the language that was chosen by hand for the pages behind."""
    chosen = request.args.get("lang")
    if chosen in LANGUAGES and request.endpoint != "static":
        response.set_cookie(
            COOKIE, chosen, max_age=COOKIE_AGE_S, secure=request.is_secure, httponly=True, samesite="Strict"
        )
    return response


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(code: str) -> NullTranslations:
    """English needs none: its texts are the identifiers."""
    return translation("biz", DIRECTORY, [code], fallback=True)


def said_in(code: str, message: str) -> str:
    """A text in a language that is not the request's."""
    return catalogue(code).gettext(message)


def gettext(message: str) -> str:
    return catalogue(language()).gettext(message) if message else ""


def in_page(message: str, **params: object) -> str:
    """A text for a template. It is a plain one, so that Jinja escapes it: a word that is looked up may be a user's own.

    (Jinja's own callables say of every text that it is safe, and read a percent sign in it as a place.)
    """
    text = gettext(message)
    return text % params if params else text


def said(problem: Problem) -> dict[str, str]:
    """A problem in the reader's language; a permission by its words, as on "Who may what"."""
    params = dict(problem.params)
    if "permission" in params:
        params["permission"] = gettext(rights.words().get(params["permission"], "")) or params["permission"]
    return {
        "field": problem.field,
        "message": gettext(problem.message) % params,
        "remedy": gettext(problem.remedy) % params,
        "value": problem.value,
    }
