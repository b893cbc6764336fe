"""``python -m tests.vm run -- COMMAND``: runs a command on the full kernel and ends with its exit code."""

from __future__ import annotations

import argparse
import sys

from tests.vm import machine


def main() -> int:
    """Parses the command line and runs the machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.vm", description="Run a command on the full kernel in QEMU.")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run a command")
    run.add_argument("--memory", type=int, default=2048, help="megabytes (2048)")
    run.add_argument("--timeout", type=float, default=900, help="seconds (900)")
    run.add_argument("command", nargs="+")
    args = parser.parse_args()

    def show(text: str) -> None:
        print(text, end="", flush=True)

    try:
        outcome = machine.run(args.command, memory_mb=args.memory, timeout_s=args.timeout, progress=show)
    except machine.MachineError as error:
        print(error, file=sys.stderr)
        return 125
    return outcome.status


if __name__ == "__main__":
    sys.exit(main())
