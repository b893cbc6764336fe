"""The box's own authority and its certificate, made by the openssl program at the first start.

``STATE/tls``: ``ca.key`` and ``ca.crt`` (ten years; offered for download), ``box.pem`` (key and certificate for the
front, two years, made anew when names or addresses change or its end is near).
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from firmware.kernel import command, files
from firmware.model.config import Config
from firmware.model.values import parse_interface
from firmware.monitor.store import CLOCK_IS_SET_S

CA_DAYS, BOX_DAYS, RENEW_DAYS = 3650, 730, 60
_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Certificates:
    """Makes what is missing; ``run_dir`` gets the authority's public part for rsweb to offer."""

    def __init__(self, state_dir: Path, run_dir: Path) -> None:
        self._directory = state_dir / "tls"
        self._offered = run_dir / "ca.crt"
        self._lock = threading.Lock()

    def ensure(self, config: Config) -> bool:
        """Have a certificate that fits the configuration; returns whether a new one was made.

        Raises CommandError (openssl is missing) or OSError (full disk); what was there stays.
        """
        with self._lock:
            return self._ensure(config)

    def _ensure(self, config: Config) -> bool:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        names = sorted(_names(config))
        if not (self._directory / "ca.key").exists() or not self._has_authority():
            files.remove(self._directory / "names")  # what it has signed is worth nothing any more
            self._make_authority(config.system.hostname)
        files.write(self._offered, (self._directory / "ca.crt").read_bytes())
        if self._fits(names):
            return False
        self._make_certificate(config.system.hostname, names)
        return True

    def take(self, folder: Path) -> bool:
        """Take another authority's key and certificate; returns whether there were any. ``ensure`` does the rest."""
        key, certificate = folder / "ca.key", folder / "ca.crt"
        if not key.exists() or not certificate.exists():
            return False
        if key.read_bytes() == _content(self._directory / "ca.key"):
            return False
        self._directory.mkdir(mode=0o700, exist_ok=True)
        files.write(self._directory / "ca.key", key.read_bytes(), 0o600)
        files.write(self._directory / "ca.crt", certificate.read_bytes())
        files.remove(self._directory / "names")
        return True

    def _has_authority(self) -> bool:
        """One that was made in 1970, before the clock was set, has ended as soon as it is set."""
        try:
            made_s = (self._directory / "ca.crt").stat().st_mtime
        except OSError:
            return False
        return made_s >= CLOCK_IS_SET_S or time.time() < CLOCK_IS_SET_S

    def _make_authority(self, hostname: str) -> None:
        with tempfile.TemporaryDirectory(dir=self._directory) as place:
            key, certificate = Path(place, "key"), Path(place, "crt")
            subject = f"/CN={hostname} authority"
            usage = (
                "-addext",
                "basicConstraints=critical,CA:TRUE,pathlen:0",
                "-addext",
                "keyUsage=critical,keyCertSign",
            )
            where = ("-keyout", str(key), "-out", str(certificate))
            command.run(("openssl", "req", "-x509", *_EC, "-days", str(CA_DAYS), "-subj", subject, *usage, *where))
            files.write(self._directory / "ca.key", key.read_bytes(), 0o600)
            files.write(self._directory / "ca.crt", certificate.read_bytes())

    def _make_certificate(self, hostname: str, names: list[str]) -> None:
        with tempfile.TemporaryDirectory(dir=self._directory) as place:
            key, request, certificate = Path(place, "key"), Path(place, "csr"), Path(place, "crt")
            extensions = Path(place, "extensions")
            alternatives = ",".join(names)
            extensions.write_text(
                f"basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
                f"subjectAltName={alternatives}\n"
            )
            where = ("-keyout", str(key), "-out", str(request))
            command.run(("openssl", "req", *_EC, "-subj", f"/CN={hostname}", *where))
            authority = ("-CA", str(self._directory / "ca.crt"), "-CAkey", str(self._directory / "ca.key"))
            made = ("-in", str(request), "-days", str(BOX_DAYS), "-extfile", str(extensions), "-out", str(certificate))
            command.run(("openssl", "x509", "-req", *authority, "-CAcreateserial", *made))
            files.write(self._directory / "box.pem", key.read_bytes() + certificate.read_bytes(), 0o600)
        files.write(self._directory / "names", "\n".join(names) + "\n")

    def _fits(self, names: list[str]) -> bool:
        try:
            age_s = time.time() - (self._directory / "box.pem").stat().st_mtime
            known = (self._directory / "names").read_text().split()
        except OSError:
            return False
        # A clock that is behind the file's time says nothing about its age.
        return known == names and age_s < (BOX_DAYS - RENEW_DAYS) * 86_400


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _names(config: Config) -> Iterable[str]:
    yield "DNS:localhost"
    yield f"DNS:{config.system.hostname}"
    yield f"DNS:{config.system.hostname}.{config.dns.domain}"
    for lan in config.lans.values():
        yield f"IP:{parse_interface(lan.address).ip}"
