"""Applications that the admin made: checked here, given to the fastpath beside those of the database."""

from __future__ import annotations

from firmware.features.part import Part
from firmware.features.problems import problem, unknown, unreadable
from firmware.model.config import Application, Config, Pattern
from firmware.model.facts import Facts
from firmware.model.plan import CustomApplication, CustomPattern
from firmware.model.problem import Problem
from firmware.model.values import PATTERN_LEAST, PATTERN_MAX, parse_hostname, parse_network, parse_pattern, parse_ports

CATEGORIES = (  # docs/design/contracts.md, Application database
    *("im", "video", "live", "music", "game", "stock", "p2p", "download", "social", "shopping", "mail", "office"),
    *("meeting", "remote", "vpn", "cloud", "news", "search", "web", "ai", "payment", "network", "iot", "education"),
    *("ads", "adult", "threat", "system", "other"),
)


def verify(config: Config, facts: Facts) -> list[Problem]:
    problems: list[Problem] = []
    for name, own in sorted(config.applications.items()):
        if name in facts.applications:
            message = "The database has an application of this name."
            remedy = "Give yours another name."
            problems.append(problem("applications", name, value=name, message=message, remedy=remedy))
        problems += verify_one(name, own)
    return problems


def verify_one(name: str, own: Application) -> list[Problem]:
    """What is wrong with one application, whatever else there is."""
    path, problems = ("applications", name), []
    if own.category not in CATEGORIES:
        message = "There is no category %(value)s."
        problems.append(unknown(*path, "category", value=own.category, known=CATEGORIES, message=message))
    if not (own.domains or own.networks or own.ports or own.patterns):
        message = "Nothing says how this application is recognised."
        remedy = "Give it domains, networks, ports or patterns."
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
    for index, pattern in enumerate(own.patterns):
        if not _is_pattern(pattern.hex):
            message = "This is no pattern."
            remedy = (
                "Write bytes in hexadecimal such as 16 03 ?? 01: at least %(least)s fixed, at most %(most)s in all."
            )
            place, limits = (*path, "patterns", str(index), "hex"), (PATTERN_LEAST, PATTERN_MAX)
            problems.append(
                problem(*place, value=pattern.hex, message=message, remedy=remedy, least=limits[0], most=limits[1])
            )
    return problems


def _is_pattern(text: str) -> bool:
    try:
        return bool(parse_pattern(text))
    except ValueError:
        return False


def render(config: Config, facts: Facts) -> Part:
    """Applications reach the fastpath together with the policies (policies.py)."""
    return Part()


def custom_applications(config: Config) -> tuple[CustomApplication, ...]:
    """The admin's applications in the fastpath's form."""
    return tuple(one_application(name, own) for name, own in sorted(config.applications.items()))


def one_application(name: str, own: Application) -> CustomApplication:
    """One of them, which ``verify_one`` has found well."""
    return CustomApplication(
        id=name,
        name_zh=own.name_zh,
        name_en=own.name_en,
        category=own.category,
        domains=tuple(sorted({parse_hostname(domain) for domain in own.domains})),
        networks=tuple(str(network) for network in sorted({str(parse_network(n)) for n in own.networks})),
        ports=tuple(sorted({parse_ports(ports) for ports in own.ports})),
        patterns=tuple(sorted({_pattern(pattern) for pattern in own.patterns})),
    )


def _pattern(pattern: Pattern) -> CustomPattern:
    return CustomPattern(
        transport=pattern.transport,
        hex=parse_pattern(pattern.hex),
        offset=pattern.offset,
        length=pattern.length or 0,
    )
