"""Languages: which one a request is answered in, and its texts (gettext domain ``web``, identifiers in English)."""

from __future__ import annotations

from functools import lru_cache
from gettext import NullTranslations, translation
from pathlib import Path

from flask import Flask, Response, g, has_request_context, request

LANGUAGES = {"zh": "中文", "en": "English"}
DIRECTORY = Path(__file__).parent / "translations"
_COOKIE_AGE_S = 365 * 86_400
# What a person may choose for himself; kept in cookies, so that the login page honours it too.
PREFERENCES = {"lang": tuple(LANGUAGES), "theme": ("auto", "light", "dark"), "print": ("normal", "large")}


def install(app: Flask) -> None:
    """Give templates gettext and the person's preferences."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals.update(language=language, preference=preference, languages=LANGUAGES)
    app.after_request(_remember)


def language() -> str:
    """The language of this request: chosen by hand, else the user's, else the browser's, else Chinese."""
    if not has_request_context():
        return "zh"
    if "language" in g:
        return str(g.language)
    chosen = preference("lang") or (g.get("user") or {}).get("language")
    if chosen not in LANGUAGES:
        chosen = request.accept_languages.best_match(("zh", "en", "zh-CN", "en-US"), default="zh")
    return "en" if str(chosen).startswith("en") else "zh"


def preference(name: str) -> str:
    """What the person chose (``?theme=dark`` or its cookie), or the empty string."""
    for value in (request.args.get(name), request.cookies.get(f"rs-{name}")):
        if value in PREFERENCES[name]:
            return value
    return ""


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(code: str) -> NullTranslations:
    # English needs no catalogue: its texts are the identifiers. A page in English is better than none.
    return translation("web", DIRECTORY, [code], fallback=True)


def gettext(message: str) -> str:
    return catalogue(language()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    return catalogue(language()).ngettext(singular, plural, number)


def marked(message: str) -> str:
    """Mark a text for the catalogue where it is translated only later."""
    return message


def _remember(response: Response) -> Response:
    for name, choices in PREFERENCES.items():
        value = request.args.get(name)
        if value in choices and request.endpoint != "static":
            response.set_cookie(
                f"rs-{name}", value, max_age=_COOKIE_AGE_S, secure=request.is_secure, httponly=True, samesite="Strict"
            )
    return response
