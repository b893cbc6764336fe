"""A person at the browser: finds things by role and name, reads, waits; knows nothing of the page's inner structure."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from webui.i18n import catalogue

SCREENSHOTS = Path(__file__).parent / "screenshots"
WAIT_S = 20.0
PHONE, DESK = (360, 740), (1280, 900)
_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--lang=en",
)  # fmt: skip
# Elements that can have a role, so that not every element of the page is asked for its own.
_CANDIDATES = {
    "button": "button, summary",
    "link": "a[href]",
    "textbox": "input:not([type=checkbox]):not([type=hidden]), textarea",
    "checkbox": "input[type=checkbox]",
    "combobox": "select",
}


class Person:
    """One browser with a profile of its own, in one language.

    ``found_at`` (``MAP 192.168.10.1:80 127.0.0.1:4711``) says where an address of the site is found from outside it.
    """

    def __init__(
        self,
        url: str,
        language: str,
        *,
        size: tuple[int, int] = DESK,
        javascript: bool = True,
        wait_s: float = WAIT_S,
        camera: Path | None = None,
        found_at: str = "",
    ) -> None:
        self.url = url.rstrip("/")
        self.language = language
        self._wait_s = wait_s
        self._profile = tempfile.mkdtemp(prefix="rs-browser-")
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        options.accept_insecure_certs = True
        options.page_load_strategy = "normal"
        for argument in (*_ARGUMENTS, f"--user-data-dir={self._profile}", f"--window-size={size[0]},{size[1]}"):
            options.add_argument(argument)
        if camera is not None:  # a film in place of a camera, which nobody is asked to allow
            options.add_argument("--use-fake-device-for-media-stream")
            options.add_argument("--use-fake-ui-for-media-stream")
            options.add_argument(f"--use-file-for-fake-video-capture={camera}")
        if found_at:
            options.add_argument(f"--host-resolver-rules={found_at}")
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        if not javascript:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_page_load_timeout(min(max(30.0, wait_s), 100.0))  # selenium itself gives up after 120
        self.resize(size)
        self.foreign: list[str] = []
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.read_logs()
        finally:
            self.driver.quit()
            shutil.rmtree(self._profile, ignore_errors=True)

    def resize(self, size: tuple[int, int]) -> None:
        """A window of exactly this size; narrow ones are phones."""
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def t(self, text: str, **places: object) -> str:
        """The page's text in this person's language."""
        said = catalogue(self.language).gettext(text)
        return said % places if places else said

    # -- going and reading --------------------------------------------------------------------------------------------

    def open(self, path: str) -> None:
        mark = "&" if "?" in path else "?"
        self.driver.get(f"{self.url}{path}{mark}lang={self.language}")

    def log_in(self, user: str, password: str) -> None:
        self.open("/login")
        self.fill("User", user)
        self.fill("Password", password)
        self.click("Log in")

    @property
    def path(self) -> str:
        return urlsplit(self.driver.current_url).path

    @property
    def text(self) -> str:
        """All that can be read on the page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def reads(self, *texts: str) -> None:
        """Wait until all of these can be read; they are given as they stand on the page."""
        self.wait(lambda: all(text in self.text for text in texts), f"{texts} on the page", lambda: self.text)

    def wait(
        self, condition: Callable[[], Any], what: str, seen: Callable[[], str] = str, timeout_s: float | None = None
    ) -> Any:
        """Wait until the condition holds; :raise AssertionError: with what was seen instead."""
        timeout_s = timeout_s or self._wait_s

        def holds(_driver: object) -> Any:
            try:
                return condition()
            except WebDriverException:  # the page is just being replaced: elements, scripts and answers may be lost
                return False

        try:
            return WebDriverWait(self.driver, timeout_s, poll_frequency=0.2).until(holds)
        except WebDriverException as error:
            raise AssertionError(f"not after {timeout_s:g} s: {what}\nseen: {seen()}") from error

    # -- finding and doing --------------------------------------------------------------------------------------------

    def find(self, role: str, name: str) -> WebElement:
        """The visible element of this role whose accessible name, in the person's language, is ``name``."""
        said = self.t(name)

        def search() -> WebElement | None:
            for element in self.driver.find_elements(By.CSS_SELECTOR, _CANDIDATES[role]):
                if _is_called(element, said) and _is_visible(element):
                    return element
            return None

        found: WebElement = self.wait(search, f"a {role} called {said!r}", lambda: self.text)
        return found

    def click(self, name: str, role: str = "button", **places: object) -> None:
        """Press a button or follow a link, as far down the page as it may be."""
        said = self.t(name, **places)

        def press() -> bool:
            element = self.find(role, said)
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()
            return True

        self.wait(press, f"pressing {said!r}", lambda: self.text)

    def tick(self, name: str) -> None:
        element = self.find("checkbox", name)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def fill(self, label: str, text: str) -> None:
        field = self.find("textbox", label)
        field.clear()
        field.send_keys(text)

    def choose(self, label: str, value: str) -> None:
        """Choose in a list by what it says."""
        Select(self.find("combobox", label)).select_by_visible_text(self.t(value))

    def press_tab_until(self, role: str, name: str) -> WebElement:
        """Go on by keyboard alone until the focus is on something."""
        said = self.t(name)
        for _ in range(200):
            self.keys(Keys.TAB)
            focused = self.driver.switch_to.active_element
            if focused.aria_role in (role, "DisclosureTriangle") and _is_called(focused, said):
                return focused
        raise AssertionError(f"the Tab key never reaches the {role} called {said!r}")

    def keys(self, *keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    # -- looking back -------------------------------------------------------------------------------------------------

    def screenshot(self, name: str) -> Path:
        """The whole page as a picture."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.driver.save_screenshot(str(path))
        return path

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        script = "const e = document.documentElement; return e.scrollWidth - e.clientWidth"
        return int(self.driver.execute_script(script))

    def read_logs(self) -> None:
        """Note every request that left for elsewhere, and what the browser complained of."""
        for url in self._requests():
            if urlsplit(url).scheme in ("http", "https", "ws", "wss") and not url.startswith(self.url + "/"):
                self.foreign.append(url)
        for entry in self.driver.get_log("browser"):
            # A refused form is answered by 4xx on purpose; the browser logs that as an error.
            if entry["level"] == "SEVERE" and "Failed to load resource" not in entry["message"]:
                self.complaints.append(entry["message"])

    def _requests(self) -> Iterator[str]:
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                yield message["params"]["request"]["url"]


def _is_visible(element: WebElement) -> bool:
    # The box of a chip is transparent: its label is what one sees and presses.
    return element.is_displayed() or element.get_attribute("type") == "checkbox"


def _is_called(element: WebElement, name: str) -> bool:
    # Labels carry "(optional)" behind the name, task cards a line of explanation.
    called = element.accessible_name.strip()
    return called == name or called.startswith((name + " ", name + "（"))
