"""The diagnosis bundle: what somebody far away needs to see, as one tar.gz, with no secret in it.

Most is asked over the control socket, as everybody asks; the rest are programs that only list, and the kernel's files.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from firmware.client import Client, ClientError
from firmware.daemon.tools import program
from firmware.daemon.tools.masking import Masks
from firmware.daemon.tools.masking import secrets as known_secrets
from firmware.daemon.tools.task import Task, ToolError
from firmware.model.text import translate
from firmware.model.tools import Diagnosis, DiagnosisResult, Said

FILE_BYTES, BUNDLE_BYTES = 512 * 1024, 8 << 20
PROGRAM_S = 8.0
WEEK_S, HOUR_S = 7 * 86_400, 3600
_LOG_BYTES = 64 * 1024
# File, verb, arguments. The configuration has no secrets (firmware/model/config.py).
ASKED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("status.json", "status", {}),
    ("lines.json", "lines", {}),
    ("bandwidth.json", "bandwidth", {}),
    ("hosts.json", "hosts", {}),
    ("alarms.json", "alarms", {}),
    ("selfcheck.json", "selfcheck", {}),
    ("audit.json", "audit", {"limit": 300}),
    ("revisions.json", "config.revisions", {"limit": 50}),
    ("check.json", "config.check", {"which": "running"}),
    ("database.json", "applications.database", {}),
    ("prefixes.json", "prefixes.list", {}),
    ("update.json", "update.state", {}),
    ("backup.json", "backup.state", {}),
    ("speedtest.json", "speedtest.state", {}),
    ("blocked.json", "blocked", {"limit": 100}),
    ("usage-lines.json", "usage", {"by": "wan", "since_s": WEEK_S}),
)
PROGRAMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kernel/rules.nft", ("nft", "list", "ruleset")),
    ("kernel/ip-rule.txt", ("ip", "rule", "show")),
    ("kernel/ip6-rule.txt", ("ip", "-6", "rule", "show")),
    ("kernel/ip-route.txt", ("ip", "route", "show", "table", "all")),
    ("kernel/ip6-route.txt", ("ip", "-6", "route", "show", "table", "all")),
    ("kernel/ip-address.txt", ("ip", "address", "show")),
    ("kernel/ip-link.txt", ("ip", "-s", "-d", "link", "show")),
    ("kernel/ip-neighbour.txt", ("ip", "neighbour", "show")),
    ("kernel/tc-qdisc.txt", ("tc", "-s", "qdisc", "show")),
    ("kernel/log.txt", ("dmesg",)),
    ("kernel/disks.txt", ("df", "-k")),
    ("kernel/uname.txt", ("uname", "-a")),
)
KERNEL = ("meminfo", "loadavg", "uptime", "interrupts", "softirqs", "net/softnet_stat", "net/snmp", "net/netstat",
          "net/nf_conntrack_count", "sys/net/netfilter/nf_conntrack_count", "sys/net/netfilter/nf_conntrack_max",
          "modules", "mounts", "cmdline")  # fmt: skip
_README = "The diagnosis of a router, made %(time)s UTC. Passwords, tokens and keys are not in it."
_NAMED = "Addresses and MACs are as they are; names of hosts and accounts too."
_ANONYMOUS = "Addresses and MACs are replaced, the same by the same, networks by networks; names are as they are."


def run(task: Task) -> DiagnosisResult:
    asked = task.request
    assert isinstance(asked, Diagnosis)
    os.nice(10)
    state_dir, run_dir = Path(task.state_dir), Path(task.run_dir)
    masks = Masks(known_secrets(state_dir, run_dir), secrets.token_bytes(16), is_anonymous=asked.anonymise)
    with Client(run_dir / "rsd.sock", timeout_s=20.0) as client:
        contents = gathered(client.call, lambda argv: program.output(argv, PROGRAM_S, FILE_BYTES * 2), run_dir)
        names = write(Path(task.file), contents, masks, is_anonymous=asked.anonymise)
    size = Path(task.file).stat().st_size
    said = [Said("ok", "The file holds no password and no key; look through it before you give it away.")]
    if masks.masked:
        words = "%(count)s times something secret stood in a log; it has been made unreadable."
        said.append(Said("warning", words, {"count": str(masks.masked)}))
    return DiagnosisResult(files=tuple(names), masked=masks.masked, size_bytes=size, said=tuple(said))


def gathered(
    call: Callable[..., Any], output: Callable[[tuple[str, ...]], str], run_dir: Path, proc: Path = Path("/proc")
) -> Iterator[tuple[str, str]]:
    """Names and contents one after the other; what cannot be had says why in its place."""
    yield "configuration.json", _asked(call, "config.export", {"which": "running"})
    for name, verb, arguments in ASKED:
        yield name, _asked(call, verb, arguments)
    lines = _try(lambda: call("lines")) or []
    for line in lines if isinstance(lines, list) else []:
        series = {"kind": "line", "key": line["name"], "window_s": HOUR_S}
        yield f"lines/{line['name']}.json", _asked(call, "series", series)
    for name, argv in PROGRAMS:
        yield name, _listed(output, argv)
    for name in KERNEL:
        yield f"kernel/proc-{name.replace('/', '-')}.txt", _tail(proc / name)
    yield "processes.txt", processes(proc)
    for path in sorted((run_dir / "units").glob("*.log")):
        yield f"units/{path.name}", _tail(path, _LOG_BYTES)
    for path in sorted((run_dir / "lines").glob("*.json")):
        yield f"lines/given-{path.name}", _tail(path)


def write(path: Path, contents: Iterator[tuple[str, str]], masks: Masks, *, is_anonymous: bool) -> list[str]:
    """Put contents into the bundle, each masked; what would make it too large is left out, and that is told."""
    names: list[str] = []
    now = time.time()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as bundle:
        readme = _readme(now, _ANONYMOUS if is_anonymous else _NAMED)
        for name, text in _whole(readme, contents):
            if file.tell() > BUNDLE_BYTES:
                break
            # A name may be a line's or a unit's: it is a person's word too.
            data = masks(text)[-FILE_BYTES:].encode(errors="replace")
            entry = tarfile.TarInfo(f"diagnosis/{masks(name)}")
            entry.size, entry.mtime, entry.mode = len(data), int(now), 0o600
            bundle.addfile(entry, io.BytesIO(data))
            names.append(name)
    return names


def processes(proc: Path) -> str:
    """Memory of each process in kB (PSS where the kernel tells, else RSS), the largest first; without arguments."""
    rows = []
    for place in proc.glob("[0-9]*"):
        try:
            status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines() if ":\t" in line)
            memory = _kb((place / "smaps_rollup").read_text(), "Pss:") if (place / "smaps_rollup").exists() else None
        except (OSError, ValueError):
            continue
        if memory is None:
            memory = int((status.get("VmRSS") or "0").split()[0])
        rows.append((memory, int(place.name), status.get("Name", "?"), status.get("Threads", "?")))
    rows.sort(reverse=True)
    return "kB\tpid\tname\tthreads\n" + "".join(f"{kb}\t{pid}\t{name}\t{threads}\n" for kb, pid, name, threads in rows)


def _kb(text: str, key: str) -> int | None:
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(key)), None)


def _readme(now: float, kept: str) -> str:
    """In both languages: who gets the file is not who has made it."""
    params = {"time": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now))}
    return "".join(f"{translate(code, _README, params)}\n{translate(code, kept)}\n" for code in ("en", "zh"))


def _whole(readme: str, contents: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield "README.txt", readme
    yield from contents


def _asked(call: Callable[..., Any], verb: str, arguments: dict[str, Any]) -> str:
    try:
        found = call(verb, **arguments)
    except ClientError as error:
        return f"{verb}: {error}\n"
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, indent=1)


def _try(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except ClientError:
        return None


def _listed(output: Callable[[tuple[str, ...]], str], argv: tuple[str, ...]) -> str:
    try:
        return output((*program.find(argv[0]), *argv[1:]))
    except ToolError as error:
        return f"{error}\n"


def _tail(path: Path, limit_bytes: int = FILE_BYTES) -> str:
    try:
        return path.read_bytes()[-limit_bytes:].decode(errors="replace")
    except OSError as error:
        return f"{error}\n"
