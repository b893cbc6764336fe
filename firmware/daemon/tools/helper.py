"""The helper process: does one task and writes one line of JSON.

``helper.py TASK``: ``TASK`` is a ``Task`` in JSON; standard output gets an ``Outcome``.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

import msgspec

from firmware.daemon.tools.task import Outcome, Task, ToolError
from firmware.model.tools import AnyResult, Request

# The longest that a tool may take, in seconds; who has not ended by then has gone wrong.
LIMITS_S = {"ping": 40, "trace": 60, "lookup": 15, "port": 20, "cable": 10, "capture": 75, "diagnosis": 90}


def name_of(request: Request) -> str:
    """Which tool a request is for."""
    return str(request.__struct_config__.tag)


def main(arguments: Sequence[str]) -> int:
    """See the module's text."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # rsd blocks what it waits for
    task = msgspec.json.decode(arguments[0], type=Task)
    tool = name_of(task.request)
    signal.alarm(LIMITS_S[tool])
    run: Callable[[Task], AnyResult] = import_module(f"firmware.daemon.tools.{tool}").run
    try:
        outcome = Outcome(result=run(task))
    except ToolError as error:
        outcome = Outcome(trouble=error.said)
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
