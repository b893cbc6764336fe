"""The names of the lab's internet: every domain of the application database, each with a server of its own."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.lab import addresses

_DATABASE = Path(__file__).parents[2] / "fastpath" / "apps"
# What the departments browse, and where everybody watches videos.
BROWSED = {
    "sales": (
        "weixin.qq.com",
        "www.taobao.com",
        "www.jd.com",
        "www.xiaohongshu.com",
        "www.douyin.com",
        "www.dingtalk.com",
    ),
    "finance": ("www.icbc.com.cn", "www.alipay.com", "www.eastmoney.com", "www.10jqka.com.cn", "mail.163.com"),
    "rd": ("github.com", "gitee.com", "www.zhihu.com", "www.bilibili.com", "www.baidu.com", "stackoverflow.com"),
    "boss": ("www.toutiao.com", "weibo.com", "www.feishu.cn", "v.qq.com", "music.163.com", "www.ctrip.com"),
}
WATCHED = ("v.qq.com", "www.iqiyi.com", "www.bilibili.com", "www.youku.com", "www.douyin.com")
# Two sites on shared servers: each name has the first address and one of its own.
SHARED = {
    "pair.first-shop.test": ("198.18.3.1", "198.18.3.2"),
    "pair.second-shop.test": ("198.18.3.1", "198.18.3.3"),
}
_OWN = ("internet.test", "tracker.internet.test", "mail.internet.test")


def domains() -> list[str]:
    """The domains that the name server knows, with all names below them."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {*_OWN, *WATCHED, *(name for names in BROWSED.values() for name in names)}
    for path in sorted(_DATABASE.glob("*.yaml")):
        for application in yaml.load(path.read_text(), Loader=loader) or []:
            found.update(application.get("domains", ()))
    return sorted(found)


def dnsmasq() -> str:
    """Configuration of the internet's name server."""
    fixed = {"tracker.internet.test": addresses.TRACKER, "mail.internet.test": addresses.MAIL_SERVER}
    lines = ["no-resolv", "no-hosts", "no-daemon", "bind-interfaces", "cache-size=0", "local-ttl=60"]
    lines += [f"listen-address={address}" for address in (addresses.NAME_SERVER, addresses.NAME_SERVER_V6)]
    for domain in domains():
        v4, v6 = addresses.server_addresses(domain)
        if domain in fixed:
            lines.append(f"address=/{domain}/{fixed[domain]}")
        else:
            lines += [f"address=/{domain}/{v4}", f"address=/{domain}/{v6}"]
    lines += [f"host-record={name},{address}" for name, found in SHARED.items() for address in found]
    return "\n".join([*lines, "local=/#/", ""])
