"""Lines that are dialled (PPPoE, RFC 2516): pppd keeps the session, rsd does the rest.

pppd makes the device ``ppp<number>`` with its address, and tells by the hook what it was given, as dhcpcd does. It ends
with the session (``nopersist``): so its exit status says why, such as that the provider refused the account, and the
supervisor dials again, at once after a session that held and ever more slowly after failures.

The password is in no Plan. rsd writes it from the secrets file to ``{run}/ppp/<line>.secret``, which the options
include; a line without one is not dialled.
"""

from __future__ import annotations

from firmware.features.part import Part
from firmware.features.problems import problem
from firmware.features.topology import lines
from firmware.model.config import Config, Wan
from firmware.model.devices import ethernet_device
from firmware.model.facts import Facts
from firmware.model.plan import File, Unit
from firmware.model.problem import Problem
from firmware.model.values import is_printable

MTU = 1492  # RFC 2516 chapter 7: 8 bytes less than Ethernet's
WORD_MAX = 128
_WORDS = ("username", "service_name", "ac_name")
# Whether the server is still there is asked every 10 s; a lost line is found faster by its health.
_OPTIONS = (
    "noauth",  # who dials does not ask the provider to prove himself
    "nodetach",
    "nopersist",
    "maxfail 1",
    "noipdefault",
    "ipcp-accept-remote",
    "nodefaultroute",
    "usepeerdns",
    "hide-password",
    "lcp-echo-interval 10",
    "lcp-echo-failure 3",
    "pppoe-padi-timeout 2",
    "pppoe-padi-attempts 3",
)


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems = []
    for name, wan in sorted(config.wans.items()):
        if wan.protocol == "pppoe":
            problems += _verify_dialled(name, wan, facts)
            continue
        for key in _WORDS:
            if getattr(wan, key) is not None:
                message = "Only a line that is dialled has this."
                remedy = "Remove it, or choose the protocol pppoe."
                problems.append(problem("wans", name, key, value=getattr(wan, key), message=message, remedy=remedy))
    return problems


def render(config: Config, facts: Facts) -> Part:
    files, units = [], []
    for line in lines(config, facts):
        wan = config.wans[line.name]
        if wan.protocol != "pppoe" or line.name not in facts.passwords:
            continue
        path = f"ppp/{line.name}.options"
        files.append(File(path=path, content=_options(line.name, wan)))
        units.append(Unit(name=unit_name(line.name), argv=("pppd", "file", f"{{run}}/{path}"), restart_on=(path,)))
    return Part(files=tuple(files), units=tuple(units))


def unit_name(line: str) -> str:
    """The unit that dials a line."""
    return f"pppoe-{line}"


def _options(name: str, wan: Wan) -> str:
    """pppd's options; the plugin comes first, since it brings some of them."""
    mtu = wan.mtu or MTU
    rows = ["plugin pppoe.so", f"nic-{ethernet_device(wan)}"]
    rows += [f"pppoe-service {_quoted(wan.service_name)}"] if wan.service_name else []
    rows += [f"pppoe-ac {_quoted(wan.ac_name)}"] if wan.ac_name else []
    rows += _OPTIONS
    rows += [f"unit {wan.number}", f"ifname ppp{wan.number}", f"mtu {mtu}", f"mru {mtu}"]
    rows.append("noipv6" if wan.ipv6 == "off" else "+ipv6")
    rows += [f"set rs_line={name}", "set rs_run={run}", "set reason=PPP", "ip-up-script {lib}/line-hook"]
    rows += [f"user {_quoted(wan.username or '')}", f"file {{run}}/ppp/{name}.secret"]
    return "".join(f"{row}\n" for row in rows)


def _quoted(text: str) -> str:
    """A word as pppd reads it, whatever it holds."""
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


def _verify_dialled(name: str, wan: Wan, facts: Facts) -> list[Problem]:
    problems = []
    if not facts.has_pppoe:
        message = "This box cannot dial: its kernel has no PPPoE."
        remedy = "Let the modem dial and choose dhcp, or use an image with PPPoE."
        problems.append(problem("wans", name, "protocol", value=wan.protocol, message=message, remedy=remedy))
    if wan.username is None:
        message = "A line that is dialled needs a user name."
        remedy = "Enter the account that your provider gave you."
        problems.append(problem("wans", name, "username", message=message, remedy=remedy))
    elif name not in facts.passwords:
        message = "The line has no password yet, so it is not dialled."
        remedy = "Enter it on the line's page, or with: rsctl lines password %(line)s"
        path = ("wans", name, "username")
        problems.append(
            problem(*path, value=wan.username, message=message, remedy=remedy, severity="warning", line=name)
        )
    for key in _WORDS:
        text = getattr(wan, key)
        if text is not None and not is_printable(text, WORD_MAX):
            message = "This holds signs that no account has, or is too long."
            remedy = "Use 1 to %(limit)s letters, digits and signs, without line breaks."
            problems.append(problem("wans", name, key, value=text, message=message, remedy=remedy, limit=WORD_MAX))
    return problems
