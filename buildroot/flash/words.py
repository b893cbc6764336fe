"""What rsflash says, in Chinese and English. Keys are the English texts, with ``%(name)s`` for what they name."""

from __future__ import annotations

import os
from collections.abc import Mapping

ZH: dict[str, str] = {
    # --- disks
    "Disk": "磁盘",
    "Size": "容量",
    "Model": "型号",
    "Serial number": "序列号",
    "Content": "现有内容",
    "empty": "空",
    "in use: %(by)s": "正在使用：%(by)s",
    "free": "可写入",
    "There is no disk.": "没有找到磁盘。",
    "There is no disk %(name)s that may be written. See: rsflash list":
        "没有可写入的磁盘 %(name)s。请运行 rsflash list 查看。",
    "%(name)s is in use (%(by)s) and is not written.": "%(name)s 正在使用（%(by)s），不会写入。",
    "%(name)s: %(size)s GB, %(model)s, serial number %(serial)s, with: %(content)s":
        "%(name)s：%(size)s GB，%(model)s，序列号 %(serial)s，现有内容：%(content)s",
    "Everything on it will be lost. Type its name (%(name)s) to go on: ":
        "盘上所有数据都将丢失。输入磁盘名 %(name)s 以继续：",
    "Nothing was written.": "未写入任何内容。",
    # --- writing
    "Reading the image": "读取镜像",
    "Trying the medium": "检测介质",
    "Writing": "写入",
    "Verifying": "校验",
    "%(stage)s: %(percent)s %%, %(rate)s MB/s, %(left)s s left":
        "%(stage)s：%(percent)s%%，%(rate)s MB/s，剩余 %(left)s 秒",
    "Written and verified in %(seconds)s s; the data partition has %(data)s MB.":
        "写入并校验完成，用时 %(seconds)s 秒；数据分区 %(data)s MB。",
    "This medium lies: it says %(says)s GB and loses what is written beyond about %(real)s GB.":
        "该介质为扩容盘：标称 %(says)s GB，约 %(real)s GB 之后写入的数据会丢失，不能使用。",
    "The medium is worn: %(count)s of %(all)s MB read back otherwise than written, first at %(place)s MB.":
        "介质已损坏：%(all)s MB 中有 %(count)s MB 读回与写入不符，首处位于 %(place)s MB。请更换。",
    "The medium is worn: the serial number reads back otherwise than written.":
        "介质已损坏：序列号读回与写入不符。请更换。",
    "The disk is too small: the image needs %(needs)s MB, the disk has %(has)s MB.":
        "磁盘太小：镜像需要 %(needs)s MB，磁盘只有 %(has)s MB。",
    "The image is damaged at %(place)s MB: fetch it again.": "镜像在 %(place)s MB 处损坏，请重新获取。",
    "This image has no room for a serial number: it is older than this program.":
        "该镜像版本过旧，没有预留序列号的位置。",
    "The serial number and the address are too long together.": "序列号与总部地址合计过长。",
    "A serial number has letters, digits and hyphens, 32 at most.": "序列号只能包含字母、数字和连字符，最多 32 位。",
    "The address of headquarters is given with a serial number only: say --serial too.":
        "总部地址须与序列号一起写入：请加上 --serial。",
    "The address of headquarters begins with https:// and a name.": "总部地址应以 https:// 开头，后接主机名。",
    "this is no image of a router": "这不是路由器镜像",
    "this image is damaged": "镜像已损坏",
    "this image is of a format that this program does not know": "本程序不支持该镜像格式",
    "Boxes with UEFI cannot start: %(program)s is missing. Install grub-efi-amd64-bin, then make image-installer.":
        "UEFI 设备无法启动：缺少 %(program)s。请安装 grub-efi-amd64-bin，再执行 make image-installer。",
    "The protocol and the label are in %(folder)s.": "记录表和标签保存在 %(folder)s。",
    "You must be root to write a disk.": "写磁盘需要 root 权限。",
    # --- label and protocol
    "Address": "管理地址",
    "First password": "初始密码",
    "MAC": "MAC",
    "Labels": "设备标签",
    "Protocol of installation": "装机记录表",
    "Time": "时间",
    "Engineer": "工程师",
    "Image (SHA-256)": "镜像（SHA-256）",
    "Result": "结果",
    "Seconds": "用时（秒）",
    "Headquarters": "总部地址",
    "verified": "校验通过",
    "stopped before the end": "未完成即中止",
    "%(good)s of %(all)s boxes were written and verified.": "共 %(all)s 台，写入并校验通过 %(good)s 台。",
    "Date, signature: ": "日期、签名：",
    # --- on the box
    "R-Series: installing": "R 系列：安装程序",
    "There is no disk to install to. Remove nothing, look at the disk's cable.": "没有可安装的磁盘，请检查磁盘及连线。",
    "Type the box's serial number: ": "输入本机序列号：",
    "Which disk? Type its name: ": "安装到哪块磁盘？输入磁盘名：",
    "Only one disk: %(name)s. Installing begins in %(seconds)s s; switch off to stop.":
        "仅有一块磁盘 %(name)s，%(seconds)s 秒后开始安装；要取消请断电。",
    "Installed. Note the first password now: it is shown only here.": "安装完成。请立即记下初始密码，仅在此显示一次。",
    "This label could not be kept anywhere: write it down, then press Enter to switch off.":
        "标签未能保存：请先抄下来，再按回车键关机。",
    "Remove the installation medium; the box switches off.": "请拔出安装介质，设备即将关机。",
    "Not installed: %(reason)s": "安装失败：%(reason)s",
    "Press Enter to switch off.": "按回车键关机。",
    "The laptop's list has no serial number left.": "笔记本上的序列号已用完。",
    # --- batch
    "dnsmasq is missing on this computer: install it (Debian: apt install dnsmasq-base).":
        "本机没有 dnsmasq，请先安装（Debian：apt install dnsmasq-base）。",
    "%(name)s is missing in %(folder)s: build it with make image-installer.":
        "%(folder)s 中缺少 %(name)s，请用 make image-installer 生成。",
    "%(serial)s was given to a box before (%(folder)s/protocol.csv): name other numbers, or another --folder.":
        "序列号 %(serial)s 已经用过（见 %(folder)s/protocol.csv）：请换其他号码，或用 --folder 指定另一个目录。",
    "Boxes on %(interface)s may now be switched on with network start. Ctrl-C ends it.":
        "现在可将 %(interface)s 上的设备以网络启动方式开机。按 Ctrl-C 结束。",
    "started": "已启动",
    "writing": "写入中",
    "verifying": "校验中",
    "probing": "检测中",
    "The first serial number must end with digits.": "起始序列号必须以数字结尾。",
    "dnsmasq ended at once: another DHCP server runs on this computer?":
        "dnsmasq 启动后立即退出：本机是否已有其他 DHCP 服务在运行？",
    "%(done)s of %(count)s boxes are ready.": "已完成 %(done)s／%(count)s 台。",
}  # fmt: skip


class Say:
    """Says a text in one language."""

    def __init__(self, language: str) -> None:
        self.language = "zh" if language.startswith("zh") else "en"

    def __call__(self, text: str, **params: object) -> str:
        said = ZH.get(text, text) if self.language == "zh" else text
        return said % params if params else said


def of_environment(environment: Mapping[str, str] = os.environ) -> Say:
    """In the language of the locale."""
    named = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return Say(next(filter(None, named), "en"))
