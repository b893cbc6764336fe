"""Each application that FEATURES BM1, BM2 and BM4 name one by one: its names, its category, and hosts that are its own.

A host is asked of the compiled database as the fastpath asks it, so that a neighbour's longer domain would show.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastpath.binding.appdb import compile_apps, load
from fastpath.binding.apps import Apps

APPS = {app["id"]: app for app in load(Path(__file__).parents[2] / "fastpath" / "apps")}

# The document's word, as it stands in the Chinese or English name; identifier; category; hosts of its maker.
PROMISED = """
    魔兽世界    worldofwarcraft game   worldofwarcraft.blizzard.com www.worldofwarcraft.com wow.blizzard.cn
    传奇        legendofmir     game   www.mir2.com mir2.sdo.com
    联众        lianzhong       game   www.lianzhong.com www.ourgame.com
    QQ游戏      qqgame          game   qqgame.qq.com minigame.qq.com
    4399        4399games       game   www.4399.com
    王者荣耀    honorofkings    game   pvp.qq.com
    原神        genshinimpact   game   ys.mihoyo.com hk4e-sdk.mihoyo.com
    PPLive      pptv            video  www.pplive.com www.pptv.com
    新浪视频    sinavideo       video  video.sina.com.cn
    新浪        sina            news   www.sina.com.cn news.sina.com.cn
    优酷        youku           video  www.youku.com v.youku.com
    土豆        tudou           video  www.tudou.com
    天线        openv           video  www.openv.com
    迅雷看看    kankan          video  www.kankan.com
    迅雷        thunder         p2p    www.xunlei.com hub5pr.sandai.net
    抖音        douyin          video  www.douyin.com v3-web.douyinvod.com
    快手        kuaishou        video  www.kuaishou.com live.kuaishou.com
    爱奇艺      iqiyi           video  www.iqiyi.com cache.video.iqiyi.com
    腾讯视频    tencentvideo    video  v.qq.com vd.l.qq.com
    B站         bilibili        video  www.bilibili.com upos-sz-mirrorcos.bilivideo.com i0.hdslb.com
    同花顺      tonghuashun     stock  www.10jqka.com.cn
    东方财富    eastmoney       stock  www.eastmoney.com push2.eastmoney.com
    大智慧      dazhihui        stock  www.gw.com.cn
    通达信      tongdaxin       stock  www.tdx.com.cn
    QQ          qq              im     im.qq.com qun.qq.com
    MSN         msn             im     messenger.hotmail.com messenger.msn.com
    阿里旺旺    aliwangwang     im     wangwang.taobao.com amos.alicdn.com
    WeChat      wechat          im     weixin.qq.com mp.weixin.qq.com wx.qq.com
    DingTalk    dingtalk        im     www.dingtalk.com im.dingtalk.com
    Feishu      feishu          im     www.feishu.cn
    WhatsApp    whatsapp        im     web.whatsapp.com g.whatsapp.net
    Telegram    telegram        im     web.telegram.org t.me
    BT          bittorrent      p2p    router.bittorrent.com router.utorrent.com
    eMule       edonkey         p2p    www.emule-project.net
"""
ROWS = [line.split() for line in PROMISED.strip().splitlines()]
# Beside them and not they: who blocks the one must not lose the other.
NEIGHBOURS = """
    www.qq.com          tencent
    work.weixin.qq.com  wechatwork
    www.taobao.com      taobao
    game.qq.com         tencentgames
    www.bing.com        microsoft
    outlook.live.com    outlook
    www.larksuite.com   lark
    www.tiktok.com      tiktok
"""


@pytest.fixture(scope="module")
def compiled() -> Iterator[Apps]:
    with Apps(compile_apps(list(APPS.values()))) as apps:
        yield apps


def _names(app: dict[str, Any]) -> str:
    return "".join(app["name"].values()).replace(" ", "")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_a_promised_application_is_there_with_its_hosts(row: list[str], compiled: Apps) -> None:
    word, name, category, *hosts = row
    assert APPS[name]["category"] == category
    assert word in _names(APPS[name])
    assert {host: compiled.match_host(host) for host in hosts} == dict.fromkeys(hosts, name)


@pytest.mark.parametrize("line", NEIGHBOURS.strip().splitlines(), ids=lambda line: line.split()[0])
def test_a_neighbour_is_not_taken_for_it(line: str, compiled: Apps) -> None:
    host, name = line.split()
    assert compiled.match_host(host) == name
    assert name not in {row[1] for row in ROWS}


def test_a_word_of_the_document_stands_for_one_application() -> None:
    words = [row[0] for row in ROWS]
    assert len(set(words)) == len(words)
    assert len({row[1] for row in ROWS}) == len(ROWS)
