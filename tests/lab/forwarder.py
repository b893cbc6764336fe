"""Lets a browser outside the site reach the router's page.

``python -m tests.lab.forwarder NAMESPACE LISTEN_PORT ADDRESS PORT`` listens on 127.0.0.1 where it is started
and connects from inside the namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

from tests.lab import netns


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def forward(listener: socket.socket, address: str, port: int) -> None:
    """Copies every connection of the listener to a new one to the address."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(address, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        for end in (writer, far_writer):
            end.close()

    server = await asyncio.start_server(connection, sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    namespace, listen_port, far_address, far_port = sys.argv[1:]
    # The listener stays in the namespace where it was made; connections made after the move belong to the other.
    outside = socket.create_server(("127.0.0.1", int(listen_port)))
    netns.enter(namespace)
    asyncio.run(forward(outside, far_address, int(far_port)))
