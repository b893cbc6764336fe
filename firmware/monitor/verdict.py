"""Why a line does not work in a round, by what was seen of it and what was answered; pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from firmware.model.targets import KINDS, Target
from firmware.monitor.links import LinkState

if TYPE_CHECKING:
    from firmware.monitor.health import Line

LOSS_ROUNDS = 20

NO_DEVICE = "The port does not exist."
NO_CARRIER = "No cable, or the other side is off."
NO_ADDRESS = "The line has no address yet."
NO_GATEWAY = "The line was given no gateway."
NOT_DIALLED = "The line is not dialled in."
NO_ANSWER = "Nothing answers on the line."
TOO_LOSSY = "The line loses more than its limit allows."
TOO_SLOW = "The line delays more than its limit allows."
FLAPPING = "The line comes and goes; it is used again when it has worked for a while."
SILENT_KIND = {
    "ping": "Other questions are answered, but pings are not.",
    "dns": "Other questions are answered, but no name server is reached.",
    "tcp": "Other questions are answered, but connections (TCP) do not come about.",
    "http": "Other questions are answered, but no page comes.",
}
AT_ONCE = frozenset({NO_DEVICE, NO_CARRIER, NO_ADDRESS, NO_GATEWAY, NOT_DIALLED})


class Answers(NamedTuple):
    """What was asked, and what of it was answered in this round and ever."""

    targets: tuple[Target, ...]
    gateway: Target | None
    answered: AbstractSet[Target]
    proven: AbstractSet[Target]


class Seen(NamedTuple):
    """What the kernel knew at the round's end."""

    link: LinkState | None  # the line's device
    port: LinkState | None = None  # what carries a dialled line's session
    alive: AbstractSet[tuple[int, str]] = frozenset()  # neighbours that answer: device and address


def quality(line: Line, rounds: int, loss_percent: float | None, delay_ms: float | None) -> str:
    """Why a line that answers is no good all the same, ``""`` when it is. One that has just come is given time."""
    if rounds < LOSS_ROUNDS:
        return ""
    if line.max_loss_percent is not None and loss_percent is not None and loss_percent > line.max_loss_percent:
        return TOO_LOSSY
    if line.max_delay_ms is not None and delay_ms is not None and delay_ms > line.max_delay_ms:
        return TOO_SLOW
    return ""


def verdict(line: Line, seen: Seen, answers: Answers) -> str:
    """Why the line does not work in this round, ``""`` when it does."""
    if line.is_dialled and (seen.link is None or line.address is None):
        if seen.port is None:
            return NO_DEVICE
        return (line.trouble or NOT_DIALLED) if seen.port.has_carrier else NO_CARRIER
    if seen.link is None:
        return NO_DEVICE
    if not seen.link.has_carrier:
        return NO_CARRIER
    if line.address is None:
        return NO_ADDRESS
    targets, gateway, answered, proven = answers
    if gateway is None:
        return NO_GATEWAY
    if line.targets:
        return _of_targets(line, answers)
    beyond = {target for target in targets if target != gateway} & proven
    if beyond:
        return "" if beyond & answered else NO_ANSWER
    if gateway in proven:
        return "" if gateway in answered else NO_ANSWER
    if line.is_dialled:  # it has no neighbours; pppd itself asks whether the server is there
        return ""
    return "" if (seen.link.device, gateway.host) in seen.alive else NO_ANSWER


def _of_targets(line: Line, answers: Answers) -> str:
    if not answers.answered:
        return NO_ANSWER
    if line.require == "all_kinds":
        silent = {target.kind for target in answers.targets} - {target.kind for target in answers.answered}
        return next((SILENT_KIND[kind] for kind in KINDS if kind in silent), "")
    return ""
