"""What the package lays out runs: bytecode without sources, without assertions and docstrings, from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORT_ALL = """
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
for path in sorted(root.rglob("*.pyc")):
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    assert_is_here = importlib.import_module(name).__file__
    if not assert_is_here.startswith(str(root)):
        raise SystemExit(f"{name} came from {assert_is_here}")
from webui import app
print(app.create_app.__doc__, len(app.__file__) > 0)
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The box's tree, as far as our package makes it."""
    target = tmp_path_factory.mktemp("target")
    install = ROOT / "buildroot/package/rs-firmware/install"
    subprocess.run([str(install), str(ROOT), str(target), sys.executable], check=True)
    return target


def run(target: Path, *argv: str) -> str:
    """A Python of ours with the installed product and no other, as ``rs`` and ``rsctl`` start it."""
    environment = {**os.environ, "PYTHONPATH": str(target / "usr/lib/rs")}
    command = [sys.executable, "-OO", "-W", "ignore", *argv]
    return subprocess.run(
        command, cwd=target, env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_every_module_can_be_imported(target: Path) -> None:
    assert run(target, "-c", IMPORT_ALL, str(target / "usr/lib/rs")).split() == ["None", "True"]


def test_the_programs_start(target: Path) -> None:
    assert "--web" in run(target, "-m", "firmware.daemon.launcher", "--help")
    assert "lines" in run(target, "-m", "firmware.cli.main", "--help")
    assert "-m firmware.daemon.launcher" in (target / "usr/sbin/rs").read_text()
    assert "-m firmware.cli.main" in (target / "usr/bin/rsctl").read_text()


def test_nothing_of_developers_is_on_the_box(target: Path) -> None:
    suffixes = {path.suffix for path in target.rglob("*") if path.is_file()}
    assert not suffixes & {".py", ".po", ".c", ".o", ".a", ".yaml"}
    names = {path.name for path in target.rglob("*")}
    assert not names & {"__pycache__", "catalogue.pyc", "build_ffi.pyc", "fuzz", "san", "test"}


def test_what_is_not_bytecode_is_there(target: Path) -> None:
    lib = target / "usr/lib/rs"
    for name in (
        "fastpath/build/apps.bin", "fastpath/build/apps.json", "fastpath/build/apps.rsapps",
        "fastpath/build/rs-fastpath", "fastpath/build/rs-shape", "firmware/daemon/lib/line-hook",
        "firmware/model/translations/zh/LC_MESSAGES/rs.mo",
        "webui/translations/zh/LC_MESSAGES/web.mo", "webui/templates/base.html", "webui/static/rs.css",
        "bizlite/web/translations/zh/LC_MESSAGES/biz.mo", "bizlite/web/templates/base.html",
        "bizlite/web/static/biz.css",
    ):  # fmt: skip
        assert (lib / name).exists(), name
    assert os.access(lib / "firmware/daemon/lib/line-hook", os.X_OK)


def test_the_same_source_makes_the_same_bytes(target: Path, tmp_path: Path) -> None:
    install = ROOT / "buildroot/package/rs-firmware/install"
    subprocess.run([str(install), str(ROOT), str(tmp_path), sys.executable], check=True)
    files = [path.relative_to(target) for path in target.rglob("*.pyc")]
    assert files
    assert [path for path in files if (target / path).read_bytes() != (tmp_path / path).read_bytes()] == []
