"""What a line may be tested with, and that it is written back as it was read."""

from __future__ import annotations

import pytest

from firmware.model.targets import Target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("1.1.1.1", Target("ping", "1.1.1.1")),
        ("2001:db8::1", Target("ping", "2001:db8::1")),
        ("tcp://1.2.3.4:443", Target("tcp", "1.2.3.4", 443)),
        ("tcp://[2001:db8::1]:443", Target("tcp", "2001:db8::1", 443)),
        ("dns://223.5.5.5", Target("dns", "223.5.5.5", 53)),
        ("dns://223.5.5.5/www.qq.com", Target("dns", "223.5.5.5", 53, "www.qq.com")),
        ("dns://[2400:3200::1]:5353/www.qq.com", Target("dns", "2400:3200::1", 5353, "www.qq.com")),
        ("http://www.qq.com/", Target("http", "www.qq.com", 80, "/")),
        ("http://1.2.3.4:8080/a/generate_204?x=1", Target("http", "1.2.3.4", 8080, "/a/generate_204?x=1")),
    ],
)
def test_target_is_read_and_written(text: str, target: Target) -> None:
    assert parse_target(text) == target
    assert target.text == text
    assert target.has_name == (text == "http://www.qq.com/")


@pytest.mark.parametrize(
    "text",
    [
        "", "www.qq.com", "1.2.3", "fe80::1%eth0", "tcp://1.2.3.4", "tcp://www.qq.com:443", "tcp://1.2.3.4:443/x",
        "tcp://1.2.3.4:0", "tcp://1.2.3.4:80-90", "tcp://2001:db8::1:443", "dns://www.qq.com", "dns://1.1.1.1/a b",
        "http://", "http://a b/", "http://1.2.3/", "http://www.qq.com/a\r\nHost: x", "https://www.qq.com/",
        "ftp://1.2.3.4/", "http://www.qq.com:99999/", "tcp://[1.2.3.4]:443", "tcp://[2001:db8::1:443",
    ],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_target(text)


def test_the_short_form_is_completed() -> None:
    assert parse_target("http://www.QQ.com").text == "http://www.qq.com/"
    assert parse_target("2001:DB8:0::1").text == "2001:db8::1"
