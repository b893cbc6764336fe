"""Small servers for the recordings where the lab has none: ``python -m tests.captures.servers KIND ADDRESS PORT``.

They answer word by word as far as the client's program needs to be itself; STARTTLS is agreed to and the ClientHello
that follows is the end.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import StreamReader, StreamWriter

# By kind: the greeting, then by the client's word what is answered (%s: the tag of an IMAP command).
DIALOGUES: dict[str, tuple[str, dict[str, str]]] = {
    "ssh": ("SSH-2.0-rs_recording_1.0\r\n", {}),
    "smtp": (
        "220 mx.internet.test ESMTP\r\n",
        {"EHLO": "250-mx.internet.test\r\n250 STARTTLS\r\n", "STARTTLS": "220 go ahead\r\n", "QUIT": "221 bye\r\n"},
    ),
    "pop3": ("+OK ready\r\n", {"CAPA": "+OK\r\nSTLS\r\nUSER\r\n.\r\n", "STLS": "+OK begin\r\n", "QUIT": "+OK\r\n"}),
    "imap": (
        "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n",
        {"CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS\r\n%s OK done\r\n", "STARTTLS": "%s OK begin\r\n"},
    ),
    "ftp": (
        "220 ready\r\n",
        {
            "USER": "331 password\r\n",
            "PASS": "230 in\r\n",
            "PWD": '257 "/"\r\n',
            "TYPE": "200 ok\r\n",
            "SIZE": "213 2000\r\n",
            "RETR": "150 here\r\n",
            "QUIT": "221 bye\r\n",
        },
    ),
}


async def _file(reader: StreamReader, writer: StreamWriter) -> None:
    writer.write(bytes(range(250)) * 8)
    await writer.drain()
    writer.close()


async def talk(kind: str, address: str, reader: StreamReader, writer: StreamWriter) -> None:
    """One connection until the client or the dialogue is at its end."""
    greeting, answers = DIALOGUES[kind]
    writer.write(greeting.encode())
    while line := await reader.readline():
        words = line.decode("latin-1").split()
        tag, word = (words[0], words[1]) if kind == "imap" and len(words) > 1 else ("", words[0] if words else "")
        if word.upper() == "EPSV":
            data = await asyncio.start_server(_file, address, 0)
            writer.write(f"229 Entering Extended Passive Mode (|||{data.sockets[0].getsockname()[1]}|)\r\n".encode())
        elif word.upper() in answers:
            writer.write(answers[word.upper()].replace("%s", tag).encode())
            if word.upper() == "RETR":
                writer.write(b"226 done\r\n")
        else:
            break
        if word.upper() in {"STARTTLS", "STLS"}:
            await writer.drain()
            await reader.read(1)
            break
    writer.close()


async def serve(kind: str, address: str, port: int) -> None:
    server = await asyncio.start_server(lambda r, w: talk(kind, address, r, w), address, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
