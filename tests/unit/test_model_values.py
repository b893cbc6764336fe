from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.model import values
from firmware.model.values import Mac, Range


@pytest.mark.parametrize(
    ("text", "member"),
    [
        ("192.0.2.1", Range(4, 0xC0000201, 0xC0000201)),
        ("192.0.2.1-192.0.2.9", Range(4, 0xC0000201, 0xC0000209)),
        ("192.0.2.0/30", Range(4, 0xC0000200, 0xC0000203)),
        ("2001:db8::1", Range(6, 0x20010DB8 << 96 | 1, 0x20010DB8 << 96 | 1)),
        ("::1-::ff", Range(6, 1, 255)),
        ("02-00-5E-10-00-01", Mac("02:00:5e:10:00:01")),
    ],
)
def test_member(text: str, member: values.Member) -> None:
    assert values.parse_member(text) == member


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (values.parse_member, text)
        for text in (
            *("", " 192.0.2.1", "192.0.2.1\n", "192.0.2", "192.0.2.01", "192.0.2.9-192.0.2.1", "192.0.2.1/24"),
            *(
                "::1-192.0.2.1",
                "fe80::1%eth0",
                "192.0.2.1-",
                "01:00:5e:00:00:01",
                "00:00:00:00:00:00",
                "a\0b",
                "٣.1.1.1",
            ),
        )
    ]
    + [(values.parse_interface, text) for text in ("192.0.2.1", "192.0.2.1/33", "192.0.2.1/24 ", "fe80::1%e/64")]
    + [(values.parse_network, text) for text in ("192.0.2.1/24", "192.0.2.0/24\n", "x")]
    + [(values.parse_ports, text) for text in ("", "0", "65536", "90-80", "-80", "80-", "8 0", "٣", "+1", "1-2-3")]
    + [(values.parse_time, text) for text in ("8:00", "24:01", "25:00", "08:60", "08:00\n", "", "0800")]
    + [(values.parse_hostname, text) for text in ("", "-a", "a-", "a..b", "a b", "a" * 64, "a\n", "a." * 127 + "bb")]
    + [
        (values.parse_mac, text)
        for text in ("02:00:5e:10:00", "02005e100001", "02:00:5e:10:00:01\n", "0g:00:00:00:00:00")
    ],
)
def test_nonsense_is_refused(reader: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError):
        reader(text)


def test_plain_readers() -> None:
    assert values.parse_ports("443") == (443, 443)
    assert values.parse_ports("8000-8010") == (8000, 8010)
    assert values.parse_time("24:00") == 1440
    assert values.parse_time("08:30") == 510
    assert values.parse_hostname("WWW.Example.com.") == "www.example.com"


addresses = st.integers(0, 255)
ranges = st.lists(st.tuples(addresses, addresses).map(lambda pair: Range(4, min(pair), max(pair))), max_size=8)


@given(ranges)
def test_merge_keeps_the_same_addresses(items: list[Range]) -> None:
    merged = list(values.merge(items))
    covered = {n for item in items for n in range(item.first, item.last + 1)}
    assert {n for item in merged for n in range(item.first, item.last + 1)} == covered
    assert all(one.last + 1 < two.first for one, two in pairwise(merged))


def test_merge_keeps_families_apart() -> None:
    items = [Range(6, 5, 9), Range(4, 1, 4), Range(4, 5, 5)]
    assert list(values.merge(items)) == [Range(4, 1, 5), Range(6, 5, 9)]


@given(st.ip_addresses(), st.ip_addresses())
def test_ends_of_ranges_come_back(one: IPv4Address | IPv6Address, two: IPv4Address | IPv6Address) -> None:
    if one.version != two.version:
        return
    low, high = sorted((int(one), int(two)))
    (((first, last),), _) = values.merge_members([f"{min(one, two)}-{max(one, two)}"])
    assert values.parse_member(f"{first}-{last}") == Range(one.version, low, high)


@given(st.ip_addresses(v=4), st.integers(0, 1000))
def test_networks_and_ranges_agree(start: IPv4Address, count: int) -> None:
    last = min(int(start) + count, 2**32 - 1)
    networks = [str(network) for network in summarize_address_range(start, IPv4Address(last))]
    parsed = [values.parse_member(text) for text in networks]
    assert list(values.merge(item for item in parsed if isinstance(item, Range))) == [Range(4, int(start), last)]


def test_members_become_texts() -> None:
    texts = ["192.0.2.9", "02-00-5E-10-00-01", "192.0.2.10", "2001:db8::/127", "192.0.2.8-192.0.2.9", "192.0.2.1"]
    ranges, macs = values.merge_members(texts)
    assert ranges == (("192.0.2.1", "192.0.2.1"), ("192.0.2.8", "192.0.2.10"), ("2001:db8::", "2001:db8::1"))
    assert macs == ("02:00:5e:10:00:01",)


def test_nearest() -> None:
    assert values.nearest("wechatt", {"wechat", "qq"}) == "wechat"
    assert values.nearest("zzz", {"wechat", "qq"}) == ""
