"""Fetches one file for rsd, in a process of its own: TLS costs 8 MB that rsd need not keep.

``fetch.py URL TARGET LIMIT``: ends with 0, or with 1 and one line on standard error.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_S = 15.0


def main(arguments: Sequence[str]) -> int:
    """See the module's text. The file is signed: http is as good as https, and nothing else is opened."""
    url, target, limit = arguments[0], Path(arguments[1]), int(arguments[2])
    if urlsplit(url).scheme not in {"http", "https"}:
        sys.stderr.write("the address does not begin with http:// or https://\n")
        return 1
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 (the scheme was looked at)
            data = answer.read(limit + 1)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{getattr(error, 'reason', None) or error}\n")
        return 1
    if len(data) > limit:
        sys.stderr.write(f"the file is larger than {limit >> 20} MB\n")
        return 1
    target.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
