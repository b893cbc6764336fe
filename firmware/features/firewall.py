"""What every packet passes whatever the zones say: states, MSS, the ICMPv6 that IPv6 needs; how refusing is done."""

from __future__ import annotations

from firmware.features.part import Part
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.problem import Problem

_ICMPV6_ERRORS = "destination-unreachable, packet-too-big, time-exceeded, parameter-problem"
# RFC 4890 4.4.1: neighbours and routers (never from behind a router: hop limit 255), multicast listeners
_ICMPV6_NEIGHBOURS = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"
_ICMPV6_MULTICAST = "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"
_STATES = "ct state vmap { invalid : drop, established : accept, related : accept }"


def verify(config: Config, facts: Facts) -> list[Problem]:
    return []


def render(config: Config, facts: Facts) -> Part:
    return Part(
        rules={
            "forward": (
                # Before the states: the answer to a SYN is "established". nft only ever lowers the value.
                "tcp flags syn tcp option maxseg size set rt mtu",
                _STATES,
                f"icmpv6 type {{ {_ICMPV6_ERRORS} }} accept",
            ),
            "input": (
                # A neighbour's answer has no state where conntrack does not track ND.
                f"icmpv6 type {{ {_ICMPV6_NEIGHBOURS} }} ip6 hoplimit 255 accept",
                f"icmpv6 type {{ {_ICMPV6_MULTICAST} }} ip6 saddr fe80::/10 accept",
                f"icmpv6 type {{ {_ICMPV6_ERRORS} }} accept",
                _STATES,
                'iifname "lo" accept',
                # Answers to the DHCP clients come from addresses they did not ask.
                "iifname @wan_devices udp sport 67 udp dport 68 accept",
                "iifname @wan_devices ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept",
            ),
            "refuse": (
                "meta l4proto tcp reject with tcp reset",
                "reject with icmpx admin-prohibited",
            ),
        }
    )
