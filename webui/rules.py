"""Addresses whose builders are compiled when they are first asked for.

Werkzeug compiles two functions for each rule when the application is made. With those of the business there are 700
rules, most of which nothing is ever built by: with what blueprints note 1.7 MB (measured).
"""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.routing import Rule

Built = tuple[str, str]  # domain and path


class LateRule(Rule):
    """As Werkzeug's. Its two hooks are not public: a release without them compiles early again, no more."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., Built]:
        return _first_with_query if append_unknown else _first


def _first(rule: LateRule, /, **values: object) -> Built:
    rule._build = Rule._compile_builder(rule, False).__get__(rule, None)
    return rule._build(**values)


def _first_with_query(rule: LateRule, /, **values: object) -> Built:
    rule._build_unknown = Rule._compile_builder(rule, True).__get__(rule, None)
    return rule._build_unknown(**values)
