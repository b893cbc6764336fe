"""The product in the router's namespace: how it is started, configured and asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.lab import config, netns
from tests.lab.addresses import Host, Line

# dhcpcd keeps its state per machine, not per namespace.
_PRIVATE = ("/run/dhcpcd", "/var/lib/dhcpcd")
_START_TIMEOUT_S = 30.0


class Product:
    """One running product; ``state`` is its flash, ``run`` its memory."""

    def __init__(self, namespace: str, directory: Path, repository: Path) -> None:
        self._namespace = namespace
        self._repository = repository
        self.state = directory / "state"
        self.run = directory / "run"

    @property
    def socket(self) -> Path:
        """The control socket, for rsctl."""
        return self.run / "rsd.sock"

    @property
    def first_password(self) -> str:
        """What the page asks for on the first day."""
        return (self.run / "first-password").read_text().strip()

    def argv(self, ports: Sequence[str]) -> list[str]:
        """The command that starts it, to be run in the router's namespace."""
        launcher = [sys.executable, "-OO", "-m", "firmware.daemon.launcher", "--ports", ",".join(ports), "--web"]
        launcher += ["--state", str(self.state), "--run", str(self.run)]
        return [sys.executable, "-m", "tests.lab.private", *_PRIVATE, "--", *launcher]

    def configure(self, lines: Sequence[Line], hosts: Sequence[Host]) -> None:
        """Waits for the control socket and commits the site's configuration."""
        netns.wait_until(self.socket.exists, f"control socket {self.socket}", _START_TIMEOUT_S)
        self.rsctl("import", "-", stdin=config.text(config.office(lines, hosts)))
        self.rsctl("commit", "-m", "virtual site")

    def rsctl(self, *argv: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs rsctl as the local owner; :raise AssertionError: with its output when it fails and ``check`` is on."""
        program = [str(self._repository / ".venv" / "bin" / "rsctl"), "--socket", str(self.socket), *argv]
        inside = netns.inside(self._namespace, program)
        done = subprocess.run(inside, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise AssertionError(f"rsctl {' '.join(argv)} gave {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def ask(self, *argv: str) -> Any:
        """What ``rsctl --json`` answers."""
        return json.loads(self.rsctl("--json", *argv).stdout)
