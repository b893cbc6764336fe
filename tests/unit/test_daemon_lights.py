"""Lights by a tree like the kernel's, and the button by a pipe of input events."""

from __future__ import annotations

import os
import struct
import threading
import time
from pathlib import Path

import msgspec
import pytest

from firmware.daemon.button import ASK_S, ButtonWatch, Presses, find
from firmware.daemon.lights import Lights, Shown, read_board, wanted
from firmware.kernel.leds import OFF, ON, blink, follow
from firmware.model.board import Board, Button

BOARDS = sorted((Path(__file__).parents[2] / "buildroot/board").glob("*/board.json"))
BOARD = Board(name="x", leds={"power": "red", "line": "green"}, button=Button(device="gpio-keys", key=408))
FILES = ("trigger", "brightness", "delay_on", "delay_off", "device_name", "link", "tx", "rx")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in BOARD.leds.values():
        (tmp_path / name).mkdir()
        (tmp_path / name / "max_brightness").write_text("255\n")
        for file in FILES:
            (tmp_path / name / file).write_text("")
    return tmp_path


def test_what_the_lights_show() -> None:
    well = Shown(lines=[("eth0", True), ("ppp2", True)], lans=["br-office"], alarms=0)
    assert wanted(BOARD, well) == {"power": ON, "line": follow("eth0")}
    assert wanted(BOARD, well._replace(lines=[("eth0", False), ("ppp2", True)]))["line"].kind == "blink"
    assert wanted(BOARD, well._replace(lines=[("eth0", False)]))["line"] == OFF
    assert wanted(BOARD, well._replace(alarms=2))["power"] == blink(1000)
    own = msgspec.structs.replace(BOARD, leds={**BOARD.leds, "alarm": "blue", "lan": "white"})
    found = wanted(own, well._replace(alarms=2))
    assert (found["power"], found["alarm"], found["lan"]) == (ON, blink(1000), follow("br-office"))


def test_the_kernel_is_told_once(tree: Path) -> None:
    shown = [Shown(lines=[("eth0", True)], lans=[], alarms=0)]
    lights = Lights(BOARD, lambda: shown[0], tree)
    lights.watch()
    read = {file: (tree / "green" / file).read_text() for file in FILES}
    assert (read["trigger"], read["device_name"], read["link"], read["tx"]) == ("netdev", "eth0", "1", "1")
    assert ((tree / "red/trigger").read_text(), (tree / "red/brightness").read_text()) == ("none", "255\n")
    (tree / "green/trigger").write_text("untouched")
    lights.watch()
    assert (tree / "green/trigger").read_text() == "untouched"
    lights.ask = lambda: blink(80)
    lights.watch()
    assert ((tree / "red/trigger").read_text()[:5], (tree / "red/delay_on").read_text()) == ("timer", "40")
    assert lights.state() == {"name": "x", "lights": {"power": True, "line": True}, "button": True}


def test_a_light_that_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    lights = Lights(BOARD, lambda: Shown([], [], 0), tmp_path)
    lights.watch()
    assert list(tmp_path.iterdir()) == [], "no files are made"
    assert lights.state()["lights"] == {"power": False, "line": False}


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.parent.name)
def test_each_board_has_a_file_that_can_be_read(path: Path) -> None:
    board = read_board(path)
    assert board.name
    assert "power" in board.leds


def test_without_a_file_or_with_a_broken_one_there_is_nothing(tmp_path: Path) -> None:
    assert BOARDS
    assert read_board(tmp_path / "nothing") == Board()
    (tmp_path / "x").write_text('{"leds": {"disco": "x"}}')
    assert read_board(tmp_path / "x") == Board()


def pressed(presses: Presses, at_s: float, held_s: float) -> str | None:
    presses.down(at_s)
    return presses.up(at_s + held_s)


def test_a_short_press_restarts_and_a_bounce_does_nothing() -> None:
    assert pressed(Presses(), 0, 0.3) == "restart"
    assert pressed(Presses(), 0, 0.01) is None
    assert Presses().up(1) is None


@pytest.mark.parametrize(("held_s", "action"), [(6, "previous"), (12, "reset"), (31, "wipe")])
def test_what_loses_something_is_asked_for(held_s: float, action: str) -> None:
    presses = Presses()
    assert pressed(presses, 0, held_s) is None
    assert presses.light(held_s + 1) == blink(80)
    assert pressed(presses, held_s + 2, 0.2) == action
    assert presses.light(held_s + 3) is None
    assert pressed(presses, 0, held_s) is None
    assert pressed(presses, held_s + ASK_S + 1, 0.2) == "restart", "too late: an ordinary short press"


def test_the_light_blinks_faster_the_longer_it_is_held() -> None:
    presses = Presses()
    presses.down(0)
    lights = [presses.light(now_s) for now_s in (1, 6, 12, 31)]
    assert [light and light.period_ms for light in lights] == [1000, 500, 250, 120]


def test_events_are_read_from_the_device() -> None:
    reading, writing = os.pipe()
    done: list[str] = []
    came = threading.Event()

    def act(action: str) -> None:
        done.append(action)
        came.set()

    assert BOARD.button
    watch = ButtonWatch(BOARD.button, act)
    watch.start(Path(f"/dev/fd/{reading}"))
    event = struct.Struct("@llHHi")
    os.write(writing, event.pack(0, 0, 1, 30, 1) + event.pack(0, 0, 0, 0, 0) + event.pack(0, 0, 1, 408, 1))
    until_s = time.monotonic() + 5
    while watch.light() is None and time.monotonic() < until_s:
        time.sleep(0.005)
    assert watch.light() == blink(1000)
    time.sleep(0.06)  # a press is no bounce
    os.write(writing, event.pack(0, 0, 1, 408, 0))
    assert came.wait(5)
    watch.close()
    os.close(reading)
    os.close(writing)
    assert done == ["restart"]


def test_the_device_is_found_by_its_name(tmp_path: Path) -> None:
    for number, name in enumerate(("Power Button", "gpio-keys")):
        (tmp_path / f"event{number}/device").mkdir(parents=True)
        (tmp_path / f"event{number}/device/name").write_text(f"{name}\n")
    assert find("gpio-keys", tmp_path) == Path("/dev/input/event1")
    assert find("nothing", tmp_path) is None
