"""The Python packages that the product imports, copied from the environment that its tests ran in."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

# cffi builds the binding; at run time only its extension is imported. Of peewee its extensions are for other databases.
_ONLY = {"cffi": re.compile(r"_cffi_backend\..*\.so"), "peewee": re.compile(r"peewee\.py")}


def copy(pyproject: Path, target: Path) -> None:
    """Copies what the project depends on, and what that depends on in turn; without metadata and scripts."""
    project = tomllib.loads(pyproject.read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["bizlite"]]
    for found in _closure(wanted):
        only = _ONLY.get(found.metadata["Name"].lower())
        for file in found.files or ():
            is_code = ".." not in file.parts and ".dist-info" not in file.parts[0] and "__pycache__" not in file.parts
            if is_code and (only is None or only.fullmatch(str(file))):
                place = target / file
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), place)


def _closure(requirements: list[str]) -> Iterator[Distribution]:
    seen: set[str] = set()
    waiting = list(requirements)
    while waiting:
        name, _, condition = waiting.pop().partition(";")
        match = re.match(r"[\w.-]+", name.strip())
        if match is None or "extra" in condition or match[0].lower() in seen:
            continue
        seen.add(match[0].lower())
        try:
            found = distribution(match[0])
        except PackageNotFoundError:
            if condition:  # for another Python or another system
                continue
            raise
        yield found
        if match[0].lower() not in _ONLY:
            waiting += found.requires or ()
