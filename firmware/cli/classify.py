"""``rsctl classify``: the fastpath's own recognition on a capture file; needs neither a daemon nor root."""

from __future__ import annotations

from pathlib import Path

from firmware.cli.command import EXIT_REFUSED, Context


def classify(context: Context) -> int | None:
    from fastpath.binding.classify import classify_file

    terminal, name = context.terminal, context.args.file
    try:
        flows = classify_file(Path(name), ndpi=not context.args.no_ndpi)
    except (OSError, ValueError) as error:
        terminal.error("%(file)s cannot be read: %(reason)s", file=name, reason=error)
        return EXIT_REFUSED
    if terminal.as_json:
        terminal.json({"flows": flows})
        return None
    terminal.table(
        ("transport", "from", "to", "application", "protocol", "category", "site", "decided by", "packets"),
        [
            (
                flow["transport"],
                flow["a"],
                flow["b"],
                flow["application"],
                flow["protocol"],
                flow["category"],
                flow["host"] or "-",
                flow["stage"],
                str(flow["packets"]),
            )
            for flow in flows
        ],
    )
    return None
