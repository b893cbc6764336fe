"""check_packages.py NAME INFO EXTERNAL: what Buildroot's ``show-info`` says of one configuration, as one line.

Our own packages must be there, and whatever is downloaded for them must have a sha256 of ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

NEEDED = {
    "rs-firmware", "python-msgspec", "python-flask", "python-waitress", "python-cffi", "python3", "libopenssl",
    "nftables", "dnsmasq", "dhcpcd", "pppd", "lighttpd", "chrony", "iproute2", "conntrack-tools", "linux",
    "busybox", "swupdate",
}  # fmt: skip


def main(name: str, info: Path, external: Path) -> int:
    """Print the line, then what is wrong; the exit code says whether there was something."""
    packages = json.loads(info.read_text())
    targets = {key for key, package in packages.items() if package["type"] == "target" and not package.get("virtual")}
    sources = {file["source"] for package in packages.values() for file in package.get("downloads", [])}
    print(f"{name}: {len(targets)} packages on the target, {len(packages)} in all, {len(sources)} tarballs")
    faults = [f"{name}: {missing} is not selected" for missing in sorted(NEEDED - set(packages))]
    if "nftables" not in packages.get("dnsmasq", {}).get("dependencies", []):
        faults.append(f"{name}: dnsmasq is not built after nftables, so it would lack nftset")
    for path in sorted((external / "package").iterdir()):
        package = packages.get(path.name)
        if package is None or package["type"] != "target" or path.name == "rs-firmware":  # which is this very tree
            continue
        hashes = (path / f"{path.name}.hash").read_text() if (path / f"{path.name}.hash").exists() else ""
        for file in package.get("downloads", []):
            if f"  {file['source']}\n" not in hashes:
                faults.append(f"{name}: {path.name} has no hash for {file['source']}")
    print("\n".join(faults), end="\n" if faults else "")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
