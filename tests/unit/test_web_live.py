"""The shared event stream: a bounded number of readers, none of which holds the others up."""

from __future__ import annotations

from pathlib import Path

import pytest

from webui.live import QUEUE_MAX, READERS_MAX, READERS_PER_SESSION, Hub, TooManyReadersError


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub(tmp_path / "rsd.sock")
    monkeypatch.setattr(hub, "_run", lambda: None)  # nothing upstream: what is told is published here
    return hub


def test_places_are_bounded_and_come_back(hub: Hub) -> None:
    readers = [hub.subscribe(f"session{n}") for n in range(READERS_MAX)]
    with pytest.raises(TooManyReadersError):
        hub.subscribe("one more")
    hub.leave(readers[0])
    hub.subscribe("one more")


def test_one_session_cannot_take_all_places(hub: Hub) -> None:
    for _ in range(READERS_PER_SESSION):
        hub.subscribe("greedy")
    with pytest.raises(TooManyReadersError):
        hub.subscribe("greedy")
    hub.subscribe("modest")


def test_a_slow_reader_loses_the_oldest(hub: Hub) -> None:
    reader = hub.subscribe("slow")
    for number in range(QUEUE_MAX + 3):
        hub._publish("status", number)
    assert reader.queue.get_nowait() == ("status", 3)
    assert reader.queue.qsize() == QUEUE_MAX - 1


def test_events_have_the_streams_form_and_leaving_gives_the_place_back(hub: Hub) -> None:
    reader = hub.subscribe("a")
    hub._publish("line", {"name": "电信"})
    stream = hub.stream(reader)
    assert next(stream).startswith("retry:")
    assert next(stream) == 'event: line\ndata: {"name": "电信"}\n\n'
    stream.close()
    assert not hub._publish("line", None)
