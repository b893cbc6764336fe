"""External commands: argument lists only, each logged once with its outcome."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Sequence

from firmware.kernel.errors import CommandError, MissingError

log = logging.getLogger(__name__)

TIMEOUT_S = 20.0


def run(argv: Sequence[str], stdin: str | None = None, *, timeout_s: float = TIMEOUT_S, quiet: bool = False) -> str:
    """Run a command and return its output. Raises CommandError, or MissingError when there is no such program.

    ``quiet`` is for questions whose "no" is an ordinary answer: they are logged at a lower level.
    """
    started = time.monotonic()
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )
    except FileNotFoundError:
        log.log(logging.DEBUG if quiet else logging.ERROR, "%s: not installed", argv[0])
        raise MissingError(argv, "the program is not installed") from None
    except subprocess.TimeoutExpired:
        log.error("%s: no end after %g s", " ".join(argv), timeout_s)
        raise CommandError(argv, f"no end after {timeout_s:g} s") from None
    except OSError as error:
        log.error("%s: %s", " ".join(argv), error)
        raise CommandError(argv, error.strerror or str(error)) from error
    took_ms = (time.monotonic() - started) * 1000
    if done.returncode:
        reason = _first_words(done.stderr or done.stdout) or f"it ended with {done.returncode}"
        log.log(logging.DEBUG if quiet else logging.ERROR, "%s: %s (%.0f ms)", " ".join(argv), reason, took_ms)
        raise CommandError(argv, reason)
    log.debug("%s: done (%.0f ms)", " ".join(argv), took_ms)
    return done.stdout


def _first_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[:3])[:400]
