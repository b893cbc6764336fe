"""A capture in the making: conversations packet by packet, and beside each the truth that its maker states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

START_S = 1_700_000_000
STEP_S = 0.001
COLUMNS = ["transport", "a", "b", "application", "protocol", "category", "host", "stage", "packets", "after", "bytes"]

Link = Callable[[Packet], Packet]


@dataclass(frozen=True)
class Truth:
    """What a flow is: ``after`` is the packet with which that is settled; 0 when it never is."""

    application: str
    protocol: str
    category: str
    host: str = ""
    stage: str = "dissector"
    after: int = 1


UNKNOWN = Truth("", "", "", stage="none", after=0)


def ethernet(packet: Packet) -> Packet:
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet


def endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass
class Flow:
    """One conversation; what is sent is counted, so that the truth about packets and bytes needs no classifier."""

    case: Case
    transport: str
    client: str
    client_port: int
    server: str
    server_port: int
    truth: Truth
    link: Link = ethernet
    packets: int = 0
    bytes: int = 0
    bytes_until: int = 0
    sequence: dict[bool, int] = field(default_factory=lambda: {True: 1000, False: 5000})

    def ip(self, from_client: bool, **fields: int) -> Packet:
        source, target = (self.client, self.server) if from_client else (self.server, self.client)
        if ip_address(self.client).version == 6:
            return IPv6(src=source, dst=target)
        return IP(src=source, dst=target, id=self.case.count & 0xFFFF, **fields)

    def ports(self, from_client: bool) -> dict[str, int]:
        source, target = self.client_port, self.server_port
        return {"sport": source, "dport": target} if from_client else {"sport": target, "dport": source}

    def put(self, packet: Packet, payload: int, link: Link | None = None) -> None:
        """Adds a packet of the flow that carries so many bytes of payload."""
        self.case.add((link or self.link)(packet))
        self.packets += 1
        self.bytes += payload
        if self.packets == self.truth.after:
            self.bytes_until = self.bytes

    def segment(self, from_client: bool, flags: str, data: bytes = b"", skip: int = 0) -> None:
        """A TCP segment ``skip`` bytes after what was sent last; with 0 the direction moves on."""
        sequence = self.sequence[from_client] + skip
        tcp = TCP(
            seq=sequence, ack=self.sequence[not from_client], flags=flags, window=64240, **self.ports(from_client)
        )
        self.put(self.ip(from_client) / tcp / (Raw(data) if data else b""), len(data))
        if skip == 0:
            self.sequence[from_client] += len(data) + ("S" in flags or "F" in flags)

    def open(self) -> Flow:
        self.segment(True, "S")
        self.segment(False, "SA")
        self.segment(True, "A")
        return self

    def close(self) -> None:
        self.segment(True, "FA")
        self.segment(False, "FA")
        self.segment(True, "A")

    def say(self, *data: bytes) -> Flow:
        """From the client: a segment or a datagram each."""
        for item in data:
            self._send(True, item)
        return self

    def hear(self, *data: bytes) -> Flow:
        """From the server."""
        for item in data:
            self._send(False, item)
        return self

    def _send(self, from_client: bool, data: bytes) -> None:
        if self.transport == "TCP":
            self.segment(from_client, "PA", data)
        else:
            self.put(self.ip(from_client) / UDP(**self.ports(from_client)) / Raw(data), len(data))

    def row(self) -> list[str]:
        ends = sorted([endpoint(self.client, self.client_port), endpoint(self.server, self.server_port)])
        truth = self.truth
        said = [truth.application, truth.protocol, truth.category, truth.host, truth.stage]
        return [self.transport, *ends, *said, str(self.packets), str(truth.after), str(self.bytes_until)]


@dataclass
class Case:
    """The packets and flows of one capture."""

    name: str
    about: str
    link: Link = ethernet
    frames: list[Packet] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.frames)

    def add(self, frame: Packet) -> None:
        frame.time = START_S + self.count * STEP_S
        self.frames.append(frame)

    def flow(
        self, transport: str, client: tuple[str, int], server: tuple[str, int], truth: Truth, link: Link | None = None
    ) -> Flow:
        made = Flow(self, transport, *client, *server, truth, link or self.link)
        self.flows.append(made)
        return made

    def tcp(self, port: int, truth: Truth, number: int | None = None, link: Link | None = None) -> Flow:
        """An opened connection to a server of its own."""
        return self.flow("TCP", self._client(number), (self._server(number), port), truth, link).open()

    def udp(self, port: int, truth: Truth, number: int | None = None, link: Link | None = None) -> Flow:
        return self.flow("UDP", self._client(number), (self._server(number), port), truth, link)

    def tcp6(self, port: int, truth: Truth, link: Link | None = None) -> Flow:
        return self.flow("TCP", *self._ends6(port), truth, link).open()

    def udp6(self, port: int, truth: Truth, link: Link | None = None) -> Flow:
        return self.flow("UDP", *self._ends6(port), truth, link)

    def _client(self, number: int | None) -> tuple[str, int]:
        return "192.0.2.10", 40000 + len(self.flows)

    def _server(self, number: int | None) -> str:
        return f"198.51.100.{(len(self.flows) + 1) if number is None else number}"

    def _ends6(self, port: int) -> tuple[tuple[str, int], tuple[str, int]]:
        number = len(self.flows) + 1
        return ("2001:db8:1::10", 40000 + number), (f"2001:db8:2::{number:x}", port)

    def labels(self) -> str:
        rows = [COLUMNS, *(flow.row() for flow in self.flows)]
        return "".join("\t".join(cell or "-" for cell in row) + "\n" for row in rows)

    def write(self, path: str) -> None:
        wrpcap(path, self.frames)
