"""The application database in force: the image's, or a newer one that somebody the admin trusts has signed.

``STATE/applications``: ``current.rsapps``, the update in force, and ``previous.rsapps``, the one before it; without a
file the image's own is meant. Compiling is a process of its own: it needs ten times the memory that rsd may keep.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fastpath.binding.appdb import BUNDLE_NAME
from fastpath.binding.bundle import BUNDLE_BYTES, BundleError, outline, version_key
from fastpath.binding.policy import policy_categories
from firmware.daemon.errors import InvalidError
from firmware.kernel import command, files
from firmware.kernel.errors import CommandError
from firmware.model.facts import Signs
from firmware.model.plan import CustomApplication
from firmware.model.values import ED25519_INFO, parse_public_key

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
FETCH_S = 20.0
_WORK = "work-"


class Version(NamedTuple):
    """Categories by id in the order of the numbers; ``policy_categories`` as ``binding.policy`` has them."""

    version: str
    is_update: bool
    categories: dict[str, str]
    policy_categories: dict[str, str]


class Database:
    """Where the compiled files are, and how another database takes their place."""

    def __init__(self, build_dir: Path, state_dir: Path, run_dir: Path) -> None:
        self._build = build_dir
        self._folder = state_dir / "applications"
        self._compiled = run_dir / "applications"
        self._current, self._before = self._folder / "current.rsapps", self._folder / "previous.rsapps"
        self._rejected = self._folder / "rolled-back"  # the version that somebody did not want
        self._work = self._folder
        for left in self._folder.glob(f"{_WORK}*"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        self._signs: dict[str, Signs] = {}
        self._signs_of: tuple[str, frozenset[str]] = ("", frozenset())
        self.in_force = self._look()

    @property
    def names(self) -> Path:
        """``apps.json`` of the database in force."""
        return (self._compiled if self.in_force.is_update else self._build) / "apps.json"

    @property
    def previous(self) -> str | None:
        """The version that a rollback brings back; ``None`` where the image's own is in force."""
        if not self._current.exists():
            return None
        return _version_of(self._before if self._before.exists() else self._build / BUNDLE_NAME)

    def compiled(self, own: tuple[CustomApplication, ...]) -> Path | None:
        """``apps.bin`` of the database in force with the admin's own; ``None`` where nothing was built.

        :raise ValueError: when it contradicts itself.
        """
        if not own and not self.in_force.is_update:
            path = self._build / "apps.bin"
            return path if path.exists() else None
        if not self._source().exists():
            return None
        self._compile(self._source(), own, self._compiled)
        return self._compiled / "apps.bin"

    def signs(self, applications: Collection[str]) -> dict[str, Signs]:
        """What tells the servers of some applications, of the database in force."""
        wanted = (self.in_force.version, frozenset(applications))
        if wanted != self._signs_of:
            self._signs, self._signs_of = _read_signs(self._source(), wanted[1]), wanted
        return self._signs

    @contextlib.contextmanager
    def checked(self, data: bytes, publishers: Mapping[str, str]) -> Iterator[Version]:
        """A bundle that is signed, newer and whole, for ``take``. :raise InvalidError: with line and reason."""
        try:
            bundle = outline(data)
        except BundleError as error:
            raise InvalidError("This is no application database: %(reason)s.", reason=str(error)) from None
        with self._place() as place:
            source = place / "fresh"
            source.write_bytes(data)
            is_signed = bundle.signature and _signers(bundle.signed, bundle.signature, publishers, place)
            # Also where the signature is wrong, within bounds of time and memory: a damaged file is told where it is.
            self._compile_or_refuse(source, place)
            if not is_signed:
                raise InvalidError("Nobody whom you trust has signed this database (recognition.publishers).")
            if version_key(bundle.version) <= version_key(self.in_force.version):
                text = "Version %(version)s is not newer than %(current)s, which is in force."
                raise InvalidError(text, version=bundle.version, current=self.in_force.version)
            yield _read_names(place / "apps.json", is_update=True)

    def is_wanted(self, data: bytes) -> bool:
        """Whether a published bundle calls itself newer and was not rolled back before; rubbish is, to be refused."""
        try:
            version = outline(data).version
        except BundleError:
            return True
        is_newer = version_key(version) > version_key(self.in_force.version)
        return is_newer and not (self._rejected.exists() and self._rejected.read_text() == version)

    def take(self, fresh: Version) -> None:
        """Put what ``checked`` has found well in force, and keep the one before. OSError leaves all as it was."""
        content = (self._work / "fresh").read_bytes()
        waiting = self._folder / "next.rsapps"
        files.write(waiting, content, 0o600)
        if self._current.exists():
            files.write(self._before, self._current.read_bytes(), 0o600)
        else:
            files.remove(self._before)
        waiting.replace(self._current)
        files.sync_directory(self._folder)
        self._settle(fresh)

    @contextlib.contextmanager
    def before(self) -> Iterator[Version]:
        """The database that a rollback puts in force, for ``roll_back``. :raise InvalidError: when there is none."""
        if not self._current.exists():
            raise InvalidError("The database of the firmware itself is in force; there is none before it.")
        if not self._before.exists():
            yield _read_names(self._build / "apps.json", is_update=False)
            return
        with self._place() as place:
            self._compile_or_refuse(self._before, place)
            yield _read_names(place / "apps.json", is_update=True)

    def roll_back(self, earlier: Version) -> None:
        """Put what ``before`` gave in force; the daily update does not bring back what was rolled back."""
        files.write(self._rejected, self.in_force.version)
        if self._before.exists():
            self._before.replace(self._current)
            files.sync_directory(self._folder)
        else:
            files.remove(self._current)
        self._settle(earlier)

    def _settle(self, version: Version) -> None:
        if version.is_update:
            self._compiled.mkdir(exist_ok=True)
            for name in ("apps.bin", "apps.json"):
                files.write(self._compiled / name, (self._work / name).read_bytes())
        self.in_force = version

    @contextlib.contextmanager
    def _place(self) -> Iterator[Path]:
        """A folder to work in, on the disk that the database shall lie on."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=_WORK) as place:
            self._work = Path(place)
            yield self._work

    def _compile_or_refuse(self, source: Path, target: Path) -> None:
        try:
            self._compile(source, (), target)
        except ValueError as error:
            raise InvalidError("This is no application database: %(reason)s.", reason=str(error)) from None

    def _source(self) -> Path:
        return self._current if self.in_force.is_update else self._build / BUNDLE_NAME

    def _look(self) -> Version:
        """What lies there; an update that cannot be used, or that the firmware has overtaken, is passed over."""
        image = _read_names(self._build / "apps.json", is_update=False)
        update = self._current
        if not update.exists() or version_key(_version_of(update)) <= version_key(image.version):
            return image
        try:
            self._compile(update, (), self._compiled)
        except (ValueError, OSError) as error:
            log.error("%s is passed over: %s", update, error)
            return image
        return _read_names(self._compiled / "apps.json", is_update=True)

    def _compile(self, source: Path, own: tuple[CustomApplication, ...], target: Path) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as entries:
            json.dump([entry(application) for application in own], entries)
            entries.flush()
            try:
                command.run((*program(_COMPILE), "compile", str(source), entries.name, str(target)))
            except CommandError as error:
                raise ValueError(error.reason) from None


LIMIT = (  # for a program that reads what strangers have written
    "import os, resource; os.nice(10); resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28)); "
    "resource.setrlimit(resource.RLIMIT_CPU, (10, 10)); "
)
_COMPILE = LIMIT + "from fastpath.binding.bundle import main; sys.exit(main(sys.argv[1:]))"
_FETCH = "from firmware.daemon.fetch import main; sys.exit(main(sys.argv[1:]))"


def program(code: str) -> tuple[str, ...]:
    """A Python of its own that knows the product and nothing of where it was started."""
    return (sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}")


def fetch(url: str) -> bytes:
    """What lies at an address. :raise InvalidError: with the reason."""
    with tempfile.TemporaryDirectory() as place:
        target = Path(place, "bundle")
        fetch_to(target, url, BUNDLE_BYTES)
        return target.read_bytes()


def fetch_to(target: Path, url: str, limit_bytes: int) -> None:
    """Fetch a file to a place. :raise InvalidError: with the reason."""
    try:
        command.run((*program(_FETCH), url, str(target), str(limit_bytes)), timeout_s=FETCH_S)
    except CommandError as error:
        raise InvalidError("%(url)s cannot be fetched: %(reason)s.", url=url, reason=error.reason) from None


def entry(application: CustomApplication) -> dict[str, Any]:
    """An application of the admin's as the database's sources have theirs."""
    return {
        "id": application.id,
        "name": {"zh": application.name_zh, "en": application.name_en},
        "category": application.category,
        "domains": list(application.domains),
        "networks": list(application.networks),
        "ports": [f"{transport}/{low}-{high}" for low, high in application.ports for transport in ("tcp", "udp")],
        "patterns": [
            {"transport": p.transport, "hex": p.hex, "offset": p.offset, "length": p.length}
            for p in application.patterns
        ],
    }


def _signers(message: bytes, signature: bytes, publishers: Mapping[str, str], place: Path) -> list[str]:
    """The publishers whose signature it is."""
    (place / "message").write_bytes(message)
    (place / "signature").write_bytes(signature)
    found = []
    for name, key in publishers.items():
        text = base64.b64encode(ED25519_INFO + parse_public_key(key)).decode()
        (place / "key").write_text(f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
        argv = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(place / "key"), "-rawin")
        with contextlib.suppress(CommandError):
            where = ("-in", str(place / "message"), "-sigfile", str(place / "signature"))
            command.run((*argv, *where), quiet=True)
            found.append(name)
    return found


def _read_signs(bundle: Path, wanted: frozenset[str]) -> dict[str, Signs]:
    """Of a whole bundle a few lines are read, whose form ``bundle.write`` has made."""
    found: dict[str, Signs] = {}
    if not wanted or not bundle.exists():
        return found
    with bundle.open(encoding="utf-8") as file:
        for line in file:
            name = line.removeprefix('{"id": "').partition('"')[0]
            if name in wanted:
                row = json.loads(line)
                found[name] = Signs(domains=tuple(row.get("domains") or ()), networks=tuple(row.get("networks") or ()))
    return found


def _version_of(path: Path) -> str:
    try:
        return str(outline(path.read_bytes()).version)
    except (OSError, ValueError):
        return ""


def _read_names(path: Path, *, is_update: bool) -> Version:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        log.error("%s is missing: no application is known by name; run make build", path)
        return Version("", is_update, {}, {})
    rows = data["applications"]
    return Version(data["version"], is_update, {row["id"]: row["category"] for row in rows}, policy_categories(rows))
