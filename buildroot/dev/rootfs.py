"""The root of the reference image: Debian's packages cut down to what the product runs, the product, the overlays."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from buildroot.dev import distributions
from buildroot.dev.kernel import Kernel

HERE = Path(__file__).parent
TREE = HERE.parent
ROOT = TREE.parent
_SUITE = "bookworm"
_LIBRARIES = Path("usr/lib/x86_64-linux-gnu")
_PYTHON = Path("usr/lib/python3.11")
_PACKAGES = Path("usr/lib/python3/dist-packages")
_FRONT = Path("usr/lib/lighttpd")
_PPP = Path("usr/lib/pppd")

# What is started by name, by rsd, by a script of the overlay or by hand; every other program goes.
_PROGRAMS = (
    "bin/python3", "bin/python3.11", "bin/openssl", "bin/busybox", "sbin/nft", "bin/ip", "sbin/tc", "sbin/conntrack",
    "sbin/dnsmasq", "sbin/dhcpcd", "sbin/dhcpcd5", "sbin/pppd", "sbin/lighttpd", "sbin/chronyd", "bin/chronyc",
    "sbin/e2fsck", "sbin/resize2fs",
)  # fmt: skip
# Libraries opened by name while the program runs
_OPENED = ("libgcc_s.so.1",)
_FRONT_MODULES = tuple(
    f"mod_{name}.so" for name in ("openssl", "alias", "redirect", "setenv", "proxy")
)  # firmware/features/web.py
_PPP_PLUGINS = ("pppoe.so", "rp-pppoe.so")
_ETC = ("services", "protocols", "ssl", "iproute2")  # of what Debian has there; the overlay and _etc() bring the rest
_PYTHON_UNUSED = (
    "lib2to3", "ensurepip", "idlelib", "tkinter", "turtledemo", "test", "unittest", "pydoc_data", "venv", "distutils",
    "turtle.py", "antigravity.py", "this.py", "config-3.11-x86_64-linux-gnu", "wsgiref", "curses", "dbm",
    "lib-dynload/_test*", "lib-dynload/_curses*",
)  # fmt: skip
_UNUSED = (
    "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/bug",
    "usr/share/bash-completion", "usr/share/doc-base", "usr/share/debconf", "usr/share/perl5", "usr/share/dbus-1",
    "usr/share/polkit-1", "usr/share/applications", "usr/share/pixmaps", "usr/share/python3", "usr/share/menu",
    "usr/share/initramfs-tools", "usr/share/dhcpcd", "usr/share/gcc", "usr/share/gdb", "usr/share/binfmts",
    "usr/share/lighttpd", "usr/share/common-licenses", "usr/share/apport", "usr/share/keyrings",
    "usr/share/zoneinfo/right", "usr/share/zoneinfo/posix", "usr/share/awk",
    "usr/share/base-files", "usr/share/dict", "usr/include", "usr/games", "usr/lib32", "usr/libx32",
    "usr/lib/systemd", "usr/lib/udev", "usr/lib/init", "usr/lib/dbus-1.0", "usr/lib/tmpfiles.d", "usr/lib/apt",
    "usr/lib/sysusers.d", "usr/lib/sysctl.d", "usr/lib/dpkg", "usr/lib/mime", "usr/lib/valgrind", "usr/lib/cgi-bin",
    "usr/lib/dhcpcd", "usr/local", "usr/src", "usr/libexec", "var", "boot", "home", "media", "mnt", "opt", "srv",
    "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/security",
    "usr/lib/x86_64-linux-gnu/perl-base", "usr/lib/python3.11/sitecustomize.py", "usr/lib/python3",
)  # fmt: skip
_USERS = ("root:x:0:0:root:/root:/bin/sh", "nobody:x:65534:65534:nobody:/nonexistent:/bin/false")
_BOX_USERS = ("rsweb", "dhcpcd")


def unpack(target: Path) -> None:
    """Extracts the packages and all that they depend on; none of their scripts is run."""
    wanted = ",".join(_lines(HERE / "packages"))
    argv = ["mmdebstrap", "--quiet", "--mode=root", "--variant=extract", f"--include={wanted}"]
    argv += ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", _SUITE, str(target)]
    subprocess.run([*argv, *_sources()], check=True)


def cut_down(root: Path) -> None:
    """Removes what no router runs: first by name, then each library that nothing needs any more."""
    for name in _UNUSED:
        _remove(root / name)
    kept = {Path("usr") / name for name in _PROGRAMS}
    for folder in ("usr/bin", "usr/sbin"):
        for path in list((root / folder).iterdir()):
            if path.relative_to(root) not in kept:
                _remove(path)
    for path in list((root / "etc").iterdir()):
        if path.name not in _ETC:
            _remove(path)
    for pattern in _PYTHON_UNUSED:
        for path in list((root / _PYTHON).glob(pattern)):
            _remove(path)
    for folder, wanted in ((_FRONT, _FRONT_MODULES), (_PPP, _PPP_PLUGINS)):
        for path in list((root / folder).rglob("*.so")):
            if path.name not in wanted:
                _remove(path)


def install(root: Path, python: Path) -> None:
    """Lays the product, its Python packages and the overlays into the root."""
    subprocess.run([str(TREE / "package/rs-firmware/install"), str(ROOT), str(root), str(python)], check=True)
    distributions.copy(ROOT / "pyproject.toml", root / _PACKAGES)
    subprocess.run(
        [str(python), "-m", "compileall", "-q", "-b", "-o", "2", "--invalidation-mode", "unchecked-hash",
         "-s", str(root), "-p", "/", str(root / _PYTHON), str(root / _PACKAGES)],
        check=True,
    )  # fmt: skip
    for path in [*(root / _PYTHON).rglob("*.py"), *(root / _PACKAGES).rglob("*.py")]:
        path.unlink()
    for overlay in (TREE / "board/common/overlay", HERE / "overlay"):
        shutil.copytree(overlay, root, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns(".empty"))
    _busybox(root)
    _etc(root)
    for name in ("proc", "sys", "dev", "run", "tmp", "data", "root", "boot", "var/lib/rs", "var/lib/dhcpcd"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("cache", "log", "spool", "tmp"):
        _link(root / "var" / name, "../tmp")
    _link(root / "var/run", "../run")
    _link(root / "var/lock", "../run/lock")
    drop_libraries(root)


def install_trust(root: Path, certificate: Path) -> None:
    """What an update is held against: who may sign it, and which board it must be for."""
    (root / "usr/share/rs").mkdir(parents=True, exist_ok=True)
    shutil.copy(certificate, root / "usr/share/rs/update.pem")
    _write(root / "etc/hwrevision", ["x86_64 1"])


def install_kernel(root: Path, kernel: Kernel, initrd: Path, *, whole: bool) -> None:
    """The kernel where GRUB looks for it, and its modules: the ``whole`` of them, or those that ``modules`` names with
    what they need."""
    shutil.copy(kernel.image, root / "boot/bzImage")
    shutil.copy(initrd, root / "boot/initrd")
    base = kernel.modules / "kernel"
    patterns = ["**/*.ko"] if whole else _lines(HERE / "modules")
    named = [path.stem for pattern in patterns for path in _some(base, pattern)]
    for module in kernel.dependencies(named):
        place = root / "usr/lib/modules" / kernel.release / module.relative_to(kernel.modules)
        place.parent.mkdir(parents=True, exist_ok=True)
        # Types for tracing (.BTF) would take memory with each module.
        argv = ["strip", "--strip-debug", "--remove-section=.BTF", "-o", str(place), str(module)]
        subprocess.run(argv, check=True)
    for name in ("modules.builtin", "modules.order"):
        shutil.copy(kernel.modules / name, root / "usr/lib/modules" / kernel.release)
    subprocess.run(["busybox", "depmod", "-b", str(root), kernel.release], check=True)


def drop_libraries(root: Path) -> None:
    """Removes each shared library that no program and no module of a program needs."""
    folder = root / _LIBRARIES
    every = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path)]
    starts = [path for path in every if path.parent != folder] + [(folder / name).resolve() for name in _OPENED]
    needed = {*libraries(root, *starts).values(), *starts}
    for path in list(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if path.name not in ("ossl-modules", "engines-3"):
                _remove(path)
        elif path.resolve() not in needed:
            path.unlink()
    for path in [path for path in folder.iterdir() if path.is_symlink() and not path.exists()]:
        path.unlink()
    _remove(folder / "engines-3")


def libraries(root: Path, *starts: Path) -> dict[str, Path]:
    """Every library that the files need, with what these need in turn: the name it is asked for by, and the file."""
    folder = (root / _LIBRARIES).resolve()
    found: dict[str, Path] = {}
    waiting = list(starts)
    while waiting:
        for name in _needed(waiting.pop()):
            if name not in found and (folder / name).exists():
                found[name] = (folder / name).resolve()
                waiting.append(found[name])
    return found


def _needed(path: Path) -> list[str]:
    done = subprocess.run(["readelf", "-d", str(path)], check=True, capture_output=True, text=True)
    return re.findall(r"\(NEEDED\).*\[(.+)\]", done.stdout)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _busybox(root: Path) -> None:
    """Static busybox and its applets; where there is a program of that name, it is the one that counts."""
    shutil.copy("/usr/bin/busybox", root / "usr/bin/busybox")
    listed = subprocess.run(["busybox", "--list-full"], check=True, capture_output=True, text=True).stdout
    for line in listed.split():
        folder, name = ("usr/sbin" if "sbin/" in line else "usr/bin"), Path(line).name
        if not any(os.path.lexists(root / place / name) for place in ("usr/bin", "usr/sbin")):
            (root / folder / name).symlink_to("/bin/busybox")


def _etc(root: Path) -> None:
    etc = root / "etc"
    numbers = {name: 100 + index for index, name in enumerate(_BOX_USERS)}
    own = [f"{name}:x:{number}:{number}:{name}:/var/lib/{name}:/bin/false" for name, number in numbers.items()]
    _write(etc / "passwd", [*_USERS, *own])
    groups = [f"{name}:x:{number}:" for name, number in numbers.items()]
    _write(etc / "group", ["root:x:0:", "tty:x:5:", "nogroup:x:65534:", *groups])
    locked = [f"{name}:*:20000:0:99999:7:::" for name in ("nobody", *numbers)]
    _write(etc / "shadow", ["root::20000:0:99999:7:::", *locked])
    (etc / "shadow").chmod(0o600)
    _write(etc / "hostname", ["router"])
    _write(etc / "hosts", ["127.0.0.1 localhost", "::1 localhost"])
    _write(etc / "issue", ["R-series router firmware, reference image", ""])
    sources = {"passwd": "files", "group": "files", "hosts": "files dns", "protocols": "files", "services": "files"}
    _write(etc / "nsswitch.conf", [f"{name}: {where}" for name, where in sources.items()])
    _write(etc / "profile", ["export PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
    certificates = sorted((root / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    _write(etc / "ssl/certs/ca-certificates.crt", [path.read_text().strip() for path in certificates])
    _remove(root / "usr/share/ca-certificates")
    _remove(root / "usr/lib/ssl")
    (root / "usr/lib/ssl").mkdir()
    _link(root / "usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt")
    _link(root / "usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf")
    _link(etc / "localtime", "/usr/share/zoneinfo/UTC")
    _link(etc / "mtab", "/proc/mounts")


def _some(base: Path, pattern: str) -> list[Path]:
    found = sorted(base.glob(pattern))
    if not found:
        raise SystemExit(f"buildroot/dev/modules: this kernel has no {pattern}")
    return found


def _sources() -> list[str]:
    """Where this machine gets its own packages from, as far as they are of the suite."""
    folder = Path("/etc/apt/sources.list.d")
    files = [Path("/etc/apt/sources.list"), *sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]
    return [str(path) for path in files if path.exists() and _SUITE in path.read_text()]


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def _link(path: Path, to: str) -> None:
    _remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(to)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
