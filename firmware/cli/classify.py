"""``rsctl classify``: the fastpath's own recognition on a capture file; needs neither a daemon nor root."""

from __future__ import annotations

from typing import Any

from firmware.cli.command import EXIT_OK, EXIT_REFUSED, Context


def classify(context: Context) -> int:
    from fastpath.binding.classify import CaptureError, classify_file

    name = context.args.file
    failure: Exception | None = None
    flows: list[dict[str, Any]] = []
    try:
        flows = classify_file(name, use_ndpi=not context.args.no_ndpi)
    except CaptureError as error:
        flows, failure = error.flows, error  # a capture that breaks off is shown as far as it goes
    except OSError as error:
        failure = error
    if flows or failure is None:
        _show(context, flows)
    if failure is None:
        return EXIT_OK
    context.terminal.error("%(file)s cannot be read: %(reason)s", file=name, reason=failure)
    return EXIT_REFUSED


def _show(context: Context, flows: list[dict[str, Any]]) -> None:
    if context.terminal.as_json:
        context.terminal.json({"flows": flows})
        return
    context.terminal.table(
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
