"""The server's side of the fastpath tests: echo on 443 and 8443, a small web server on 80 and 8080, dual stack.

``python fastpath_peer.py READY`` makes the file READY when it listens.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

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


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(PAGE)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main(ready: Path) -> None:
    for port, handler in ((443, echo), (8443, echo), (80, web), (8080, web)):
        await asyncio.start_server(handler, None, port, backlog=4096)
    ready.touch()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
