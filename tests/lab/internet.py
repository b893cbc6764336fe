"""The servers of the internet in one process: web by name, mail, BitTorrent tracker, UDP echo.

``python -m tests.lab.internet CA_DIRECTORY READY_FILE`` inside the internet's namespace, where every address of the
server ranges is local. dnsmasq, iperf3 and the BitTorrent seeds run beside it.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.lab import addresses
from tests.lab.authority import Authority
from tests.lab.tracker import Tracker
from tests.lab.web import WebServer


class MailSink:
    """Takes every message and keeps none: the lab looks at mail on its way, not at its end."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return "250 Message accepted"


class Echo(asyncio.DatagramProtocol):
    """Sends every datagram back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


def listen(port: int) -> socket.socket:
    """A listening TCP socket on every address of both families."""
    return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)


async def serve(authority: Authority, ready: Path) -> None:
    """Serves until it is told to end; makes the file ``ready`` when all servers listen."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    web = WebServer()
    tracker = Tracker()
    await asyncio.start_server(web.connection, sock=listen(80))
    await asyncio.start_server(web.connection, sock=listen(443), ssl=authority.server_context())
    await asyncio.start_server(tracker.connection, addresses.TRACKER, 6969)
    for port in (25, 587):
        await loop.create_server(lambda: SMTP(MailSink(), hostname="mail.internet.test"), addresses.MAIL_SERVER, port)
    for address in (addresses.ECHO_SERVER, addresses.ECHO_SERVER_V6):
        await loop.create_datagram_endpoint(Echo, local_addr=(address, 7))
    ready.touch()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(Authority(Path(sys.argv[1])), Path(sys.argv[2])))
