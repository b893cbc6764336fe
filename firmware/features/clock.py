"""The clock: chronyd follows time servers and serves the zones that have the service ntp."""

from __future__ import annotations

from firmware.features.part import Part
from firmware.features.problems import unreadable
from firmware.features.topology import lan_address, lan_addresses6
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import File, Unit
from firmware.model.problem import Problem
from firmware.model.values import parse_address, parse_hostname

CONF = "chrony.conf"


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems = []
    for index, server in enumerate(config.system.ntp_servers):
        _, wrong = unreadable(
            _server,
            server,
            "system",
            "ntp_servers",
            str(index),
            message="This is no time server's name or address.",
            remedy="Write a name such as ntp.aliyun.com or an address.",
        )
        problems += wrong
    return problems


def render(config: Config, facts: Facts) -> Part:
    conf = [f"server {_server(server)} iburst" for server in config.system.ntp_servers]
    conf += ["driftfile {state}/chrony.drift", "pidfile {run}/chronyd.pid", "makestep 1 3", "cmdport 0"]
    conf += ["bindcmdaddress /", "user root"]
    if facts.can_set_clock:
        conf.append("rtcsync")
    for _, lan in sorted(config.lans.items()):
        if "ntp" in config.zones[lan.zone].services:
            conf.append(f"allow {lan_address(lan).network}")
            conf += [f"allow {address.network}" for address in lan_addresses6(config, facts, lan)]
    argv = ("chronyd", "-d", "-f", f"{{run}}/{CONF}") + (() if facts.can_set_clock else ("-x",))
    return Part(
        files=(File(path=CONF, content="".join(f"{line}\n" for line in conf)),),
        units=(Unit(name="chronyd", argv=argv, restart_on=(CONF,)),),
    )


def _server(text: str) -> str:
    """A server as chrony takes it: an address, or a name. Raises ValueError."""
    try:
        return str(parse_address(text))
    except ValueError:
        return parse_hostname(text)
