"""An application database that travels: one JSON object a line, the last of them the signature.

::

    {"format": "rs-applications 1", "version": "2026.11.26", "applications": 924}
    {"id": "wechat", "name": {"zh": "微信", "en": "WeChat"}, "category": "im", ...}
    ...
    {"signature": "<base64 of Ed25519 (RFC 8032) over all bytes before this line>"}

A line can be named when it is wrong, two releases can be compared by ``diff``. Run as a program::

    python -m fastpath.binding.bundle make FOLDER VERSION [KEY.pem] > BUNDLE    sources -> bundle, signed
    python -m fastpath.binding.bundle compile BUNDLE OWN.json TARGET_FOLDER     -> apps.bin, apps.json
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from fastpath.binding import appdb

FORMAT = "rs-applications 1"
BUNDLE_BYTES = 4 << 20
LINE_BYTES = 4096  # of the first and of the last line; entries may be longer
PROBLEMS_TOLD = 20
_VERSION = re.compile(r"\d{4}\.\d{1,2}\.\d{1,2}(\.\d{1,4})?")


class BundleError(ValueError):
    """The bundle cannot be used. The text begins with the line where it is wrong, where there is one."""


@dataclass(frozen=True)
class Bundle:
    """``signed`` are the bytes that ``signature`` is over; both are empty where the last line is none."""

    version: str
    applications: list[dict[str, Any]]
    signed: bytes
    signature: bytes


def version_key(version: str) -> tuple[int, ...]:
    """For comparing: ``2026.11.9`` is before ``2026.11.26``, which is before ``2026.11.26.1``."""
    return tuple(int(part) for part in version.split(".")) if _VERSION.fullmatch(version) else ()


def write(applications: Sequence[Mapping[str, Any]], version: str) -> bytes:
    """The bundle without its signature. :raise BundleError: when the version is none."""
    if not _VERSION.fullmatch(version):
        raise BundleError(f"version {version!r} is not YEAR.MONTH.DAY or YEAR.MONTH.DAY.NUMBER")
    head = {"format": FORMAT, "version": version, "applications": len(applications)}
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (head, *applications)).encode()


def sign(unsigned: bytes, key: Path) -> bytes:
    """The bundle with a signature by the Ed25519 private key in a PEM file."""
    with tempfile.NamedTemporaryFile() as message:  # openssl signs Ed25519 from files only: it must know the length
        message.write(unsigned)
        message.flush()
        argv = ["openssl", "pkeyutl", "-sign", "-inkey", str(key), "-rawin", "-in", message.name]
        signature = subprocess.run(argv, check=True, capture_output=True).stdout
    return unsigned + json.dumps({"signature": base64.b64encode(signature).decode()}).encode() + b"\n"


def read(data: bytes) -> Bundle:
    """Check and take apart. :raise BundleError: with line and reason; of several wrong lines all are told."""
    if len(data) > BUNDLE_BYTES:
        raise BundleError(f"it is larger than {BUNDLE_BYTES >> 20} MB")
    outer = outline(data)
    lines = data.splitlines(keepends=True)
    head = _parse(1, lines[0])
    if head.get("format") != FORMAT:
        raise BundleError(f'line 1: "format" is not "{FORMAT}": this is no application database')
    if not isinstance(head.get("version"), str) or not _VERSION.fullmatch(head["version"]):
        raise BundleError(f'line 1: "version" {head.get("version")!r} is not YEAR.MONTH.DAY')
    if outer.signature:
        lines.pop()
    if head.get("applications") != len(lines) - 1:
        raise BundleError(f"line 1: {head.get('applications')} applications are announced, {len(lines) - 1} follow")
    entries = [(number, _parse(number, line)) for number, line in enumerate(lines[1:], 2)]
    if problems := list(itertools.islice(_problems(entries), PROBLEMS_TOLD)):
        raise BundleError("\n".join(problems))
    return Bundle(head["version"], [_whole(entry) for _, entry in entries], outer.signed, outer.signature)


def outline(data: bytes) -> Bundle:
    """Version, signed bytes and signature of a bundle that ``read`` accepts, its applications left out."""
    lines = data.rstrip(b"\n").rpartition(b"\n")
    first = data.partition(b"\n")[0]
    for number, line in ((1, first), (0, lines[2])):
        if len(line) > LINE_BYTES:
            raise BundleError(f"{_line(number)}: it is longer than {LINE_BYTES} bytes")
    head, last = _parse(1, first), _parse(0, lines[2])
    if "signature" not in last:
        return Bundle(str(head.get("version")), [], b"", b"")
    return Bundle(str(head.get("version")), [], lines[0] + b"\n", _signature(0, last))


def _parse(number: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is not UTF-8 text"
        raise BundleError(f"{_line(number)}: this is no JSON: {reason}") from None
    if not isinstance(value, dict):
        raise BundleError(f"{_line(number)}: this is no object")
    return value


def _line(number: int) -> str:
    return f"line {number}" if number else "last line"


def _signature(number: int, line: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(line["signature"], validate=True)
    except (ValueError, TypeError):
        raise BundleError(f"{_line(number)}: the signature is not base64") from None


def _problems(entries: list[tuple[int, dict[str, Any]]]) -> Iterator[str]:
    ids: dict[str, int] = {}
    domains: dict[str, int] = {}
    for number, entry in entries:
        wrong = list(_shape_problems(entry)) or list(appdb.entry_problems(entry))
        yield from (f"line {number}: {reason}" for reason in wrong)
        if wrong:
            continue
        if ids.setdefault(entry["id"], number) != number:
            yield f"line {number}: {entry['id']} stands in line {ids[entry['id']]} already"
        for domain in entry.get("domains") or ():
            if domains.setdefault(domain, number) != number:
                yield f"line {number}: the domain {domain} stands in line {domains[domain]} already"


def _shape_problems(entry: Mapping[str, Any]) -> Iterator[str]:
    """What would make the compiler stumble: values of another kind."""
    if not isinstance(entry.get("category"), str):
        yield '"category" is not a text'
    try:
        json.dumps(entry, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        yield "a text in it is no Unicode"
    name = entry.get("name")
    if not isinstance(name, dict) or not all(isinstance(text, str) and text for text in name.values()):
        yield '"name" is not an object of texts'
    for key in ("domains", "ports", "networks"):
        values = entry.get(key) or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            yield f'"{key}" is not a list of texts'
            return
    for port in entry.get("ports") or []:
        if not re.fullmatch(r"(tcp|udp)/\d{1,5}(-\d{1,5})?", port):
            yield f"{port!r} is not tcp/N, udp/N or tcp/N-M"
        elif not _is_range(port):
            yield f"{port!r} is no port from 1 to 65535, or the first is above the last"
    for network in entry.get("networks") or []:
        try:
            ip_network(network)
        except ValueError:
            yield f"{network!r} is not a network"
    patterns = entry.get("patterns") or []
    if not isinstance(patterns, list):
        yield '"patterns" is not a list'
        return
    yield from (f"{pattern!r} is not a pattern" for pattern in patterns if not _is_pattern(pattern))


def _is_range(port: str) -> bool:
    first, _, last = port.partition("/")[2].partition("-")
    return 0 < int(first) <= int(last or first) < 65536


def _is_pattern(pattern: object) -> bool:
    if not isinstance(pattern, dict) or pattern.get("transport") not in ("tcp", "udp"):
        return False
    if set(pattern) - {"transport", "offset", "hex", "length"}:
        return False
    numbers = (pattern.get("offset", 0), pattern.get("length", 0))
    digits = str(pattern.get("hex")).replace(" ", "")
    return (
        all(isinstance(number, int) and 0 <= number < 65536 for number in numbers)
        and re.fullmatch(r"([0-9a-f]{2}|\?\?){3,64}", digits) is not None
    )


def _whole(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, **{sign: entry.get(sign) or [] for sign in appdb.SIGNS}}


def compile_bundle(bundle: Bundle, own: Sequence[Mapping[str, Any]], target: Path, order: str = "=") -> None:
    """``apps.bin`` and ``apps.json`` of the bundle with the admin's own. :raise BundleError: contradictions."""
    known = {app["id"] for app in bundle.applications}
    kept = [app for app in own if app["id"] not in known]
    try:
        blob = appdb.compile_apps(appdb.extend(bundle.applications, kept), order)
    except (appdb.AppsError, ValueError) as error:
        raise BundleError(str(error)) from None
    target.mkdir(parents=True, exist_ok=True)
    (target / "apps.bin").write_bytes(blob)
    names = {"version": bundle.version, **appdb.describe(bundle.applications)}
    (target / "apps.json").write_text(json.dumps(names, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """See the module's text."""
    try:
        if len(arguments) in (3, 4) and arguments[0] == "make":
            unsigned = write(appdb.load(Path(arguments[1])), arguments[2])
            read(unsigned)
            sys.stdout.buffer.write(sign(unsigned, Path(arguments[3])) if len(arguments) == 4 else unsigned)
        elif len(arguments) == 4 and arguments[0] == "compile":
            own = json.loads(Path(arguments[2]).read_bytes())
            compile_bundle(read(Path(arguments[1]).read_bytes()), own, Path(arguments[3]))
        else:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    except (BundleError, appdb.AppsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
