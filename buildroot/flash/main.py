"""rsflash: writes the router's image to disks, one at a time, on the box itself, or to ten boxes by network."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from buildroot.flash import disks, label, protocol, provision
from buildroot.flash.image import ImageError, open_image, pack
from buildroot.flash.run import Progress, install
from buildroot.flash.words import Say, of_environment
from buildroot.flash.write import MediumError

_MB, _GB = 1 << 20, 1e9


def main(argv: Sequence[str] | None = None) -> int:
    say = of_environment()
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments, say) or 0)
    except MediumError as error:
        print(say(error.message, **error.params), file=sys.stderr)
    except (ImageError, ValueError, OSError) as error:
        print(say(str(error)), file=sys.stderr)
    except KeyboardInterrupt:
        print(file=sys.stderr)
    return 1


def _list(arguments: argparse.Namespace, say: Say) -> None:
    found = disks.disks()
    if not found:
        print(say("There is no disk."))
    for disk in found:
        state = say("in use: %(by)s", by=disk.in_use) if disk.in_use else say("free")
        print(f"{describe(disk, say)}  [{state}]")


def _write(arguments: argparse.Namespace, say: Say) -> int:
    told = _provision(arguments)
    path = _target(arguments.disk, say)
    if path is None:
        return 1
    progress = Progress(say)
    source = open_image(arguments.image, lambda done, whole: progress("read", done, whole))
    if path.is_block_device() and input(say(_ASK, name=path.name)).strip() != path.name:
        print(say("Nothing was written."))
        return 1
    result, seconds = protocol.STOPPED, 0.0
    try:
        done = install(source, path, told, progress, say.language)
        result, seconds = protocol.VERIFIED, done.seconds
        print(say(_DONE, seconds=f"{seconds:.0f}", data=done.data_bytes // _MB))
    except (MediumError, ValueError, OSError) as error:
        result = str(error)
        raise
    finally:
        size = f"{path.stat().st_size or _size(path.name)}"
        row = protocol.Row(
            time.strftime("%Y-%m-%d %H:%M:%S"), arguments.engineer, told.serial if told else "",
            (arguments.mac or [""])[0], path.name, size, source.map.sha256, result, f"{seconds:.0f}", arguments.hq,
        )  # fmt: skip
        keep(arguments.folder, row, say)
    if told is not None:
        made = label.Label(told.serial, told.first_password, tuple(arguments.mac or ()))
        print(label.text(made, say))
        if arguments.label:
            (arguments.folder / f"label-{told.serial}.svg").write_text(label.svg(made, say), encoding="utf-8")
    print(say("The protocol and the label are in %(folder)s.", folder=arguments.folder))
    return 0


def _pack(arguments: argparse.Namespace, say: Say) -> None:
    progress = Progress(say)
    pack(open_image(arguments.image, lambda done, whole: progress("read", done, whole)), arguments.target)


def _box(arguments: argparse.Namespace, say: Say) -> int:
    from buildroot.flash import box

    return box.run(arguments.medium, arguments.laptop, say)


def _batch(arguments: argparse.Namespace, say: Say) -> int:
    from buildroot.flash import batch

    return batch.run(arguments, say)


def keep(folder: Path, row: protocol.Row, say: Say) -> None:
    """A row into the folder's protocol, and the page to be printed anew."""
    folder.mkdir(parents=True, exist_ok=True)
    protocol.append(folder / "protocol.csv", row)
    page = protocol.page(protocol.rows(folder / "protocol.csv"), say)
    (folder / "protocol.html").write_text(page, encoding="utf-8")


def describe(disk: disks.Disk, say: Say) -> str:
    """A disk in one line."""
    return say(
        "%(name)s: %(size)s GB, %(model)s, serial number %(serial)s, with: %(content)s",
        name=disk.name,
        size=f"{disk.size / _GB:.1f}",
        model=disk.model or "–",
        serial=disk.serial or "–",
        content=", ".join(disk.content) or say("empty"),
    )


_ASK = "Everything on it will be lost. Type its name (%(name)s) to go on: "
_DONE = "Written and verified in %(seconds)s s; the data partition has %(data)s MB."


def _target(name: str, say: Say) -> Path | None:
    """A free disk, or a file that stands for one."""
    path = Path(name)
    if path.is_file():
        return path
    disk = next((disk for disk in disks.disks() if name in (disk.name, str(disk.path))), None)
    if disk is None:
        print(say("There is no disk %(name)s that may be written. See: rsflash list", name=name), file=sys.stderr)
    elif disk.in_use:
        print(say("%(name)s is in use (%(by)s) and is not written.", name=disk.name, by=disk.in_use), file=sys.stderr)
    elif os.geteuid() != 0:
        print(say("You must be root to write a disk."), file=sys.stderr)
    else:
        print(describe(disk, say))
        return disk.path
    return None


def _size(name: str) -> int:
    return next((disk.size for disk in disks.disks() if disk.name == name), 0)


def _provision(arguments: argparse.Namespace) -> provision.Provision | None:
    if not arguments.serial:
        if arguments.hq:
            raise ValueError("The address of headquarters is given with a serial number only: say --serial too.")
        return None
    serial = provision.check_serial(arguments.serial)
    return provision.Provision(serial, provision.draw_password(), provision.check_headquarters(arguments.hq))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rsflash", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: object, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(run=run)
        return found

    add("list", _list, "the disks, what lies on them, which may be written / 列出磁盘")
    made = add("write", _write, "write and verify one disk / 写入并校验一块磁盘")
    made.add_argument("image", type=Path, help="disk.img or firmware.rsi")
    made.add_argument("disk", help="its name as rsflash list shows it, or a file")
    made.add_argument("--serial", default="", help="serial number; draws a first password too / 序列号")
    made.add_argument("--mac", action="append", help="MAC address for the label, once a port")
    made.add_argument("--label", action="store_true", help="draw the label as SVG / 生成标签")
    _common(made)
    made = add("batch", _batch, "install boxes that start by network / 网络批量安装")
    made.add_argument("--interface", required=True, help="the port that the boxes hang on, with nothing else")
    made.add_argument("--image", type=Path, required=True, help="firmware.rsi")
    made.add_argument("--boot", type=Path, help="folder of make image-installer (default: the image's)")
    made.add_argument("--count", type=int, required=True, help="how many boxes")
    made.add_argument("--serials", type=Path, help="file with one serial number a line")
    made.add_argument("--first-serial", default="", help="or the first of a row, such as RS-0041")
    made.add_argument("--address", default="192.168.77.1", help="the laptop's address on that port")
    _common(made)
    made = add("pack", _pack, "pack disk.img into firmware.rsi / 打包镜像")
    made.add_argument("image", type=Path)
    made.add_argument("target", type=Path)
    made = add("box", _box, "what the installer's medium starts on the box")
    made.add_argument("--medium", type=Path, default=Path("/data"))
    made.add_argument("--laptop", default="", help="where rsflash batch answers")
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hq", default="", help="headquarters' address, https://... / 总部地址")
    parser.add_argument("--engineer", default=getpass.getuser(), help="who it was, for the protocol / 工程师")
    parser.add_argument("--folder", type=Path, default=Path("rsflash"), help="protocol and labels / 记录表目录")


if __name__ == "__main__":
    sys.exit(main())
