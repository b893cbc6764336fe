"""Codes for real: read from what was printed, by the page's camera, from a photo, and typed by a scanner."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import segno
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from waitress.server import create_server
from werkzeug.middleware.shared_data import SharedDataMiddleware

from bizlite.production import cards
from bizlite.stock import items
from bizlite.web.app import create_app
from bizlite.web.guard import Who
from bizlite.web.texts import catalogue
from tests.bizlite.conftest import leave
from tests.bizlite.workshop import SESSION, make_shop
from tests.browser.person import DESK, PHONE, Person

ROOT = Path(__file__).parents[2]
BARCODE = "6901234567892"
WIDTH, HEIGHT = 640, 480
TICKET = (302, 900)  # 80 mm at 96 dots an inch
Rows = list[list[bool]]  # what is dark


@pytest.fixture
def office(tmp_path: Path) -> Iterator[str]:
    """A shop with an order of two job cards, and bolts with a barcode; gives its address."""
    app = create_app(f"sqlite://{tmp_path}/company.db", lambda environ: Who(name="admin", roles=frozenset({"admin"})))
    items.change_item(SESSION, make_shop_with_order(), barcode=BARCODE)
    pages = SharedDataMiddleware(app, {"/static": str(ROOT / "webui" / "static")})
    server = create_server(pages, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(10)
    leave()


def make_shop_with_order() -> int:
    shop = make_shop()
    shop.order()
    return shop.bolt


def addresses() -> list[str]:
    return [f"/business/production/scan/{cards.token(card.id)}" for card in cards.of_order(1)]


def read(picture: Path) -> list[str]:
    """The codes in a picture, by ZBar, which had no part in making them."""
    done = subprocess.run(["zbarimg", "--quiet", "--raw", picture], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def film(path: Path, dark: Rows, module: int) -> Path:
    """A film of one still picture (YUV4MPEG2), the code in its middle."""
    left, top = (WIDTH - len(dark[0]) * module) // 2, (HEIGHT - len(dark) * module) // 2
    white = bytearray(b"\xeb" * (WIDTH * HEIGHT))
    for n, row in enumerate(dark):
        for m, is_dark in enumerate(row):
            for y in range(top + n * module, top + (n + 1) * module) if is_dark else ():
                start = y * WIDTH + left + m * module
                white[start : start + module] = b"\x10" * module
    frame = b"FRAME\n" + bytes(white) + b"\x80" * (WIDTH * HEIGHT // 2)
    path.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420mpeg2\n".encode() + frame * 10)
    return path


def qr(text: str) -> Rows:
    return [[bool(module) for module in row] for row in segno.make_qr(text, error="m").matrix_iter(border=4)]


def ean13(code: str) -> Rows:
    """The bars of a barcode, by the tables of the standard, digits as seven bits."""
    left = [f"{bits:07b}" for bits in (13, 25, 19, 61, 35, 49, 47, 59, 55, 11)]
    right = ["".join("10"[int(bit)] for bit in bits) for bits in left]
    even = [bits[::-1] for bits in right]
    sets = ["LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"]
    half = "".join((left if which == "L" else even)[int(digit)] for which, digit in zip(sets[int(code[0])], code[1:7],
                                                                                        strict=True))  # fmt: skip
    bits = "0" * 10 + "101" + half + "01010" + "".join(right[int(digit)] for digit in code[7:]) + "101" + "0" * 10
    return [[bit == "1" for bit in bits]] * 50


def test_printed_codes_are_read_and_lead_to_their_cards(office: str) -> None:
    with Person(office, "zh") as printer:
        for paper, size in (("a4", DESK), ("ticket", TICKET)):
            printer.resize(size)
            printer.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
            printer.open(f"/business/production/order/1/print?paper={paper}")
            found = read(printer.screenshot(f"codes-{paper}"))
            assert sorted(found) == sorted(office + address for address in addresses()), paper
        printer.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        printer.resize(PHONE)
        for address, operation in zip(addresses(), ("Turning", "Grinding"), strict=True):
            (url,) = (text for text in found if text.endswith(address))
            printer.open(urlsplit(url).path)
            printer.reads(operation, "BOLT", "您是谁？")


@pytest.mark.parametrize("what", ["card", "barcode"])
def test_the_camera_reads_a_code_without_the_internet(office: str, tmp_path: Path, what: str) -> None:
    """The card's code names the box as another network knows it: it opens here all the same."""
    code = qr("https://router.example" + addresses()[0]) if what == "card" else ean13(BARCODE)
    with Person(office, "en", size=PHONE, camera=film(tmp_path / "code.y4m", code, 4)) as worker:
        worker.open("/business/")
        worker.click("Scan with the camera")
        if what == "card":
            worker.wait(lambda: worker.path == addresses()[0], "the job card", lambda: worker.text)
            worker.reads("Turning")
        else:
            worker.wait(lambda: worker.path == "/business/stock/item/1", "the item", lambda: worker.text)
        worker.read_logs()
        assert (worker.complaints, worker.foreign) == ([], [])


def test_without_a_camera_the_page_says_so_and_reads_a_photo(office: str, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    segno.make_qr(BARCODE).save(str(photo), scale=6)
    nothing = tmp_path / "nothing.png"
    segno.make_micro("1").save(str(nothing), scale=6)  # a kind of code that we do not read
    with Person(office, "zh", size=PHONE) as worker:
        for language in ("zh", "en"):
            said, worker.language = catalogue(language).gettext, language
            worker.open("/business/")
            assert not worker.driver.find_element(By.ID, "scanner").is_displayed()
            worker.click(said("Scan with the camera"))
            worker.reads(said("The camera cannot be used by this page: it was refused, or the page was not opened by "
                              "HTTPS. Take a photo of the code, or type what stands below it."))  # fmt: skip
            worker.screenshot(f"codes-photo-{language}")
            assert worker.overflow() == 0
        worker.driver.find_element(By.ID, "photo").send_keys(str(nothing))
        worker.reads("There is no code to be read in the photo.")
        worker.driver.find_element(By.ID, "photo").send_keys(str(photo))
        worker.wait(lambda: worker.path == "/business/stock/item/1", "the item", lambda: worker.text)


def test_a_usb_scanner_types_into_the_search_and_ends_with_enter(office: str) -> None:
    with Person(office, "en", size=DESK) as clerk:
        for code, path in ((BARCODE, "/business/stock/item/1"), (office + addresses()[1], addresses()[1])):
            clerk.open("/business/stock/item")
            clerk.keys("/")  # the key that goes to the search
            clerk.keys(code + Keys.ENTER)
            clerk.wait(lambda path=path: clerk.path == path, path, lambda: clerk.text)
