"""The speed test through the real daemon, on a line whose downloads are held at 30 Mbit/s."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from firmware.client import Busy, Client, Invalid, NotFound
from tests.lab import netns
from tests.lab.addresses import server_addresses
from tests.lab.site import Site

pytestmark = pytest.mark.kernel

RATE = 30_000_000
SHAPED = 8_000_000


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(name="speed", wans=1, hosts=1) as site:
        site.limit(site.lines[0], RATE)
        server = f"http://{server_addresses('internet.test')[0]}"
        with Client(site.product.run / "rsd.sock") as client:
            urls = {"download_url": f"{server}/bytes/200000000", "upload_url": f"{server}/upload"}
            client.call("config.set", path="speed_test", value=urls)
            client.call("config.commit", message="speed test")
        yield site


def row(client: Client) -> dict[str, Any]:
    (found,) = client.call("speedtest.state")
    return dict(found)


def test_a_line_is_measured_once_at_a_time(site: Site) -> None:
    with Client(site.product.run / "rsd.sock") as client:
        client.call("speedtest.start", line="wan1")
        with pytest.raises(Busy):
            client.call("speedtest.start", line="wan1")
        netns.wait_until(lambda: not row(client)["running"], "it is over", 60)
        result = row(client)["result"]
    assert result["errors"] == {}
    assert result["down_bps"] == pytest.approx(RATE, rel=0.15)
    assert result["up_bps"] > RATE
    assert result["down_ms"] > result["idle_ms"]


def test_what_cannot_be_measured_is_refused_in_words(site: Site) -> None:
    with Client(site.product.run / "rsd.sock") as client:
        with pytest.raises(NotFound):
            client.call("speedtest.start", line="nothing")
        with pytest.raises(Invalid):  # no shaper
            client.call("speedtest.start", line="wan1", shaped=True)


def test_an_upload_meets_the_shaper_only_when_asked(site: Site) -> None:
    with Client(site.product.run / "rsd.sock") as client:
        for way in ("up", "down"):
            client.call("config.set", path=f"wans.wan1.{way}_bps", value=SHAPED)
        client.call("config.set", path="qos.enabled", value=True)
        client.call("config.commit", message="shaped")
        netns.wait_until(lambda: client.call("bandwidth")["running"], "the shaper is at work")
        client.call("speedtest.start", line="wan1", shaped=True)
        netns.wait_until(lambda: not row(client)["running"], "it is over", 60)
        found = row(client)["shaped"]
        assert found["errors"] == {}
        assert found["down_bps"] is None
        assert found["up_bps"] == pytest.approx(SHAPED, rel=0.1)
        client.call("speedtest.start", line="wan1")
        netns.wait_until(lambda: not row(client)["running"], "it is over", 60)
        assert row(client)["result"]["up_bps"] > 2 * SHAPED
