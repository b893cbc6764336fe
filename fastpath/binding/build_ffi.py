"""Compiles ``_native``: cffi in API mode over the public header itself and the objects of ``make programs``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent


def declarations(header: str) -> str:
    """The header as cffi takes it: without comments (macros are numbers already)."""
    return re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)


def build(library: Path, link: list[str]) -> Path:
    """Makes ``binding/_native.abi3.so``; its path. ``link`` is what the target needs besides."""
    ffi = FFI()
    ffi.cdef(declarations((ROOT / "include" / "rs_fastpath.h").read_text(encoding="utf-8")))
    ffi.set_source(
        "fastpath.binding._native",
        '#include <stddef.h>\n#include <stdint.h>\n#include "rs_fastpath.h"\n',
        include_dirs=[str(ROOT / "include")],
        extra_objects=[str(library)],
        libraries=["crypto", "pthread", "dl"],
        extra_link_args=link,
        define_macros=[("Py_LIMITED_API", "0x03090000")],
        py_limited_api=True,
    )
    return Path(ffi.compile(tmpdir=str(ROOT.parent), verbose=False))


if __name__ == "__main__":
    os.environ.setdefault("CFLAGS", "-O2")
    build(Path(sys.argv[1]).resolve(), sys.argv[2:])
