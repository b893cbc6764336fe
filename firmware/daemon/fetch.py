"""Fetches one file for rsd, in a process of its own: TLS costs 8 MB that rsd need not keep.

``fetch.py URL TARGET LIMIT``: ends with 0, or with 1 and one line on standard error.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

TIMEOUT_S = 10.0


class _NoOther(urllib.request.BaseHandler):
    """Redirections may lead to http and https only."""

    def unknown_open(self, request: urllib.request.Request) -> NoReturn:
        raise ValueError(f"{request.full_url} is neither http nor https")


def main(arguments: Sequence[str]) -> int:
    """See the module's text. The file is signed: http is as good as https, and nothing else is opened."""
    url, target, limit = arguments[0], Path(arguments[1]), int(arguments[2])
    try:
        with opened(url, TIMEOUT_S) as answer:
            data = answer.read(limit + 1)
        if len(data) > limit:
            raise ValueError(f"the file is larger than {limit >> 20} MB")
    except (OSError, ValueError, HTTPException) as error:
        words = str(getattr(error, "reason", None) or error or type(error).__name__).split()
        sys.stderr.write(f"{' '.join(words)}\n")
        return 1
    target.write_bytes(data)
    return 0


def opened(url: str, timeout_s: float) -> Any:
    """What lies at an address, to be read and closed. Raises OSError, ValueError, HTTPException."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        *(urllib.request.HTTPHandler, urllib.request.HTTPSHandler, urllib.request.HTTPDefaultErrorHandler),
        *(urllib.request.HTTPErrorProcessor, urllib.request.HTTPRedirectHandler, _NoOther),
    ):
        opener.add_handler(handler())
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError("the address does not begin with http:// or https://")
    return opener.open(url, timeout=timeout_s)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
