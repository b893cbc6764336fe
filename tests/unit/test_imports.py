"""Who may import whom (docs/design/contracts.md and ARCHITECTURE.md); everything not named is forbidden."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN = ("firmware", "fastpath", "webui", "bizlite", "tests")

FIRMWARE = "firmware"
BIZLITE = ("bizlite.core", "bizlite.web", "peewee", "flask", "werkzeug", "jinja2", "markupsafe")
# Module of bizlite -> modules whose rules it may call; a module that may be off is imported late, see quality.
MODULES: dict[str, tuple[str, ...]] = {
    "finance": (),
    "stock": ("finance",),
    "quality": ("finance", "stock"),
    "sales": ("finance", "stock", "quality"),
    "purchasing": ("finance", "stock", "quality"),
    "production": ("finance", "stock", "quality", "sales", "purchasing"),
    "reports": ("finance", "stock", "quality", "sales", "purchasing", "production"),
}
# Package -> what it may import besides itself and the standard library.
ARROWS: dict[str, tuple[str, ...]] = {
    "firmware.model": ("msgspec",),
    "firmware.features": ("firmware.model", "msgspec"),
    "firmware.kernel": ("firmware.model", "pyroute2", "msgspec"),
    "firmware.engine": ("firmware.model", "firmware.features", "firmware.kernel", "msgspec"),
    "firmware.monitor": ("firmware.model", "firmware.kernel", "fastpath", "msgspec"),
    "firmware.daemon": (FIRMWARE, "fastpath", "apscheduler", "msgspec"),
    "firmware.client": ("firmware.model", "msgspec"),
    "firmware.cli": ("firmware.client", "firmware.model", "msgspec"),
    "fastpath": ("cffi", "_cffi_backend", "yaml", "msgspec", "firmware.model"),
    "webui": ("firmware.client", "firmware.model", "flask", "werkzeug", "jinja2", "markupsafe", "waitress", "msgspec"),
    "bizlite.core": ("peewee",),
    "bizlite.web": ("bizlite.core", "peewee", "flask", "werkzeug", "jinja2", "markupsafe"),
    **{
        f"bizlite.{name}": (*(f"bizlite.{other}" for other in stands_on), *BIZLITE)
        for name, stands_on in MODULES.items()
    },
    # Not among the modules: they are not switched, and stand on all of them.
    "bizlite.demo": ("bizlite.core", *(f"bizlite.{name}" for name in MODULES)),
    "bizlite.guide": ("bizlite.demo", "bizlite.finance", "bizlite.stock", "bizlite.sales", *BIZLITE),
    "bizlite.__main__": ("bizlite.core", "peewee"),
    "bizlite.outside": ("bizlite.core", "bizlite.soundness"),
    "bizlite.soundness": ("bizlite.core", "bizlite.finance", "bizlite.stock"),
    "bizlite": (),
}
# These may more, and only inside a function: it is paid for when it is used (the catalogue tool never on the box).
LATE = {
    "firmware.cli.classify": ("fastpath",),
    "firmware.daemon": ("webui",),
    "firmware.daemon.business_worker": ("bizlite.outside",),
    "webui.catalogue": ("babel",),
    "bizlite.sales": ("bizlite.production", "bizlite.purchasing"),
    "bizlite.__main__": ("bizlite.outside", "bizlite.web", "werkzeug"),
    "webui.business": ("bizlite.web",),
    "bizlite.production.prints": ("segno",),
}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the product with its dotted name."""
    for package in ("firmware", "fastpath", "webui", "bizlite"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "build" not in path.relative_to(ROOT).parts:
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imports(module: str, path: Path) -> Iterator[tuple[str, bool]]:
    """Names a module imports, and whether inside a function; what only type checkers read does not count."""
    tree = ast.parse(path.read_text())
    late = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in _visible(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join(filter(None, [*parts[: len(parts) - node.level + 1], base]))
            yield from ((f"{base}.{alias.name}", id(node) in late) for alias in node.names)


def _visible(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _visible(child)


def is_below(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def is_allowed(module: str, name: str, is_late: bool) -> bool:
    if name.partition(".")[0] in sys.stdlib_module_names:
        return True
    owner = next((package for package in ARROWS if is_below(module, package)), None)
    if owner is None:  # firmware/__init__.py and the like hold nothing
        return False
    if any(is_below(name, package) for package in (owner, *ARROWS[owner])):
        return True
    return is_late and any(
        is_below(module, place) and any(is_below(name, package) for package in packages)
        for place, packages in LATE.items()
    )


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_follow_the_arrows(module: str, path: Path) -> None:
    forbidden = sorted({name for name, is_late in imports(module, path) if not is_allowed(module, name, is_late)})
    assert not forbidden, f"{path.relative_to(ROOT)} may not import {', '.join(forbidden)}"


def test_tests_are_not_imported_by_the_product() -> None:
    assert not [module for module, path in modules() for name, _ in imports(module, path) if is_below(name, "tests")]


def test_modules_of_bizlite_declare_what_they_import() -> None:
    """What the registry refuses to switch off is what the code stands on."""
    from bizlite.core.registry import modules as declared

    for module in declared():
        assert set(module.depends) <= set(MODULES[module.name])
        used = {
            name.split(".")[1]
            for m, path in modules()
            # What the reports read of a module is imported while that is on, each by itself.
            if is_below(m, f"bizlite.{module.name}") and not is_below(m, "bizlite.reports.sources")
            for name, is_late in imports(m, path)
            if name.startswith("bizlite.") and not is_late
        }
        assert used - {"core", "web", module.name} <= set(module.depends)
