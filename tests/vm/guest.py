"""What only the full kernel can show; run in the virtual machine by test_full_kernel.py."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import pytest

from firmware.kernel import probe
from tests.kernel.engine_box import Box, config

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box("queue") as box:
        box.start()
        box.commit(config())
        yield box


def test_this_is_debians_full_kernel() -> None:
    assert "cloud" not in platform.release()
    assert probe.has_nft_queue()


def test_the_product_queues_by_nft_itself(box: Box) -> None:
    rules = box.inside("nft", "list", "ruleset")
    assert "queue flags bypass to 0" in rules
    assert "NFQUEUE" not in rules
