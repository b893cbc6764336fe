"""Why a line does not work in a round: by device, carrier, address and what of its questions is answered."""

from __future__ import annotations

from firmware.model.targets import parse_target
from firmware.monitor.health import Line, _Watch
from firmware.monitor.links import LinkState
from firmware.monitor.probe_answer import SERVER_ERROR, Answer
from firmware.monitor.verdict import (
    FLAPPING,
    LOSS_ROUNDS,
    NO_ADDRESS,
    NO_ANSWER,
    NO_CARRIER,
    NO_DEVICE,
    NO_GATEWAY,
    NOT_DIALLED,
    SILENT_KIND,
    TOO_SLOW,
    Answers,
    Seen,
    quality,
    verdict,
)

UP, PULLED = LinkState(7, True), LinkState(7, False)
PING, DNS, TCP = map(parse_target, ("223.5.5.5", "dns://223.5.5.5", "tcp://1.2.3.4:443"))
LINE = Line("wan1", 1, "eth0", address="198.51.100.2/24", gateway="198.51.100.1")
ASKED = LINE._replace(targets=(PING.text, DNS.text, TCP.text))
DIALLED = LINE._replace(device="ppp1", port="eth0", is_dialled=True)


def of(line: Line, *answered: str, link: LinkState | None = UP, port: LinkState | None = None) -> str:
    watch = _Watch(line)
    found = {parse_target(text) for text in answered}
    return verdict(line, Seen(link, port), Answers(watch.targets, watch.gateway, found, found))


def test_any_answer_is_enough_unless_each_kind_is_required() -> None:
    assert of(ASKED) == NO_ANSWER
    assert of(ASKED, PING.text) == ""
    strict = ASKED._replace(require="all_kinds")
    assert of(strict, PING.text) == SILENT_KIND["dns"]
    assert of(strict, PING.text, DNS.text) == SILENT_KIND["tcp"]
    assert of(strict, PING.text, DNS.text, TCP.text) == ""


def test_a_dialled_line_says_why_it_is_not() -> None:
    refused = DIALLED._replace(trouble="refused", address=None)
    assert of(DIALLED, link=None, port=UP) == NOT_DIALLED
    assert of(refused, link=None, port=UP) == "refused"
    assert of(refused, link=None, port=PULLED) == NO_CARRIER
    assert of(refused, link=None) == NO_DEVICE
    assert of(DIALLED, port=UP) == "", "its server need not answer pings: pppd asks it in its own way"


def test_a_line_without_a_gateway_leads_nowhere() -> None:
    """No connection is given to it, so it must not be called well."""
    assert of(LINE._replace(gateway=None)) == NO_GATEWAY
    assert of(ASKED._replace(gateway=None), PING.text) == NO_GATEWAY
    assert of(LINE._replace(gateway=None, address=None)) == NO_ADDRESS


def test_neighbours_count_for_their_own_line_only() -> None:
    watch = _Watch(LINE)
    answers = Answers(watch.targets, watch.gateway, frozenset(), frozenset())
    assert verdict(LINE, Seen(UP, None, {(7, "198.51.100.1")}), answers) == ""
    assert verdict(LINE, Seen(UP, None, {(8, "198.51.100.1")}), answers) == NO_ANSWER


def test_a_line_that_delays_too_much_is_told_so() -> None:
    line = LINE._replace(max_delay_ms=50.0)
    assert quality(line, LOSS_ROUNDS - 1, None, 80.0) == "", "too few rounds to judge by"
    assert quality(line, LOSS_ROUNDS, None, 80.0) == TOO_SLOW
    assert quality(line, LOSS_ROUNDS, None, 49.0) == ""


def test_each_target_has_its_own_figures_and_pings_are_the_lines_delay() -> None:
    watch = _Watch(ASKED)
    watch.take(Answer(PING, 10.0))
    watch.take(Answer(TCP, 90.0))
    watch.take(Answer(DNS, 5.0, SERVER_ERROR))
    watch.judge(Seen(UP), 1.0)
    watch.ask(1.0)
    watch.judge(Seen(UP), 2.0)
    ping, dns, tcp = watch.health().targets
    assert (ping.delay_ms, ping.loss_percent, ping.answered) == (10.0, 50.0, False)
    assert (dns.delay_ms, dns.loss_percent, dns.trouble) == (None, 100.0, SERVER_ERROR)
    assert tcp.delay_ms == 90.0
    assert watch.rtt_ms == 10.0
    assert watch.loss_percent() == 50.0, "what has never answered proves nothing"
    assert (watch.health().state, watch.health().streak, watch.health().needed) == ("failing", 1, 3)


def test_flapping_is_the_reason_that_is_told() -> None:
    watch = _Watch(LINE._replace(fall=1, rise=1))
    answers = {True: {parse_target("198.51.100.1")}, False: set()}
    reasons = []
    for now_s, works in enumerate([True, False, True, False, True, True, True], 1000):
        watch.answered = answers[works]
        watch.proven |= watch.answered
        if watch.judge(Seen(UP), now_s):
            reasons.append(watch.reason)
    assert reasons == ["", NO_ANSWER, "", FLAPPING, ""]
