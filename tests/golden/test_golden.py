"""Golden cases: a folder each with ``about.txt``, ``config.json``, ``facts.json`` and what is expected of them.

Only the ``expected.*`` files that a case has are compared, so that each shows its own subject, not the skeleton.
``GOLDEN_WRITE=1`` rewrites them; an empty file asks for a new one. The difference is what is reviewed.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware.features import render, verify
from firmware.model import codec
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import NftSet, Plan
from firmware.model.text import problem_text
from tests.catalogue import compiled

CASES = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/about.txt"))
NAMESPACE = "gld-load"


def ruleset(plan: Plan) -> str:
    sets = "".join(_set(item) for item in plan.nft_sets)
    return f"table inet rs {{\n{sets}{plan.nft_rules}}}\n{shape(plan)}"


def shape(plan: Plan) -> str:
    return f"table inet rs_shape {{\n{plan.nft_shape}}}\n" if plan.nft_shape else ""


def _set(item: NftSet) -> str:
    parts = [f"type {item.type};"]
    parts += [f"flags {','.join(item.flags)};"] if item.flags else []
    parts += [f"timeout {item.timeout_s}s;"] if item.timeout_s else []
    parts += [f'comment "from {item.elements_file}";'] if item.elements_file else []
    parts += ["elements = {{ {} }}".format(", ".join(item.elements))] if item.elements else []
    return f"{'set' if item.kind == 'set' else 'map'} {item.name} {{ {' '.join(parts)} }}\n"


def _rows(items: Any) -> str:
    return "".join(json.dumps(msgspec.to_builtins(item), ensure_ascii=False) + "\n" for item in items)


def _sets(plan: Plan) -> str:
    return "".join(_set(item) for item in plan.nft_sets)


def _files(plan: Plan) -> str:
    return "".join(f"===== {item.path}\n{item.content}" for item in plan.files)


def _fastpath(plan: Plan) -> str:
    return json.dumps(msgspec.to_builtins(plan.fastpath), indent=1, ensure_ascii=False) + "\n"


VIEWS: dict[str, Callable[[Plan], str]] = {
    "nft": ruleset,
    "sets": _sets,
    "shape": shape,
    "offload": lambda plan: plan.nft_offload,
    "links": lambda plan: _rows(plan.links),
    "routes": lambda plan: _rows(plan.routes) + _rows(plan.rules),
    "sysctls": lambda plan: "".join(f"{name} = {value}\n" for name, value in plan.sysctls.items()),
    "files": _files,
    "units": lambda plan: _rows(plan.units),
    "fastpath": _fastpath,
}


def load(case: Path) -> tuple[Config, Facts]:
    facts = msgspec.json.decode((case / "facts.json").read_bytes(), type=Facts)
    return codec.decode((case / "config.json").read_bytes()), facts


def views(case: Path) -> Iterator[tuple[Path, str]]:
    config, facts = load(case)
    problems = verify(config, facts)
    for path in sorted(case.glob("expected.*")):
        kind = path.suffix[1:]
        if kind in ("problems", "problems_zh"):
            language = "zh" if kind.endswith("zh") else "en"
            yield path, "".join(f"{p.severity} {problem_text(language, p)}\n" for p in problems)
        else:
            assert not [p for p in problems if p.severity == "error"]
            yield path, VIEWS[kind](render(config, facts))


@pytest.fixture(scope="module", autouse=True)
def _chinese(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with compiled(tmp_path_factory.mktemp("catalogue")):
        yield


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_gives_what_is_expected(case: Path) -> None:
    for path, text in views(case):
        if os.environ.get("GOLDEN_WRITE"):
            path.write_text(text)
        assert path.read_text() == text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_render_is_deterministic(case: Path) -> None:
    config, facts = load(case)
    if not [p for p in verify(config, facts) if p.severity == "error"]:
        again, same_facts = load(case)
        assert msgspec.json.encode(render(config, facts)) == msgspec.json.encode(render(again, same_facts))


def _has_queue(namespace: str) -> bool:
    text = "table inet t {\nchain c {\ntype filter hook forward priority 0;\nqueue flags bypass to 0\n}\n}\n"
    return _nft(namespace, text).returncode == 0


def _nft(namespace: str, text: str) -> subprocess.CompletedProcess[str]:
    argv = ["ip", "netns", "exec", namespace, "nft", "-c", "-f", "-"]
    return subprocess.run(argv, input=text, text=True, capture_output=True, check=False)


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    name = f"{NAMESPACE}-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.mark.kernel
def test_nft_takes_every_ruleset(namespace: str) -> None:
    """The queue statement is checked where the kernel has it (the suite runs on the full kernel too)."""
    has_queue = _has_queue(namespace)
    loaded = 0
    for case in CASES:
        config, facts = load(case)
        if [p for p in verify(config, facts) if p.severity == "error"]:
            continue
        if facts.nft_queue and not has_queue:
            facts = msgspec.structs.replace(facts, nft_queue=False)
        result = _nft(namespace, ruleset(render(config, facts)))
        assert (case.name, result.stderr) == (case.name, "")
        loaded += 1
    assert loaded


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_services_take_their_files(case: Path, tmp_path: Path) -> None:
    """Each program itself reads what was written for it."""
    config, facts = load(case)
    if [p for p in verify(config, facts) if p.severity == "error"]:
        return
    directories = {"run": tmp_path, "state": tmp_path, "static": tmp_path, "lib": tmp_path}
    for item in render(config, facts).files:
        target = tmp_path / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        content = item.content
        for name, directory in directories.items():
            content = content.replace(f"{{{name}}}", str(directory))
        target.write_text(content)
    _make_certificate(tmp_path / "tls")
    checks = [
        ["dnsmasq", "--test", "--conf-file=/dev/null", f"--conf-dir={tmp_path / 'dnsmasq.d'}"],
        ["chronyd", "-p", "-f", str(tmp_path / "chrony.conf")],
    ]
    if (tmp_path / "lighttpd.conf").exists():
        checks.append(["lighttpd", "-tt", "-f", str(tmp_path / "lighttpd.conf")])
    for argv in checks:
        result = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr


@pytest.mark.kernel
def test_pppd_takes_its_options(tmp_path: Path) -> None:
    """The program itself reads them; it wants no more of ``/dev/ppp`` than that it can be opened."""
    config, facts = load(Path(__file__).parent / "cases" / "dialled")
    options = [item for item in render(config, facts).files if item.path.endswith(".options")]
    assert len(options) == 2
    for item in options:
        content = item.content.replace("{run}", str(tmp_path)).replace("{lib}", "/usr/bin")
        path = tmp_path / item.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        path.with_suffix(".secret").write_text('password "top \\"secret"\n')
        device = content.partition("nic-")[2].partition("\n")[0]
        script = (
            "mount -t tmpfs dev /dev && : >/dev/ppp && mknod /dev/null c 1 3 && "
            f"ip link add {device} type veth peer name other && exec pppd file {path} dryrun"
        )
        result = subprocess.run(["unshare", "-nm", "sh", "-c", script], capture_output=True, text=True, check=False)
        told = result.stdout + result.stderr
        assert result.returncode == 0, told
        assert "secret" not in told.replace(str(path.with_suffix(".secret")), "")
        assert f"user {config.wans[path.stem].username}" in told


def _make_certificate(directory: Path) -> None:
    directory.mkdir()
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    argv += ["-subj", "/CN=box", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True)
    (directory / "box.pem").write_text(key.read_text() + certificate.read_text())
