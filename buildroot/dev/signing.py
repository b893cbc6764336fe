"""The key that signs bundles made here, and its certificate, which goes into the image; neither is ever committed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

_DAYS = "36500"  # what was delivered must not stop taking updates on some day
FOLDER = Path("build/update-key")


class Signer(NamedTuple):
    """A private key and the certificate by which its signatures are known."""

    key: Path
    certificate: Path


def signer(folder: Path = FOLDER) -> Signer:
    """The development key; made when it is not there. A product's own pair is put into the folder beforehand."""
    made = Signer(folder / "key.pem", folder / "certificate.pem")
    if not made.certificate.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        argv = ["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", _DAYS, "-sha256"]
        argv += ["-subj", "/CN=R-series firmware, development", "-keyout", str(made.key), "-out", str(made.certificate)]
        subprocess.run(argv, check=True, capture_output=True)
        made.key.chmod(0o600)
    return made


def sign(message: Path, signature: Path, by: Signer) -> None:
    """Writes a detached CMS signature, as SWUpdate wants it."""
    argv = ["openssl", "cms", "-sign", "-binary", "-in", str(message), "-out", str(signature), "-outform", "DER"]
    argv += ["-signer", str(by.certificate), "-inkey", str(by.key), "-nosmimecap", "-md", "sha256"]
    subprocess.run(argv, check=True)
