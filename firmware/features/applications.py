"""Applications that the admin made: checked here, given to the fastpath beside those of the database."""

from __future__ import annotations

from firmware.features.part import Part
from firmware.features.problems import problem, unknown, unreadable
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import CustomApplication
from firmware.model.problem import Problem
from firmware.model.values import parse_hostname, parse_network, parse_ports

CATEGORIES = (  # docs/design/contracts.md, Application database
    *("im", "video", "live", "music", "game", "stock", "p2p", "download", "social", "shopping", "mail", "office"),
    *("meeting", "remote", "vpn", "cloud", "news", "search", "web", "ai", "payment", "network", "iot", "education"),
    *("ads", "adult", "threat", "system", "other"),
)


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    for name, own in sorted(config.applications.items()):
        path = ("applications", name)
        if name in facts.applications:
            message = "The database has an application of this name."
            problems.append(problem(*path, value=name, message=message, remedy="Give yours another name."))
        if own.category not in CATEGORIES:
            message = "There is no category %(value)s."
            problems.append(unknown(*path, "category", value=own.category, known=CATEGORIES, message=message))
        if not (own.domains or own.networks or own.ports):
            message = "Nothing says how this application is recognised."
            remedy = "Give it domains, networks or ports."
            problems.append(problem(*path, value=name, message=message, remedy=remedy))
        for key, texts, reader, remedy in (
            ("domains", own.domains, parse_hostname, "Write domain names such as example.com."),
            ("networks", own.networks, parse_network, "Write networks such as 203.0.113.0/24."),
            ("ports", own.ports, parse_ports, "Write ports such as 443 or 8000-8010."),
        ):
            for index, text in enumerate(texts):
                message = "This cannot be read."
                _, wrong = unreadable(reader, text, *path, key, str(index), message=message, remedy=remedy)
                problems += wrong
    return problems


def render(config: Config, facts: Facts) -> Part:
    """Applications reach the fastpath together with the policies (policies.py)."""
    return Part()


def custom_applications(config: Config) -> tuple[CustomApplication, ...]:
    """The admin's applications in the fastpath's form."""
    return tuple(
        CustomApplication(
            id=name,
            name_zh=own.name_zh,
            name_en=own.name_en,
            category=own.category,
            domains=tuple(sorted({parse_hostname(domain) for domain in own.domains})),
            networks=tuple(str(network) for network in sorted({str(parse_network(n)) for n in own.networks})),
            ports=tuple(sorted({parse_ports(ports) for ports in own.ports})),
        )
        for name, own in sorted(config.applications.items())
    )
