"""The menu of the serial console, in Chinese and English: for who stands before a box whose page cannot be reached.

Settings go through rsd like everybody's, so they are verified and can be taken back. What concerns the whole box is a
program of its own in ``/usr/sbin``. Whoever stands here has the disk anyway, so nobody is asked who he is.
"""

from __future__ import annotations

import contextlib
import getpass
import select
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from firmware.cli import tools
from firmware.cli.command import Context
from firmware.cli.terminal import Terminal, duration_text
from firmware.client import Client, ClientError, Refused

EXIT_SHELL = 10  # console-menu starts a shell then: no Python waits behind it
IDLE_S = 600.0
OTHER_SLOT, RESET, RESTART = ("/usr/sbin/other-slot",), "/usr/sbin/ask-reset", ("/sbin/reboot",)
KEEP, WIPE, GO = "RESET", "WIPE", "YES"
_SERIAL = ("ttyS", "ttyAMA", "ttyUSB", "hvc")
_LINE_KEYS = ("address", "gateway", "username")


class Way(NamedTuple):
    """What the menu works with; tests have others."""

    ask: Callable[[str], str]  # :raise EOFError: nobody is there any more
    ask_secret: Callable[[str], str]
    run: Callable[[Sequence[str]], int]


class _LeftError(Exception):
    """Back to the menu: an empty answer."""


def console(context: Context) -> int | None:
    """Starts in the language that was asked for, else in the box's where its letters can be drawn."""
    terminal = context.terminal
    if context.args.language is None:
        box = "zh"
        with contextlib.suppress(ClientError):
            box = context.call("config.get", path="system.language", which="running")
        terminal.language = default_language(box)
    return Menu(terminal, context.connect, Way(_ask, getpass.getpass, _run)).show()


