"""Runs the classifier on capture files by the program ``rs-classify``: the very code of the router."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

BUILD = Path(__file__).resolve().parent.parent / "build"
_KEYS = ("transport", "a", "b", "application", "protocol", "category", "host", "ja4", "stage", "packets")


# What rs-classify says of a capture, and the word for it.
_CAUSES = {": not a capture: ": "format", ": link type ": "link", ": breaks off: ": "cut"}


class CaptureError(ValueError):
    """The capture cannot be read; the message says why. ``flows`` holds what was read before the fault.

    ``cause`` is ``format`` (no pcap or pcapng), ``link`` (an unknown link type), ``cut`` (it breaks off) or ``other``.
    """

    def __init__(self, message: str, flows: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.flows = flows
        self.cause = next((cause for sign, cause in _CAUSES.items() if sign in message), "other")


def run_classify(path: str | Path, use_ndpi: bool = True, build: Path = BUILD) -> list[dict[str, Any]]:
    """One dict per flow, in the order of first packets, with what the first decision took.

    That is ``decided_after`` (packets) and ``decided_bytes`` (of payload), both 0 where nothing was decided.

    Raises :class:`CaptureError`, or FileNotFoundError when the program is not built.
    """
    command = [str(build / "rs-classify"), str(build / "apps.bin"), os.fspath(path)]
    done = subprocess.run(command + ([] if use_ndpi else ["--no-ndpi"]), capture_output=True, check=False, text=True)
    flows = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0:
        message = done.stderr.strip().removeprefix("rs-classify: ") or f"rs-classify ended with {done.returncode}"
        raise CaptureError(message, flows)
    return flows


def classify_file(path: str | Path, use_ndpi: bool = True) -> list[dict[str, Any]]:
    """The flows of a capture as ``rsctl classify`` prints them.

    Keys: transport, a, b (endpoints as ``ip:port``, IPv6 in brackets, sorted), application, protocol, category, host,
    ja4 (of a TLS client; "" where no whole ClientHello was seen), stage (learned, dissector, pattern, address, port,
    ndpi, none), packets. Errors as :func:`run_classify`.
    """
    return [{key: flow[key] for key in _KEYS} for flow in run_classify(path, use_ndpi)]
