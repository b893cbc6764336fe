"""The reference image in QEMU: a disk of its own, two ports, a serial console that a test can type on."""

from __future__ import annotations

import contextlib
import http.client
import re
import secrets
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

# Emulated in software on a busy machine: only an end that never comes is an error.
_START_S = 400.0
_COMMAND_S = 120.0
_POLL_S = 0.5
_ROUTER = "192.168.8.1"  # firmware/model/defaults.py


class MachineError(AssertionError):
    """What was waited for did not come; the message has the end of the console."""


class Machine:
    """One power-on after the other, on the same disk: what lies on it survives, memory does not."""

    def __init__(
        self,
        image: Path | None,
        directory: Path,
        *,
        memory_mb: int = 128,
        disk_mb: int = 0,
        kind: Literal["plain", "wearing", "caching"] = "plain",
    ) -> None:
        """``image`` is what its disk begins with; without one it is empty and has ``disk_mb``. A ``wearing`` disk can
        refuse what is written; a ``caching`` one loses at a power cut whatever it was not told to flush."""
        self.disk = directory / "disk.img"
        self._kind = kind
        self._server = directory / "nbd"
        self._is_worn = directory / "worn"
        self._socket = directory / "console"
        self._memory_mb = memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._nbdkit: subprocess.Popen[bytes] | None = None
        self._console: socket.socket | None = None
        self._text = ""
        self.page_port = _free_port()
        if image is not None:
            subprocess.run(["cp", "--sparse=always", str(image), str(self.disk)], check=True)
        else:
            with self.disk.open("wb") as file:
                file.truncate(disk_mb << 20)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cut_power()

    def start(self, medium: Path | None = None) -> None:
        """Switches it on; GRUB, kernel and product follow by themselves. ``medium`` is a USB stick to start from."""
        self.cut_power()
        self._socket.unlink(missing_ok=True)
        self._text = ""
        argv = ["qemu-system-x86_64", "-machine", "pc", "-cpu", "max", "-accel", "tcg", "-smp", "1"]
        argv += ["-m", str(self._memory_mb), "-nodefaults", "-display", "none"]
        argv += ["-drive", f"file={self._serve() or self.disk},format=raw,if=virtio,werror=report"]
        if medium is not None:
            argv += ["-device", "qemu-xhci", "-drive", f"file={medium},format=raw,if=none,id=medium"]
            argv += ["-device", "usb-storage,drive=medium,bootindex=0,removable=on"]
        argv += ["-device", "i6300esb"]
        argv += ["-serial", f"unix:{self._socket},server=on,wait=off"]
        lan = f"net=192.168.8.0/24,host=192.168.8.254,hostfwd=tcp:127.0.0.1:{self.page_port}-{_ROUTER}:443"
        for name, options in (("line", "net=10.0.2.0/24"), ("lan", lan)):
            argv += ["-netdev", f"user,id={name},{options}", "-device", f"virtio-net-pci,netdev={name},romfile="]
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        self._wait(self._socket.exists, "QEMU's console", 20)
        self._console = socket.socket(socket.AF_UNIX)
        self._console.connect(str(self._socket))
        self._console.setblocking(False)

    def cut_power(self) -> None:
        """As if the plug were pulled."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._nbdkit is not None:
            self._nbdkit.kill()
            self._nbdkit.wait()
        if self._console is not None:
            self._listen()
            self._console.close()
        self._console = self._process = self._nbdkit = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It does nothing meanwhile: its disk is what it would be had its power been cut."""
        processes = [process for process in (self._process, self._nbdkit) if process is not None]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGCONT)

    def let_run(self, seconds: float) -> None:
        """It goes on for a while, and its console is listened to, which it would wait for."""
        deadline_s = time.monotonic() + seconds
        self._wait(lambda: self._listen() or time.monotonic() >= deadline_s, "the time", seconds + _COMMAND_S)

    def wear_out(self) -> None:
        """From now on the disk refuses whatever is written to it, after the next power-on too."""
        self._is_worn.touch()

    def mend(self) -> None:
        """It takes everything again."""
        self._is_worn.unlink()

    def wait_for_end(self) -> None:
        """Until it has switched itself off."""
        assert self._process is not None
        self._process.wait(_COMMAND_S)
        self.cut_power()

    @property
    def said(self) -> str:
        """What the console has shown since the last thing that was waited for."""
        return self._text

    def press(self, keys: str) -> None:
        """Keys on the console, as they are."""
        assert self._console is not None
        self._console.sendall(keys.encode())

    def log_in(self) -> None:
        """Root's shell on the console, which shows a menu and asks for no password."""
        self.wait_for(r"type shell", _START_S)
        self._type("shell")
        self.wait_for(r"# ", _COMMAND_S)
        self._type("stty -echo; PS1=; dmesg -n 1")
        self.run("true")

    def wait_for_page(self) -> None:
        """Until the page answers over TLS."""
        self._wait(self._page_answers, "the page", _START_S)

    def wait_until(self, command: str) -> None:
        """Until a command of the box's shell succeeds."""
        self._wait(lambda: self.status(command) == 0, command, _START_S)

    def run(self, command: str) -> str:
        """What a command prints. :raise AssertionError: when it fails."""
        status, output = self._run(command)
        assert status == 0, f"{command} gave {status}: {output}"
        return output

    def status(self, command: str) -> int:
        """A command's exit code."""
        return self._run(command)[0]

    def get(self, path: str, timeout_s: float = 30) -> tuple[int, bytes]:
        """Status and body of a page."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            self.page_port,
            timeout=timeout_s,
            context=ssl._create_unverified_context(),
        )
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Host": _ROUTER})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def wait_for(self, pattern: str, timeout_s: float = _START_S) -> re.Match[str]:
        """Until the console shows it; what came before it is forgotten."""
        found: list[re.Match[str]] = []

        def is_there() -> bool:
            self._listen()
            found.extend(filter(None, [re.search(pattern, self._text)]))
            return bool(found)

        self._wait(is_there, pattern, timeout_s)
        self._text = self._text[found[0].end() :]
        return found[0]

    def _serve(self) -> str | None:
        """The address of a disk that has faults; they are made by nbdkit."""
        if self._kind == "plain":
            return None
        self._server.unlink(missing_ok=True)
        faults = {
            "wearing": ["error=EIO", "error-pread-rate=0", "error-pwrite-rate=100%", f"error-file={self._is_worn}"],
            "caching": ["cache=writeback"],
        }[self._kind]
        name = "error" if self._kind == "wearing" else "cache"
        argv = ["nbdkit", "--foreground", "--unix", str(self._server), f"--filter={name}", "file", str(self.disk)]
        self._nbdkit = subprocess.Popen([*argv, *faults], stdin=subprocess.DEVNULL)
        self._wait(self._server.exists, "nbdkit", 20)
        return f"nbd+unix:///?socket={self._server}"

    def _run(self, command: str) -> tuple[int, str]:
        sign = secrets.token_hex(4)
        # In two halves, so that a shell which echoes does not show the sign.
        self._type(f"echo; echo {sign[:4]}''{sign[4:]}; {command}; echo {sign[4:]}''{sign[:4]} $?")
        self.wait_for(rf"{sign}\n", _COMMAND_S)
        end = self.wait_for(rf"((?:.*\n)*?){sign[4:]}{sign[:4]} (\d+)\n", _COMMAND_S)
        return int(end[2]), end[1]

    def _type(self, line: str) -> None:
        assert self._console is not None
        self._console.sendall(f"{line}\n".encode())

    def _listen(self) -> None:
        """Takes what the console has shown."""
        assert self._console is not None
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while data := self._console.recv(65536):
                self._text += data.decode(errors="replace").replace("\r", "")

    def _page_answers(self) -> bool:
        self._listen()
        try:
            return self.get("/")[0] < 500
        except (OSError, http.client.HTTPException):
            return False

    def _wait(self, is_met: Callable[[], bool], what: str, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not is_met():
            if time.monotonic() > deadline_s:
                raise MachineError(f"{what} did not come within {timeout_s:g} s\n{self._text[-4000:]}")
            if self._process is not None and self._process.poll() is not None:
                raise MachineError(f"QEMU ended with {self._process.returncode}\n{self._text[-4000:]}")
            time.sleep(_POLL_S)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
