"""The server's side of the fastpath tests, dual stack: echo on 443 and 8443, ticks on 9443, a small web server on 80
and 8080; a name server on 53 for which every name is at the server's own address.

``python fastpath_peer.py READY`` makes the file READY when it listens.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

SERVER = "198.51.100.10"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def tick(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """After the first words it is only the server that speaks."""
    try:
        await reader.read(65536)
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(PAGE)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


class Names(asyncio.DatagramProtocol):
    """Answers any question by one A record (RFC 1035)."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        header = data[:2] + bytes.fromhex("8180 0001 0001 0000 0000")
        record = bytes.fromhex("c00c 0001 0001 0000012c 0004") + socket.inet_aton(SERVER)
        self.transport.sendto(header + data[12:] + record, sender)


async def main(ready: Path) -> None:
    for port, handler in ((443, echo), (8443, echo), (9443, tick), (80, web), (8080, web)):
        await asyncio.start_server(handler, None, port, backlog=4096)
    await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=("0.0.0.0", 53))
    ready.touch()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
