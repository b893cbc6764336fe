"""One run of a command in QEMU on the full kernel, with this machine's file system below it."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildroot.dev import kernel
from tests.vm import initrd

_REPOSITORY = Path(__file__).parents[2]
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "PYENV_ROOT")
_PATIENCE = "RS_PATIENCE=6"  # tests/lab/netns.py
_POLL_S = 0.2


@dataclass(frozen=True)
class Outcome:
    """What the command gave; ``console`` is the kernel's own output."""

    status: int
    output: str
    console: str


class MachineError(Exception):
    """The virtual machine did not come up or did not end in time; the message has the end of its output."""


def run(
    argv: Sequence[str], *, memory_mb: int = 2048, timeout_s: float = 900, progress: Callable[[str], None] | None = None
) -> Outcome:
    """Boots, runs ``argv`` in the repository's directory as root, powers off.

    ``progress`` gets the output as it comes. :raise MachineError: without an outcome.
    """
    system = kernel.get()
    with tempfile.TemporaryDirectory(prefix="rs-vm-") as temporary:
        directory = Path(temporary)
        share = directory / "share"
        share.mkdir()
        variables = shlex.join(f"{name}={os.environ[name]}" for name in _KEPT_VARIABLES if name in os.environ)
        script = f"cd {shlex.quote(str(_REPOSITORY))} && exec env -i {variables} {_PATIENCE} {shlex.join(argv)}\n"
        (share / "command").write_text(script)
        (share / "modules").write_text(str(system.modules.parent))
        initrd.build(system, directory / "initrd")
        _boot(system, directory, memory_mb, timeout_s, progress or (lambda text: None))
        output = _text(share / "output")
        console = _text(directory / "console")
        if not (share / "status").exists():
            raise MachineError(f"the machine ended without a result\n{console[-4000:]}\n{output[-4000:]}")
        return Outcome(int((share / "status").read_text()), output, console)


def _boot(
    system: kernel.Kernel, directory: Path, memory_mb: int, timeout_s: float, progress: Callable[[str], None]
) -> None:
    argv = ["qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-accel", "tcg", "-smp", "1", "-m", str(memory_mb)]
    argv += ["-nodefaults", "-no-reboot", "-display", "none", "-serial", f"file:{directory / 'console'}"]
    argv += ["-kernel", str(system.image), "-initrd", str(directory / "initrd")]
    argv += ["-append", "console=ttyS0 quiet panic=-1"]
    argv += ["-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"]
    argv += ["-virtfs", f"local,path={directory / 'share'},mount_tag=share,security_model=none"]
    deadline = time.monotonic() + timeout_s
    shown = 0
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as machine:
        while machine.poll() is None:
            shown += _show(directory / "share" / "output", shown, progress)
            if time.monotonic() > deadline:
                machine.kill()
                machine.wait()
                output = _text(directory / "share" / "output")[-4000:]
                raise MachineError(f"no end after {timeout_s:g} s\n{_text(directory / 'console')[-4000:]}\n{output}")
            time.sleep(_POLL_S)
    _show(directory / "share" / "output", shown, progress)


def _show(path: Path, offset: int, progress: Callable[[str], None]) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    if data:
        progress(data.decode(errors="replace"))
    return len(data)


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
