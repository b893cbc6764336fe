"""``rsctl classify``: the fastpath's own recognition on a capture file; needs neither a daemon nor root."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firmware.cli.command import EXIT_OK, EXIT_REFUSED, Context

# By cause: what is wrong, and what to do.
FAULTS = {
    "missing": (
        "There is no file %(file)s.",
        "Check the name; one without a leading / is looked for in the folder you are in.",
    ),
    "folder": ("%(file)s is a folder.", "Name one of the capture files in it."),
    "empty": (
        "%(file)s is empty.",
        "Record again and end the recording with Ctrl-C, so that it is written out; or copy the file anew.",
    ),
    "format": (
        "%(file)s is not a capture: it is neither pcap nor pcapng.",
        "Record with tcpdump -w, or save as pcap or pcapng in Wireshark.",
    ),
    "link": (
        "%(file)s was recorded on a kind of link that is not known: %(reason)s",
        "Record on an Ethernet or PPP interface, or on any (tcpdump -i any).",
    ),
    "cut": (
        "%(file)s breaks off in the middle; only what comes before is shown.",
        "Copy the file anew, or record again and end the recording with Ctrl-C.",
    ),
    "other": (
        "%(file)s cannot be read: %(reason)s",
        "Check that you may read it: ls -l %(file)s",
    ),
    "program": ("The recognition does not start: %(reason)s", "Build it with: make build"),
}


def classify(context: Context) -> int:
    from fastpath.binding.classify import CaptureError, classify_file

    name = context.args.file
    refused = _refused_before(name)
    if refused is not None:
        return _refuse(context, *refused)
    try:
        _show(context, classify_file(name, use_ndpi=not context.args.no_ndpi))
    except CaptureError as error:
        if error.flows:  # a capture that breaks off is shown as far as it goes
            _show(context, error.flows)
        return _refuse(context, error.cause, error)
    except OSError as error:
        return _refuse(context, "program", error)
    return EXIT_OK


def _refused_before(name: str) -> tuple[str, object] | None:
    """What can be told without reading: the first byte of a pipe could not be put back."""
    path = Path(name)
    try:
        state = path.stat()
    except FileNotFoundError:
        return "missing", name
    except OSError as error:
        return "other", error.strerror
    if path.is_dir():
        return "folder", name
    return ("empty", name) if path.is_file() and state.st_size == 0 else None


def _refuse(context: Context, cause: str, reason: object) -> int:
    message, remedy = FAULTS[cause]
    context.terminal.error(message, file=context.args.file, reason=reason)
    context.terminal.hint(remedy, file=context.args.file)
    return EXIT_REFUSED


def _show(context: Context, flows: list[dict[str, Any]]) -> None:
    if context.terminal.as_json:
        context.terminal.json({"flows": flows})
        return
    context.terminal.table(
        ("transport", "from", "to", "application", "protocol", "category", "site", "decided by", "packets", "JA4"),
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
                flow["ja4"] or "-",
            )
            for flow in flows
        ],
    )
