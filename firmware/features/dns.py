"""Names: dnsmasq answers the LANs, asks the lines' own servers, and keeps private answers of strangers out."""

from __future__ import annotations

from collections.abc import Iterable

from firmware.features import dhcp, line_policies, server_names
from firmware.features.part import Part
from firmware.features.problems import problem, unreadable
from firmware.features.topology import bridge, lan_address, lan_networks4, lan_networks6, lines
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import File, Unit
from firmware.model.problem import Problem
from firmware.model.values import parse_address, parse_hostname

# Mozilla, "Canary domain - use-application-dns.net"; Apple, "Prepare your network for iCloud Private Relay".
CANARIES = ("use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com")
CONF, HOSTS, SERVERS = "dnsmasq.d/dns.conf", "dnsmasq/hosts", "dnsmasq/servers"
_ARGV = (
    "dnsmasq",
    "--keep-in-foreground",
    "--log-facility=-",
    "--conf-file=/dev/null",  # not the distribution's
    "--conf-dir={run}/dnsmasq.d",
    f"--addn-hosts={{run}}/{HOSTS}",
    f"--servers-file={{run}}/{SERVERS}",
    f"--dhcp-hostsfile={{run}}/{dhcp.RESERVATIONS}",
    "--dhcp-leasefile={state}/dnsmasq.leases",
    "--pid-file={run}/dnsmasq.pid",
)


def verify(config: Config, facts: Facts) -> list[Problem]:
    remedy = "Use letters, digits and -, with dots between the parts."
    _, problems = unreadable(
        parse_hostname, config.dns.domain, "dns", "domain", message="This is no domain name.", remedy=remedy
    )
    for index, server in enumerate(config.dns.upstreams):
        _, wrong = unreadable(
            parse_address,
            server,
            "dns",
            "upstreams",
            str(index),
            message="This is no address.",
            remedy="Write an address such as 223.5.5.5.",
        )
        problems += wrong
    for name, address in sorted(config.dns.records.items()):
        _, wrong = unreadable(
            parse_hostname, name, "dns", "records", name, message="This is no domain name.", remedy=remedy
        )
        _, wrong_address = unreadable(
            parse_address,
            address,
            "dns",
            "records",
            name,
            message="This is no address.",
            remedy="Write the address that the name stands for.",
        )
        problems += wrong + wrong_address
    if not config.dns.upstreams and not _has_servers(config):
        problems.append(
            problem(
                "dns",
                "upstreams",
                message="No name server would be asked: static lines have none of their own.",
                remedy="Enter upstreams here, or dns at a line.",
                severity="warning",
            )
        )
    return problems


def _has_servers(config: Config) -> bool:
    enabled = [wan for wan in config.wans.values() if wan.enabled]
    return not enabled or any(wan.dns or wan.protocol != "static" for wan in enabled)


def render(config: Config, facts: Facts) -> Part:
    domain = parse_hostname(config.dns.domain)
    conf = [
        "no-resolv",
        "no-hosts",
        "bind-dynamic",
        "domain-needed",
        "bogus-priv",
        f"domain={domain}",
        f"local=/{domain}/",
        "expand-hosts",
        "localise-queries",  # the router by the address that the asker is next to
        "cache-size=2000",
        "dns-forward-max=1000",
        "edns-packet-max=1232",
        *(f"interface={bridge(name)}" for name in sorted(config.lans)),
    ]
    if not config.lans:
        conf.append("interface=lo")
    if config.dns.rebind_protection:
        conf += ["stop-dns-rebind", "rebind-localhost-ok", f"rebind-domain-ok=/{domain}/"]
    if config.dns.canary:
        conf += [f"local=/{name}/" for name in CANARIES]  # "no such name" is the sign that they look for
    if config.dns.hide_ech_keys:
        conf.append("filter-rr=HTTPS,SVCB")
    conf += server_names.dnsmasq_lines(line_policies.learned_names(config, facts))
    hosts = [f"{lan_address(lan).ip} {config.system.hostname.lower()}" for _, lan in sorted(config.lans.items())]
    hosts += [f"{parse_address(to)} {parse_hostname(name)}" for name, to in sorted(config.dns.records.items())]
    # A question whose answer died with its line would hold up, for all hosts, every later one for the same name: when
    # dnsmasq reads servers anew it goes on asking from the socket of the line that is gone. So it forgets them.
    restart_on = (CONF, dhcp.CONF, SERVERS)
    return Part(
        files=(
            File(path=CONF, content=_text(conf)),
            File(path=HOSTS, content=_text(hosts)),
            File(path=SERVERS, content=_text(_servers(config, facts))),
        ),
        rules={"nat_in": _redirect(config, facts)},
        units=(Unit(name="dnsmasq", argv=_ARGV, restart_on=restart_on, reload_on=(HOSTS, dhcp.RESERVATIONS)),),
    )


def _redirect(config: Config, facts: Facts) -> tuple[str, ...]:
    """Questions that leave for a server of the internet come here; those to a server of another LAN do not, nor those
    of a server in a LAN that is asked itself: each would ask the other."""
    if not (config.dns.redirect and config.lans):
        return ()
    rules = []
    for ip, networks in (("ip", lan_networks4(config)), ("ip6", lan_networks6(config, facts))):
        asked = [
            server for server in map(parse_address, config.dns.upstreams) if any(server in one for one in networks)
        ]
        rules.append(
            " ".join(
                (
                    "iifname @lan_devices",
                    *([f"{ip} saddr != {_set(asked)}"] if asked else []),
                    f"{ip} daddr != {_set(networks)}" if networks else "meta nfproto ipv6",
                    "meta l4proto { tcp, udp } th dport 53 redirect",
                )
            )
        )
    return tuple(rules)


def _set(items: Iterable[object]) -> str:
    return f"{{ {', '.join(map(str, items))} }}"


def _servers(config: Config, facts: Facts) -> list[str]:
    """Servers to ask: those a person named, else each working line's own, asked by that line."""
    if config.dns.upstreams:
        return [f"server={parse_address(server)}" for server in config.dns.upstreams]
    active = lines(config, facts)
    chosen = [line for line in active if line.up] or active
    # dnsmasq gives up for good a server whose device it does not find: a dialled line's comes with its address.
    reached = [line for line in chosen if not line.is_dialled or line.address4]
    return [f"server={parse_address(server)}@{line.device}" for line in reached for server in line.dns]


def _text(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)
