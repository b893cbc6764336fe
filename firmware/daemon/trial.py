"""The health gate: whether a version that was just started may stay, and why it could not.

The stages in order: ``rsd`` answers, its ``configuration`` is applied, one of the ``lines`` works that worked before,
the ``page`` answers over TLS; it comes last because asking it takes a process, and on a busy box it may be late for
once. What is waited for is noted on the disk; ``confirm-start`` starts the box again when it is not over after five
minutes, and the version before tells what was noted last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from firmware.daemon.database import program
from firmware.kernel import command
from firmware.kernel.errors import CommandError

STAGES = ("configuration", "lines", "page")
_PAGE = "from firmware.daemon.trial import page_main; sys.exit(page_main())"
_TIMEOUT_S = 10.0
# What an earlier version says of one that did not stay; the keys are the stages, "" is before init.
REASONS = {
    "": "It did not start: a kernel panic, a hang or a power cut.",
    "rsd": "Its control plane did not come up within five minutes.",
    "configuration": "It could not put the configuration in force.",
    "page": "Its page did not answer.",
    "lines": "No line came up, though one worked before.",
    "block": "What lies on the disk is not what was written: the disk is worn or broken.",
}


def missing(
    is_applied: Callable[[], bool],
    page_answers: Callable[[], bool],
    lines_before: Iterable[str],
    lines_up: Callable[[], Mapping[str, bool]],
) -> str | None:
    """The first stage that is not reached; ``None`` when the version may stay."""
    if not is_applied():
        return "configuration"
    wanted = tuple(lines_before)
    now = lines_up()
    if wanted and not any(now.get(line) for line in wanted):
        return "lines"
    if not page_answers():
        return "page"
    return None


def page_answers() -> bool:
    """Ask it as a browser would, in a process of its own."""
    try:
        command.run(program(_PAGE), timeout_s=_TIMEOUT_S, quiet=True)
    except CommandError:
        return False
    return True


def page_main() -> int:
    """Ends with 0 when the page answers on the box itself."""
    import http.client
    import ssl

    context = ssl._create_unverified_context()  # noqa: S323 (it is the box's own certificate, asked from the box)
    try:
        connection = http.client.HTTPSConnection("127.0.0.1", timeout=_TIMEOUT_S / 2, context=context)
        connection.request("GET", "/login")
        return 0 if connection.getresponse().status < 500 else 1
    except (OSError, http.client.HTTPException):
        return 1
