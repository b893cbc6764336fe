"""Headers and libraries of another architecture in ``build/cross/NAME/root``, without telling this machine's apt of it.

apt gets a configuration, lists and a state of its own, in which nothing is installed: so it finds for itself what the
wanted packages need. Debian 12 has no packages for mips; there libcrypto and libpcap are built from Debian's sources.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.cross.arch import Arch

BUILD = Path(__file__).parents[2] / "build" / "cross"
_WANTED = ("libssl-dev", "libpcap0.8-dev", "libatomic1", "busybox-static", "nftables", "conntrack", "iproute2")
_SANITIZER = "libubsan1"
_KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SUITE = "http://deb.debian.org/debian bookworm main"  # tests only: what came later matters to the box
_APT = """APT::Architecture "{arch}"; APT::Architectures {{ "{arch}"; }};
APT::Install-Recommends "false"; APT::Sandbox::User "root"; APT::Update::Post-Invoke-Success {{}};
Acquire::Languages "none";
Dir::State "{here}/state"; Dir::State::status "{here}/state/status"; Dir::Cache "{here}/cache";
Dir::Etc::sourcelist "{here}/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
"""
# Only what captures and QUIC need: a minute instead of five.
_CRYPTO = ("no-shared", "no-tests", "no-engine", "no-cms", "no-cmp", "no-ts", "no-ocsp", "no-ct", "no-legacy", "no-asm")
_PCAP = (
    "--with-pcap=linux",
    "--without-libnl",
    "--disable-dbus",
    "--disable-usb",
    "--disable-rdma",
    "--disable-shared",
)


def get(arch: Arch) -> Path:
    """The root; made when it is not there."""
    root = BUILD / arch.name / "root"
    if root.exists():
        return root
    fresh = root.with_name("root.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    environment = apt_of(arch)
    if arch.debian:
        wanted = [*_WANTED, *([] if arch.sanitizer else [_SANITIZER])]
        subprocess.run(["apt-get", "-qq", "-y", "--download-only", "install", *wanted], env=environment, check=True)
        for package in sorted((BUILD / arch.name / "apt/cache/archives").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(package), str(fresh)], check=True)
    else:
        _build_libraries(arch, fresh, environment)
    return fresh.rename(root)


def apt_of(arch: Arch) -> dict[str, str]:
    """The environment in which apt-get works for the architecture; its lists are there."""
    here = BUILD / arch.name / "apt"
    for name in ("state/lists/partial", "cache/archives/partial"):
        (here / name).mkdir(parents=True, exist_ok=True)
    (here / "state/status").touch()
    (here / "apt.conf").write_text(_APT.format(arch=arch.debian or arch.name, here=here))
    kind = "deb" if arch.debian else "deb-src"
    (here / "sources.list").write_text(f"{kind} [signed-by={_KEY}] {_SUITE}\n")
    environment = dict(os.environ, APT_CONFIG=str(here / "apt.conf"))
    subprocess.run(["apt-get", "-qq", "update"], env=environment, check=True)
    return environment


def _build_libraries(arch: Arch, root: Path, environment: dict[str, str]) -> None:
    sources = BUILD / arch.name / "sources"
    shutil.rmtree(sources, ignore_errors=True)
    sources.mkdir()
    command = ["apt-get", "-qq", "source", "--download-only", "--tar-only", "openssl", "libpcap"]
    subprocess.run(command, cwd=sources, env=environment, check=True)
    for archive in sources.glob("*.orig.tar.gz"):
        subprocess.run(["tar", "-xf", archive.name], cwd=sources, check=True)
    (crypto,), (pcap,) = sources.glob("openssl-*"), sources.glob("libpcap-*")
    _quietly(["./Configure", f"linux-{arch.name}32", f"--cross-compile-prefix={arch.triplet}-", *_CRYPTO], crypto)
    _quietly(["make", f"-j{os.cpu_count()}", "build_generated"], crypto)
    _quietly(["make", f"-j{os.cpu_count()}", "libcrypto.a"], crypto)
    _quietly(["./configure", f"--host={arch.triplet}", *_PCAP], pcap)
    _quietly(["make", f"-j{os.cpu_count()}", "libpcap.a"], pcap)
    (root / "usr/lib").mkdir(parents=True)
    for made in (crypto / "libcrypto.a", pcap / "libpcap.a"):
        shutil.copy(made, root / "usr/lib")
    for headers in (crypto / "include/openssl", pcap / "pcap"):
        shutil.copytree(headers, root / "usr/include" / headers.name)


def _quietly(argv: list[str], directory: Path) -> None:
    done = subprocess.run(["nice", *argv], cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} in {directory}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
