"""Recognition against libndpi 4.2 on the captures of ``../shared/corpus``: agreement, false labels, cost, memory.

Agreement compares with the labels of the corpus, which are another classifier's and not the truth; flows that it calls
Unknown do not count. A flow agrees when our application is the label's last part, or when the label names a protocol
alone and our protocol is it. ``python -m tests.bench.recognition [--rounds N] [--verbose]``.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.bench.figure import Figure

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
BUILD = ROOT / "fastpath" / "build"
LIBRARIES = ("ndpi", "pcap", "crypto", "pthread", "dl")
APPS = str(BUILD / "apps.bin")
# The families that our users need; a label belongs to the first that one of its parts begins with.
FAMILIES = {
    "wechat": ("wechat",), "qq": ("qq", "oicq"), "dingtalk-ali": ("dingtalk", "alibaba", "alicloud"),
    "iqiyi": ("iqiyi",), "wow": ("worldofwarcraft",), "steam": ("steam", "source_engine"),
    "games": ("genshinimpact", "tencentgames", "raknet", "roblox", "riotgames", "activision", "starcraft", "heroes_of",
              "amongus", "blizzard", "lolwildrift", "cod_mobile", "epicgames"),
    "bittorrent": ("bittorrent",), "edonkey": ("edonkey",), "mail": ("smtp", "pop", "imap"),
    "teams": ("teams", "skype"),
    "vpn": ("openvpn", "wireguard", "ipsec", "pptp", "l2tp", "tinc", "ciscovpn", "tunnelbear", "nordvpn"),
    "dns": ("dns", "mdns", "llmnr"), "quic": ("quic",), "http": ("http",), "tls": ("tls",),
}  # fmt: skip


@dataclass
class Flow:
    """One flow of a capture that the corpus names."""

    capture: str
    label: str
    ours: Mapping[str, Any]

    def agrees(self, application: str, protocol: str) -> bool:
        master, _, app = self.label.lower().partition(".")
        return application == (app or master) or (not app and protocol == master)


def labels() -> dict[str, dict[tuple[str, frozenset[str]], str]]:
    named: dict[str, dict[tuple[str, frozenset[str]], str]] = defaultdict(dict)
    with (CORPUS / "labels.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            key = row["transport"], frozenset((row["endpoint_a"], row["endpoint_b"]))
            named[row["pcap"]][key] = row["label"]
    return named


def classify(capture: str, *options: str) -> list[dict[str, Any]]:
    argv = [str(BUILD / "rs-classify"), APPS, str(CORPUS / "pcap" / capture), *options]
    return [json.loads(line) for line in subprocess.run(argv, stdout=subprocess.PIPE, check=False).stdout.splitlines()]


def flows(tool: Path, *options: str) -> tuple[list[Flow], list[tuple[Flow, str]]]:
    """Our flows that have a label, and the same beside what libndpi alone says."""
    ours, theirs = [], []
    for capture, named in sorted(labels().items()):
        found = classify(capture, *options)
        alone = subprocess.run(
            [str(tool), "labels", APPS, str(CORPUS / "pcap" / capture)], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.splitlines()
        for flow, other in zip(found, alone, strict=False):
            label = named.get((flow["transport"], frozenset((flow["a"], flow["b"]))), "Unknown")
            if label != "Unknown":
                ours.append(Flow(capture, label, flow))
                theirs.append((ours[-1], other.lower()))
    return ours, theirs


def mean_by(group: Iterable[tuple[str, bool]]) -> float:
    by: dict[str, list[bool]] = defaultdict(list)
    for key, agrees in group:
        by[key].append(agrees)
    return statistics.fmean(statistics.fmean(values) for values in by.values())


def ndpi_agrees(flow: Flow, label: str) -> bool:
    master, _, app = label.partition(".")
    return flow.agrees(app or master, master)


def family(label: str) -> str | None:
    parts = label.lower().split(".")
    return next((name for name, starts in FAMILIES.items() if any(p.startswith(starts) for p in parts)), None)


def named_applications() -> set[str]:
    """Applications that are no protocols: the false label that would hurt."""
    files = (path for path in (ROOT / "fastpath" / "apps").glob("*.yaml") if path.stem != "protocols")
    return {app["id"] for path in files for app in yaml.safe_load(path.read_text(encoding="utf-8"))}


def agreement(tool: Path, verbose: bool) -> None:
    own, alone = flows(tool, "--no-ndpi")
    both, _ = flows(tool)
    for name, key, goal in (("captures", lambda f: f.capture, 0.75), ("labels", lambda f: f.label, 0.70)):
        peer = mean_by((key(f), ndpi_agrees(f, label)) for f, label in alone)
        for title, found in (("own", own), ("with_ndpi", both)):
            value = mean_by((key(f), f.agrees(f.ours["application"], f.ours["protocol"])) for f in found)
            Figure(f"recognition.agreement.{title}.{name}", value, peer, "share", goal, value >= goal).tell()
    for name in FAMILIES:
        members = [(f, label) for f, label in alone if family(f.label) == name]
        value = statistics.fmean(f.agrees(f.ours["application"], f.ours["protocol"]) for f, _ in members)
        peer = statistics.fmean(ndpi_agrees(f, label) for f, label in members)
        Figure(f"recognition.family.{name}", value, peer, f"share of {len(members)} flows", 0.90, value >= 0.90).tell()
    apps = named_applications()
    false = [f for f in own if is_false(f, apps)]
    share = len(false) / len(own)
    Figure("recognition.false_labels", share, None, "share of flows", 0.005, share <= 0.005, is_less=True).tell()
    for transport, goal in (("TCP", 4), ("UDP", 1)):
        after = [f.ours["decided_after"] for f in own if f.ours["transport"] == transport and f.ours["decided_after"]]
        value = statistics.median(after)
        name = f"recognition.packets_until_decision.{transport.lower()}"
        Figure(name, value, None, "packets, median", goal, value <= goal, is_less=True).tell()
    if verbose:
        tell_worst(own, false)


def is_false(flow: Flow, apps: set[str]) -> bool:
    """A named application where the label names another."""
    ours, label = flow.ours["application"], flow.label.lower().split(".")[-1]
    return ours in apps and label in apps and ours != label


def tell_worst(own: list[Flow], false: list[Flow]) -> None:
    by: dict[str, list[bool]] = defaultdict(list)
    for f in own:
        by[f.capture].append(f.agrees(f.ours["application"], f.ours["protocol"]))
    worst = sorted(by, key=lambda capture: statistics.fmean(by[capture]))[:20]
    for capture in worst:
        print(f"{statistics.fmean(by[capture]):.2f} of {len(by[capture]):4} flows  {capture}", file=sys.stderr)
    for f in false:
        print(f"false: {f.capture} {f.ours['a']} {f.ours['b']} {f.label} {f.ours['application']}", file=sys.stderr)


def cost(tool: Path, rounds: int) -> None:
    captures = [str(path) for path in sorted((CORPUS / "pcap").iterdir())]
    done = subprocess.run(
        [str(tool), "cost", APPS, str(rounds), *captures], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    rows = [[int(word) for word in line.split()[1::2]] for line in done]
    ours, peer = (statistics.median(row[side] / row[3] for row in rows) for side in (0, 1))
    Figure("recognition.cost", ours, peer, "ns per flow", 10, peer / ours >= 10, is_less=True, rounds=rounds).tell()
    words = subprocess.run([str(tool), "memory", APPS], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    rest, flow = int(words[1]), int(words[2])
    Figure("recognition.memory.rest", rest, int(words[4]), "bytes", 4 << 20, rest <= 4 << 20, is_less=True).tell()
    Figure("recognition.memory.flow", flow, int(words[5]), "bytes", 512, flow <= 512, is_less=True).tell()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--verbose", action="store_true", help="the worst captures and the false labels, on stderr")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tool = Path(folder) / "recognition"
        argv = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", "/usr/include/ndpi"]
        argv += [f"-I{ROOT}/fastpath/src", f"-I{ROOT}/fastpath/include", str(Path(__file__).with_suffix(".c"))]
        argv += [str(BUILD / "librs.a"), "-o", str(tool)]
        subprocess.run([*argv, *(f"-l{name}" for name in LIBRARIES)], check=True)
        agreement(tool, args.verbose)
        cost(tool, args.rounds)


if __name__ == "__main__":
    main()
