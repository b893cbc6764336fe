"""A branch takes a version that headquarters publish: a real HTTPS server in a namespace, the box in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildroot.dev import bundle as bundles
from buildroot.dev import signing
from buildroot.dev.publish import LIST, publish
from buildroot.dev.signing import Signer
from tests.lab import netns

pytestmark = pytest.mark.kernel

HQ, BRANCH = "198.51.100.1", "198.51.100.2"
ROOT = Path(__file__).parents[2]
SLOT = os.urandom(400_000)
VERSION = "9.1.0"
SERVER = f"""
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("{HQ}", 443), handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[2] + "/server.pem", sys.argv[2] + "/server.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
# What rsd and its installer do on a box that was started from an image, with a file as the other slot.
BOX = """
import json, sys, types
from pathlib import Path
from firmware.daemon import installer, published
from firmware.daemon.bundle import BundleError, Own
from firmware.daemon.errors import InvalidError
from firmware.daemon.update_state import Record
from firmware.kernel.slots import Slots
state, trust, url, version = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
own = Own(version, "x86_64", "1", trust)
record = Record(state)
looker = published.Published(record.folder, lambda: own)
try:
    looker.look(url)
except (BundleError, InvalidError) as error:
    print(json.dumps({"refused": str(error)}))
    sys.exit()
place = Slots("A", "B", state / "slot-b", 1 << 20)
work = installer.Installer(record, state, place, own)
asked = types.SimpleNamespace(source="published", state=state, run=state, downgrade=False, automatic=False)
done = installer._install(work, asked, place)
print(json.dumps({"phase": done.phase, "version": done.version, "reason": done.reason}))
"""


class Branch:
    """Headquarters' folder and a box that looks at it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.www, self.state = folder, folder / "www", folder / "state"
        self.hq, self.box = "rs-pub-hq", "rs-pub-box"
        for path in (self.www, self.state):
            path.mkdir()
        self.signer = signing.signer(folder / "keys")
        _make_certificate(folder)
        (self.state / "slot-b").write_bytes(bytes(1 << 20))
        block = f"# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=0\nB_OK=1\nB_TRY=0\nB_VERITY=9:aa:{'0' * 64}\n"
        (self.state / "grubenv").write_text(block.ljust(1024, "#"))

    def bundle(self, version: str, by: Signer | None = None) -> Path:
        slot = self.folder / "rootfs"
        slot.write_bytes(SLOT)
        target = self.www / f"rs-{version}-x86_64.swu"
        verity = "9:aa:" + "0" * 64
        return bundles.make(target, slot, verity, version=version, board="x86_64", by=by or self.signer)

    def look(self, *, running: str = "0.1.0", trusts: str = "ca.pem") -> dict[str, Any]:
        tools = ROOT / "buildroot/board/common/overlay/usr/sbin"
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "SSL_CERT_FILE": str(self.folder / trusts),
            "PATH": f"{tools}:{os.environ['PATH']}", "RS_GRUBENV": str(self.state / "grubenv"),
            "RS_LOCK": str(self.state / "boot-slots.lock"),
        }  # fmt: skip
        argv = [
            sys.executable,
            "-c",
            BOX,
            str(self.state),
            str(self.signer.certificate),
            f"https://{HQ}/{LIST}",
            running,
        ]
        done = subprocess.run(
            netns.inside(self.box, argv), env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


def _make_certificate(folder: Path) -> None:
    def run(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")  # fmt: skip
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=hq",
        "-addext", f"subjectAltName=IP:{HQ}", "-keyout", "server.key", "-out", "server.csr")  # fmt: skip
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "9",
        "-copy_extensions", "copy", "-out", "server.pem")  # fmt: skip


@pytest.fixture
def branch(site: Branch) -> Branch:
    """With nothing published, and nothing seen."""
    for path in (*site.www.iterdir(), *site.state.glob("update/*")):
        path.unlink()
    return site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Branch]:
    branch = Branch(tmp_path_factory.mktemp("branch"))
    netns.add([branch.hq, branch.box])
    try:
        netns.batch([f"link add eth0 netns {branch.hq} type veth peer name wan0 netns {branch.box}"])
        netns.batch([f"addr add {HQ}/24 dev eth0", "link set eth0 up"], branch.hq)
        netns.batch([f"addr add {BRANCH}/24 dev wan0", "link set wan0 up"], branch.box)
        argv = netns.inside(branch.hq, [sys.executable, "-c", SERVER, str(branch.www), str(branch.folder)])
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as server:
            try:
                listens = netns.inside(branch.hq, ["ss", "-ltn"])
                netns.wait_until(lambda: ":443 " in netns.command(listens), "headquarters' server listens")
                yield branch
            finally:
                server.kill()
    finally:
        netns.delete([branch.hq, branch.box])


def test_a_version_is_published_found_and_installed(branch: Branch) -> None:
    assert "File not found" in branch.look()["refused"]
    branch.bundle(VERSION)
    publish(branch.www, branch.signer)
    assert branch.look() == {"phase": "ready", "version": VERSION, "reason": ""}
    assert (branch.state / "slot-b").read_bytes()[: len(SLOT)] == SLOT
    assert "not newer" in branch.look(running="9.2.0")["reason"]


def test_a_list_that_was_put_back_is_refused(branch: Branch) -> None:
    branch.bundle(VERSION)
    publish(branch.www, branch.signer)
    old = (branch.www / LIST).read_bytes()
    branch.bundle("9.3.0")
    publish(branch.www, branch.signer)
    assert branch.look()["version"] == "9.3.0"
    (branch.www / LIST).write_bytes(old)
    assert "put it back" in branch.look()["refused"]


def test_what_is_not_what_was_published(branch: Branch) -> None:
    good = branch.bundle(VERSION)
    publish(branch.www, branch.signer)
    data = good.read_bytes()
    good.write_bytes(data[:-1] + b"x")  # behind the slot: the bundle's own hash does not notice
    assert "not the one that was published" in branch.look()["reason"]
    branch.bundle("9.4.0").replace(good)  # newer and well signed, but not what the list says
    assert "names %(published)s" in branch.look()["reason"]
    good.write_bytes(data[: len(data) // 2])
    assert "ends too early" in branch.look()["reason"]
    good.unlink()
    assert branch.look()["phase"] == "failed"


def test_a_stranger_with_a_good_address_is_refused(branch: Branch) -> None:
    stranger = signing.signer(branch.folder / "stranger")
    branch.bundle("9.9.0", stranger)
    publish(branch.www, stranger)
    assert "Nobody whom this box trusts" in branch.look()["refused"]
    assert "CERTIFICATE" in branch.look(trusts="other.pem")["refused"]
