"""rsctl's entry.

Exit codes: 0 done; 1 refused, with the reason and how to mend it on the error output; 2 wrong usage;
3 the daemon cannot be reached.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from firmware.cli.command import EXIT_OK, EXIT_REFUSED, EXIT_UNREACHABLE, Context
from firmware.cli.terminal import Terminal

if TYPE_CHECKING:
    from firmware.client import Client, ClientError

SOCKET = "/run/rs/rsd.sock"


def main(argv: list[str] | None = None) -> int:
    """Runs one command; the exit code is returned."""
    words = sys.argv[1:] if argv is None else argv
    try:
        if words[:1] == ["__complete"]:
            from firmware.cli.completion import complete

            return complete(words[1:], socket_path(), token())
        return _run(words)
    except BrokenPipeError:
        # The reader (head, less) has gone; without this Python complains again when it closes the output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except KeyboardInterrupt:
        return 130


def socket_path() -> str:
    """The daemon's socket unless ``--socket`` names one: ``RS_SOCKET``, else the box's own."""
    return os.environ.get("RS_SOCKET", SOCKET)


def token() -> str | None:
    """The token to act by instead of the local owner: ``RS_TOKEN`` (an argument would show in the process list)."""
    return os.environ.get("RS_TOKEN")


def _run(words: list[str]) -> int:
    from firmware.cli.parser import build_parser

    # --language decides the language of the parser's own helps, so it is looked for before parsing.
    terminal = Terminal(_language(words))
    args = build_parser(terminal).parse_args(words)
    terminal.as_json = args.json
    opened: list[Client] = []

    def connect() -> Client:
        if not opened:
            from firmware.client import Client

            # A commit waits for services to come up; nobody waits longer than this by hand.
            opened.append(Client(args.socket or socket_path(), token=token(), timeout_s=120))
        return opened[0]

    context = Context(args=args, terminal=terminal, connect=connect)
    run = args.run.load()
    if args.run.needs_daemon:
        from firmware.client import ClientError

        try:
            return run(context) or EXIT_OK
        except ClientError as error:
            return _report(terminal, error)
        finally:
            for client in opened:
                client.close()
    return run(context) or EXIT_OK


def _language(words: list[str]) -> str:
    for index, word in enumerate(words):
        if word.startswith("--language"):
            given = word.partition("=")[2] or (words[index + 1] if index + 1 < len(words) else "")
            if given in {"zh", "en"}:
                return given
    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if name.startswith("zh") else "en"


def _report(terminal: Terminal, error: ClientError) -> int:
    """Says what the daemon refused, or what to do when it does not answer."""
    from firmware.client import Refused

    if not isinstance(error, Refused):
        terminal.error("The router's daemon does not answer: %(reason)s", reason=error)
        if isinstance(error.__cause__, PermissionError):
            terminal.hint("Run rsctl as root.")
        else:
            terminal.hint("Is it running? Start it with: rs (or name its socket with --socket).")
        return EXIT_UNREACHABLE
    if terminal.as_json:
        terminal.json(
            {
                "error": {
                    "code": error.code,
                    "message": terminal.t(error.message, **error.params),
                    "problems": [terminal.problem(problem) for problem in error.problems],
                }
            }
        )
    terminal.error(error.message, **error.params)
    terminal.problems(error.problems)
    if error.code in {"unauthenticated", "forbidden"}:
        terminal.hint("Run rsctl as root, or set RS_TOKEN to a token.")
    if error.retry_s:
        terminal.hint("Try again in %(seconds)s s.", seconds=round(error.retry_s))
    return EXIT_REFUSED


if __name__ == "__main__":
    sys.exit(main())
