"""The certificate authority of the lab: made once per site, certificates by server name when first asked for."""

from __future__ import annotations

import re
import ssl
from functools import lru_cache
from pathlib import Path

from tests.lab.netns import command

_NAME = re.compile(r"[A-Za-z0-9.-]{1,253}")


class Authority:
    """Keys and certificates in one directory; ``ca.pem`` is what clients trust."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.certificate = directory / "ca.pem"
        self._key = directory / "key.pem"

    def create(self) -> None:
        """Makes the authority; its key serves for the servers too."""
        self.directory.mkdir(parents=True, exist_ok=True)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"]
        out = ["-keyout", str(self._key), "-out", str(self.certificate)]
        command(["openssl", "req", "-x509", *curve, "-subj", "/CN=R-series lab authority", *out])

    def server_context(self) -> ssl.SSLContext:
        """A TLS context that answers each server name with a certificate for it."""
        context = self._context("internet.test")

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if name and _NAME.fullmatch(name):
                connection.context = self._context(name.lower())

        context.sni_callback = choose
        return context

    @lru_cache(maxsize=2048)  # noqa: B019 - one authority lives as long as its process
    def _context(self, name: str) -> ssl.SSLContext:
        request, certificate, extensions = (self.directory / f"{name}.{end}" for end in ("csr", "pem", "ext"))
        extensions.write_text(f"subjectAltName=DNS:{name}\n")
        command(["openssl", "req", "-new", "-key", str(self._key), "-subj", f"/CN={name[:64]}", "-out", str(request)])
        sign = ["-CA", str(self.certificate), "-CAkey", str(self._key), "-days", "3650", "-extfile", str(extensions)]
        command(["openssl", "x509", "-req", "-in", str(request), *sign, "-out", str(certificate)])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, self._key)
        return context
