"""The external tree without a Buildroot: files fit each other. ``make check-buildroot`` asks a real Buildroot."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from firmware.version import VERSION

ROOT = Path(__file__).parents[2]
TREE = ROOT / "buildroot"
CONFIGS = sorted((TREE / "configs").glob("rs_*_defconfig"))
BOARDS = [path.name.removeprefix("rs_").removesuffix("_defconfig") for path in CONFIGS]
PACKAGES = sorted(path for path in (TREE / "package").iterdir() if path.is_dir())
SCRIPTS = sorted(
    path
    for path in TREE.rglob("*")
    if path.is_file() and path.read_bytes()[:10] == b"#!/bin/sh\n" and "__pycache__" not in path.parts
)
FRAGMENTS = ("datapath.fragment", "image.fragment")
# What the rules, the shaper, the lines and the tunnels of the product need (docs/design/datapath.md); y or m.
DATAPATH = (
    "NF_TABLES", "NF_TABLES_INET", "NF_TABLES_NETDEV", "NF_TABLES_BRIDGE", "NETFILTER_NETLINK_QUEUE",
    "NETFILTER_NETLINK_GLUE_CT", "NF_CONNTRACK", "NF_CONNTRACK_MARK", "NF_CONNTRACK_EVENTS", "NF_CT_NETLINK",
    "NFT_QUEUE", "NFT_CT", "NFT_NAT", "NFT_MASQ", "NFT_REDIR", "NFT_REJECT", "NFT_LIMIT", "NFT_CONNLIMIT",
    "NFT_NUMGEN", "NFT_HASH", "NFT_FIB_INET", "NFT_SYNPROXY", "NFT_FLOW_OFFLOAD", "NF_FLOW_TABLE",
    "NF_FLOW_TABLE_INET", "NETFILTER_INGRESS", "NETFILTER_EGRESS", "NET_SCH_HTB", "NET_SCH_FQ_CODEL", "NET_SCH_CAKE",
    "NET_SCH_INGRESS", "NET_ACT_MIRRED", "NET_CLS_MATCHALL", "IFB", "BRIDGE", "BRIDGE_VLAN_FILTERING", "VLAN_8021Q",
    "IP_MULTIPLE_TABLES", "IPV6_MULTIPLE_TABLES", "PPP", "PPPOE", "PPTP", "PPPOL2TP", "PPP_MPPE", "L2TP", "L2TP_ETH",
    "TUN", "WIREGUARD", "INET_ESP", "INET6_ESP", "XFRM_USER", "XFRM_INTERFACE", "MPLS", "MPLS_ROUTING",
    "MPLS_IPTUNNEL",
)  # fmt: skip


def assignments(path: Path) -> dict[str, str]:
    """Symbol and value of each line that sets one; a symbol that is set twice is a fault."""
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        if match := re.fullmatch(r"(?:# )?(\w+)(?:=(.+)| is not set)", line):
            assert match[1] not in found, f"{path.name} sets {match[1]} twice"
            found[match[1]] = match[2] or "n"
    return found


def test_there_is_a_board_of_each_kind() -> None:
    assert BOARDS == ["aarch64_virt", "mipsel_malta", "nanopi_r2s", "x86_64"]
    assert "name: RS\n" in (TREE / "external.desc").read_text()


@pytest.mark.parametrize("board", BOARDS)
def test_a_configuration_names_files_that_are_there(board: str) -> None:
    text = (TREE / "configs" / f"rs_{board}_defconfig").read_text()
    paths = re.findall(r"\$\(BR2_EXTERNAL_RS_PATH\)/([\w./-]+)", text)
    assert f"board/{board}/linux.config" in paths
    assert [path for path in paths if not (TREE / path).exists()] == []
    assert (TREE / "board" / board / "genimage.cfg").exists()


@pytest.mark.parametrize("board", BOARDS)
def test_boards_differ_only_where_they_must(board: str) -> None:
    sign = "# The same on every board from here on"
    common = [
        path.read_text().partition(sign)[2].replace(name, "BOARD") for path, name in zip(CONFIGS, BOARDS, strict=True)
    ]
    assert common[0]
    assert common[BOARDS.index(board)] == common[0]


@pytest.mark.parametrize("board", BOARDS)
def test_every_kernel_has_what_the_datapath_needs(board: str) -> None:
    config = assignments(TREE / "configs" / f"rs_{board}_defconfig")
    files = config["BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES"].strip('"').split()
    assert sorted(Path(file).name for file in files) == sorted(FRAGMENTS)
    kernel = assignments(TREE / "board" / board / "linux.config")
    for name in FRAGMENTS:
        kernel |= assignments(TREE / "board" / "common" / name)
    assert [symbol for symbol in DATAPATH if kernel.get(f"CONFIG_{symbol}") not in ("y", "m")] == []


def test_a_boards_own_kernel_options_do_not_fight_the_common_ones() -> None:
    common: dict[str, str] = {}
    for name in FRAGMENTS:
        own = assignments(TREE / "board" / "common" / name)
        assert not common.keys() & own.keys()
        common |= own
    for board in BOARDS:
        own = assignments(TREE / "board" / board / "linux.config")
        assert {symbol: value for symbol, value in own.items() if common.get(symbol, value) != value} == {}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_is_whole(package: Path) -> None:
    name, symbol = package.name, package.name.upper().replace("-", "_")
    config, recipe = (package / "Config.in").read_text(), (package / f"{name}.mk").read_text()
    assert config.startswith(f'config BR2_PACKAGE_{symbol}\n\tbool "{name}"\n')
    assert f'source "$BR2_EXTERNAL_RS_PATH/package/{name}/Config.in"' in (TREE / "Config.in").read_text()
    assert set(re.findall(r"^(\w+?)_VERSION =", recipe, re.MULTILINE)) == {symbol}
    if "_SITE_METHOD = local" in recipe:
        return
    version = re.search(r"_VERSION = (\S+)", recipe)
    source = re.search(r"_SOURCE = (\S+)", recipe)
    assert version
    assert source
    file = source[1].replace(f"$({symbol}_VERSION)", version[1])
    licences = re.search(r"_LICENSE_FILES = (.+)", recipe)
    assert licences, f"{name} names no file of its licence"
    hashes = (package / f"{name}.hash").read_text()
    for wanted in (file, *licences[1].split()):
        assert re.search(rf"^sha256  [0-9a-f]{{64}}  {re.escape(wanted)}$", hashes, re.MULTILINE), wanted


def test_every_download_of_ours_beyond_packages_has_a_hash() -> None:
    for config in CONFIGS:
        values = assignments(config)
        kernel = values["BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE"].strip('"')
        for folder in ("linux", "linux-headers"):
            assert f"  linux-{kernel}.tar.xz\n" in (TREE / "patches" / folder / f"{folder}.hash").read_text()
        if u_boot := values.get("BR2_TARGET_UBOOT_CUSTOM_VERSION_VALUE"):
            assert f"  u-boot-{u_boot.strip(chr(34))}.tar.bz2\n" in (TREE / "patches/uboot/uboot.hash").read_text()


def test_the_package_has_the_products_version() -> None:
    recipe = (TREE / "package/rs-firmware/rs-firmware.mk").read_text()
    assert re.findall(r"^RS_FIRMWARE_VERSION = (.+)$", recipe, re.MULTILINE) == [VERSION]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(TREE)))
def test_a_script_is_well_formed(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(script)], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(script)], check=True)


def test_lost_lines_are_told(tmp_path: Path) -> None:
    have, want = tmp_path / ".config", tmp_path / "wanted"
    have.write_text('A=y\nB="x"\n# C is not set\nE=y\n')
    tool = [str(TREE / "board/common/lost-lines"), str(have), str(want)]
    want.write_text('# why\nA=y\nB="x"\n# C is not set\n# F is not set\n')
    assert subprocess.run(tool, check=False, capture_output=True, text=True).stdout == ""
    want.write_text('A=m\nB="x"\nD=y\n# E is not set\n')
    done = subprocess.run(tool, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "lost: A=m\nlost: D=y\nlost: # E is not set\n")
