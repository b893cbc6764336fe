"""``make publish``: signs the list of the bundles in a folder, which boxes look at (docs/design/update.md).

The folder is then put on any web server as it is. Each time the list is made anew it is newer than before, so that a
box notices when somebody puts an older one back.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from buildroot.dev import signing
from buildroot.dev.signing import Signer
from firmware.daemon.bundle import Bundle, BundleError, Own, version_key
from firmware.daemon.published import FORMAT, LIST_BYTES, NOTES_MAX, read

LIST = "rs-index.json"
LANGUAGES = ("en", "zh")
_DAY_S = 86_400


class PublishError(Exception):
    """What is wrong, and what to do."""


def releases(folder: Path, by: Signer) -> list[dict[str, Any]]:
    """The newest bundle for each board that our own key has signed. Raises PublishError."""
    newest: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("rs-*.swu")):
        with path.open("rb") as file:
            try:
                software = json.loads(Bundle(file.read).described(by.certificate))["software"]
            except BundleError as error:
                raise PublishError(f"{path}: {error}") from None
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        for board in (name for name, part in software.items() if isinstance(part, dict)):
            found = {
                "version": software["version"], "board": board, "file": path.name, "size_bytes": size, "sha256": digest
            }  # fmt: skip
            known = newest.setdefault(board, found)
            if version_key(found["version"]) > version_key(known["version"]):
                newest[board] = found
    if not newest:
        raise PublishError(f"There is no bundle rs-….swu in {folder}: make one with make bundle, and put it there.")
    return list(newest.values())


def publish(
    folder: Path,
    by: Signer,
    *,
    first: Sequence[str] = (),
    others_from: int | None = None,
    notes: dict[str, str] | None = None,
) -> Path:
    """Write the signed list. Raises PublishError."""
    extra: dict[str, Any] = {"notes": notes or {}, "first": list(first), "others_from": others_from}
    found = [{**release, **extra} for release in releases(folder, by)]
    target = folder / LIST
    index = {"format": FORMAT, "issued": max(int(time.time()), _issued(target) + 1), "releases": found}
    text = json.dumps(index, ensure_ascii=False, indent=1)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        place = Path(temporary)
        (place / "index").write_text(text)
        signing.sign(place / "index", place / "signature", by)
        signature = base64.b64encode((place / "signature").read_bytes()).decode()
        (place / LIST).write_text(json.dumps({"index": text, "signature": signature}, ensure_ascii=False) + "\n")
        _check((place / LIST).read_bytes(), by)
        (place / LIST).rename(target)
    return target


def _check(data: bytes, by: Signer) -> None:
    """Read it as a box does: what it refuses must not be published."""
    if len(data) > LIST_BYTES:
        raise PublishError(f"The list has more than {LIST_BYTES >> 10} KB: shorten the notes.")
    try:
        read(data, Own("", "", "", by.certificate))
    except BundleError:
        reason = f"notes have at most {NOTES_MAX} characters, files are called rs-VERSION-BOARD.swu"
        raise PublishError(f"Boxes could not read the list: {reason}.") from None


def _issued(target: Path) -> int:
    """When the list that is there was made."""
    try:
        return int(json.loads(json.loads(target.read_text())["index"])["issued"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError):
        raise PublishError(f"{target} is no list of versions: remove it, and publish again.") from None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where bundles lie; the list goes beside them")
    parser.add_argument("--keys", type=Path, default=signing.FOLDER, help="folder of key.pem and certificate.pem")
    parser.add_argument("--first", action="append", default=[], metavar="SERIAL", help="boxes that take it at once")
    parser.add_argument("--others-after", type=int, metavar="DAYS", help="when all others do; else when published anew")
    for language in LANGUAGES:
        parser.add_argument(f"--notes-{language}", type=Path, metavar="FILE", help=f"what is new, in {language}")
    asked = parser.parse_args(arguments)
    try:
        if not (asked.keys / "certificate.pem").exists():
            raise PublishError(f"There is no key in {asked.keys}: say --keys, with the folder of the one for bundles.")
        if asked.others_after is not None and not asked.first:
            raise PublishError("--others-after means nothing without --first: name the boxes that take it at once.")
        paths = {language: getattr(asked, f"notes_{language}") for language in LANGUAGES}
        made = publish(
            asked.folder,
            signing.signer(asked.keys),
            first=asked.first,
            others_from=None if asked.others_after is None else int(time.time()) + asked.others_after * _DAY_S,
            notes={language: path.read_text().strip() for language, path in paths.items() if path},
        )
    except (PublishError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