class Menu:
    """Shows itself until somebody leaves it; the exit code is returned."""

    def __init__(self, terminal: Terminal, connect: Callable[[], Client], way: Way) -> None:
        self._terminal, self._connect, self._way = terminal, connect, way
        self._entries: dict[str, tuple[str, Callable[[], None]]] = {
            "1": ("State and addresses", self._state),
            "2": ("Address of the local network", self._lan),
            "3": ("A line to the internet", self._line),
            "4": ("Password of the owner", self._password),
            "5": ("Start the other slot: the version before", self._other_slot),
            "6": ("Factory settings", self._reset),
            "7": ("Restart", self._restart),
            "9": ("Ports, cables, and whether a host answers", self._check),
        }

    def show(self) -> int:
        """Until somebody leaves."""
        try:
            while True:
                answer = self._choose()
                if answer == "L":
                    self._terminal.language = "en" if self._terminal.language == "zh" else "zh"
                elif answer == "8":
                    return EXIT_SHELL
                elif answer in ("", "0"):
                    return 0
                elif answer in self._entries:
                    self._do(self._entries[answer][1])
        except (EOFError, KeyboardInterrupt):
            return 0

    def _choose(self) -> str:
        self._say("")
        titles = {key: title for key, (title, _) in self._entries.items()} | {"8": "Shell"}
        for key in sorted(titles):
            self._say(f" {key}  {self._t(titles[key])}")
        self._say(" L  " + ("中文" if self._terminal.language == "en" else "English"))
        self._say(f" 0  {self._t('Leave')}")
        return self._way.ask("> ").strip().upper()

    def _do(self, entry: Callable[[], None]) -> None:
        try:
            entry()
        except _LeftError:
            self._say(self._t("Nothing was changed."))
        except Refused as error:
            self._say(self._t(error.message, **error.params))
            self._terminal.problems(error.problems)
        except ClientError as error:
            self._say(self._t("The router's daemon does not answer: %(reason)s", reason=error))

    # ---- what it shows ----

    def _state(self) -> None:
        status, lans = self._call("status"), self._call("config.get", path="lans", which="running")
        self._terminal.pairs(
            [
                ("host name", status["hostname"]),
                ("version", status["version"]),
                ("running for", duration_text(status["uptime_s"])),
                ("alarms", str(status["alarms"])),
            ]
        )
        for name, lan in lans.items():
            self._say(self._t("Local network %(name)s: %(address)s", name=name, address=lan["address"]))
        for line in status["lines"]:
            state = self._t("works") if line["up"] else self._t("does not work")
            address = line.get("address") or "-"
            self._say(self._t("Line %(name)s: %(address)s, %(state)s", name=line["name"], address=address, state=state))
        for alarm in self._call("alarms"):
            if alarm["cleared"] is None:
                self._say(f"! {self._t(alarm['message'], **alarm['params'])}")

    def _check(self) -> None:
        """The field tools that need nothing but eyes; all others are the shell's ``rsctl``."""
        tools.cable(Context(Namespace(), self._terminal, self._connect))
        if host := self._way.ask(self._t("Host to ping, such as 223.5.5.5; empty: back: ")).strip():
            asked = Namespace(host=host, line=None, family=None, count=None, size=None)
            tools.ping(Context(asked, self._terminal, self._connect))

    # ---- what it sets ----

    def _lan(self) -> None:
        lans = self._ready("lans")
        name = self._pick(lans, "Which local network?")
        self._say(self._t("Now: %(value)s", value=lans[name]["address"]))
        changes: dict[str, Any] = {f"lans.{name}.address": self._asked("New address, such as 192.168.8.1/24: ")}
        dhcp = lans[name].get("dhcp") or {}
        changes |= {f"lans.{name}.dhcp.{key}": None for key in ("start", "end") if dhcp.get(key)}  # of the old network
        self._apply(changes)

    def _line(self) -> None:
        wans = self._ready("wans")
        name = self._pick(wans, "Which line?")
        answer = self._asked("1 automatic (DHCP), 2 fixed address, 3 dialled (PPPoE): ")
        protocol = {"1": "dhcp", "2": "static", "3": "pppoe"}.get(answer)
        if protocol is None:
            raise _LeftError
        wan = {key: value for key, value in wans[name].items() if key not in _LINE_KEYS}
        wan["protocol"] = protocol
        if protocol != "pppoe":
            wan = {key: value for key, value in wan.items() if key not in ("service_name", "ac_name")}
            wan = wan if wan.get("vlan") else {key: value for key, value in wan.items() if key != "mtu"}
        password = ""
        if protocol == "static":
            wan["address"] = self._asked("Address with its length, such as 203.0.113.2/24: ")
            wan["gateway"] = self._asked("Gateway: ")
            wan["dns"] = self._asked("Name servers, with spaces between: ").split()
        elif protocol == "pppoe":
            wan["username"] = self._asked("Account: ")
            password = self._way.ask_secret(self._t("Its password, empty: as it is: "))
        self._call("config.set", path=f"wans.{name}", value=wan)
        if password:
            self._call("line.password", line=name, password=password)
        self._apply({})

    def _password(self) -> None:
        users = self._call("config.get", path="users", which="running")
        owners = {user: user for user, values in users.items() if values["role"] == "owner"}
        user = self._pick(owners, "Whose password?")
        new = self._way.ask_secret(self._t("New password for %(user)s: ", user=user))
        if not new:
            raise _LeftError
        if new != self._way.ask_secret(self._t("Once more: ")):
            self._say(self._t("The two passwords differ; nothing was changed."))
            return
        self._call("password.change", user=user, new=new)
        self._say(self._t("The password of %(user)s is changed.", user=user))

    def _ready(self, path: str) -> dict[str, Any]:
        """What can be changed, when nothing else waits to be put in force along with it."""
        if self._call("config.diff"):
            self._say(self._t("Changes prepared earlier are not in force, and would be with this one."))
            self._word("Type %(word)s to discard them; anything else leaves all as it is: ", GO)
            self._call("config.discard")
        found: dict[str, Any] = self._call("config.get", path=path, which="candidate")
        return found

    def _apply(self, changes: dict[str, Any]) -> None:
        """All of it or nothing. Somebody is here, so nobody has to confirm it."""
        try:
            for path, value in changes.items():
                if value is None:
                    self._call("config.delete", path=path)
                else:
                    self._call("config.set", path=path, value=value)
            revision = self._call("config.commit", message="console")["revision"]
        except Refused:
            self._call("config.discard")
            raise
        self._say(self._t("Revision %(revision)s is in force.", revision=revision))

    # ---- the whole box ----

    def _other_slot(self) -> None:
        self._word("The router restarts with the version before. Type %(word)s to go on: ", GO)
        if self._way.run(OTHER_SLOT):
            self._say(self._t("There is no other version to start."))

    def _reset(self) -> None:
        keep = "%(word)s: settings, users, passwords, keys and statistics are lost; business data stay."
        self._say(self._t(keep, word=KEEP))
        self._say(self._t("%(word)s: ALL BUSINESS DATA are lost too, for ever.", word=WIPE))
        answer = self._way.ask(self._t("Type one of the two words; anything else leaves all as it is: ")).strip()
        if answer not in (KEEP, WIPE):
            raise _LeftError
        if self._way.run((RESET, "keep" if answer == KEEP else "wipe")):
            self._say(self._t("That cannot be done on this box."))

    def _restart(self) -> None:
        self._word("Type %(word)s to restart: ", GO)
        self._way.run(RESTART)

    # ---- asking and saying ----

    def _pick(self, of: dict[str, Any], question: str) -> str:
        """One of several by its number; the only one is not asked for."""
        names = list(of)
        if not names:
            raise _LeftError
        if len(names) == 1:
            return names[0]
        for number, name in enumerate(names, 1):
            self._say(f" {number}  {name}")
        answer = self._asked(f"{self._t(question)} ")
        if not answer.isascii() or not answer.isdecimal() or not 1 <= int(answer) <= len(names):
            raise _LeftError
        return names[int(answer) - 1]

    def _word(self, question: str, word: str) -> None:
        if self._way.ask(self._t(question, word=word)).strip() != word:
            raise _LeftError

    def _asked(self, question: str) -> str:
        answer = self._way.ask(self._t(question)).strip()
        if not answer:
            raise _LeftError
        return answer

    def _call(self, verb: str, **args: Any) -> Any:
        return self._connect().call(verb, **args)

    def _t(self, message: str, **params: object) -> str:
        return self._terminal.t(message, **params)

    def _say(self, text: str) -> None:
        self._terminal.line(text)


def default_language(box: str, active: Path = Path("/sys/class/tty/console/active")) -> str:
    """The box's language on a serial console; the kernel's own screen cannot draw Chinese."""
    try:
        last = active.read_text().split()[-1]
    except (OSError, IndexError):
        return "en"
    return box if last.startswith(_SERIAL) else "en"


def _ask(question: str) -> str:
    sys.stdout.write(question)
    sys.stdout.flush()
    if not select.select([sys.stdin], [], [], IDLE_S)[0]:
        raise EOFError
    answer = sys.stdin.readline()
    if not answer:
        raise EOFError
    return answer


def _run(argv: Sequence[str]) -> int:
    try:
        return subprocess.run(argv, check=False).returncode
    except OSError:
        return 1
