"""What each author has changed and not committed yet, on the disk."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from firmware.engine.errors import StorageError
from firmware.kernel import files
from firmware.model import codec
from firmware.model.config import Config
from firmware.model.problem import ConfigError

log = logging.getLogger(__name__)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration in the making, begun from revision ``base``."""

    base: int
    config: Config


class Candidates:
    """One file per author; authors are identifiers, so they are file names too."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get(self, author: str) -> Candidate | None:
        """The author's candidate; one that cannot be read is as good as none."""
        try:
            plain = msgspec.json.decode(self._path(author).read_bytes(), type=dict[str, msgspec.Raw])
            return Candidate(
                base=msgspec.json.decode(plain["base"], type=int), config=codec.decode(bytes(plain["config"]))
            )
        except FileNotFoundError:
            return None
        except (OSError, ConfigError, msgspec.DecodeError, KeyError) as error:
            log.error("the candidate of %s cannot be read: %s", author, error)
            return None

    def authors(self) -> list[str]:
        """Who has one."""
        return sorted(path.stem for path in self._directory.glob("[!.]*.json"))

    def put(self, author: str, candidate: Candidate) -> None:
        """Keep a candidate. Raises StorageError."""
        config = msgspec.Raw(codec.encode(candidate.config))
        try:
            files.write(self._path(author), msgspec.json.encode({"base": candidate.base, "config": config}), 0o600)
        except OSError as error:
            raise StorageError("The change cannot be kept: %(reason)s.", reason=error.strerror or str(error)) from None

    def drop(self, author: str) -> None:
        """Forget the author's candidate."""
        self._path(author).unlink(missing_ok=True)

    def _path(self, author: str) -> Path:
        return self._directory / f"{author}.json"
