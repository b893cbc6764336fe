"""A QUIC server or client by aioquic, for one recording: ``PYTHON aioquic_talk.py server|client ADDRESS PORT ...``.

aioquic is no dependency of ours: PYTHON is an environment of its own that has it (``pip install aioquic``).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys

from aioquic.asyncio import connect, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion

VERSIONS = {"1": QuicProtocolVersion.VERSION_1, "2": QuicProtocolVersion.VERSION_2}


async def server(address: str, port: int, certificate: str, key: str) -> None:
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    configuration.supported_versions = list(VERSIONS.values())
    configuration.load_cert_chain(certificate, key)
    await serve(address, port, configuration=configuration)
    await asyncio.Future()


async def client(address: str, port: int, name: str, version: str, local_port: str) -> None:
    configuration = QuicConfiguration(alpn_protocols=["h3"], server_name=name, verify_mode=ssl.CERT_NONE)
    configuration.supported_versions = [VERSIONS[version]]
    configuration.original_version = VERSIONS[version]
    with contextlib.suppress(ConnectionError):
        async with connect(address, port, configuration=configuration, local_port=int(local_port)) as talk:
            await talk.ping()


if __name__ == "__main__":
    run = server if sys.argv[1] == "server" else client
    asyncio.run(run(sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
