"""A real browser without a screen, spoken to by its DevTools protocol over two pipes: no port, no library."""

from __future__ import annotations

import atexit
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from select import select
from typing import Any, Literal

from tests.requirements import chromium

_WAIT_SECONDS = 60.0
"""Longer than anything takes on a busy machine."""
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
_KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "ArrowDown": ("", 40), "ArrowUp": ("", 38), "Tab": ("", 9)}
"""What a key writes, and its code."""


@dataclass
class Tab:
    """A page that is open, and what happened to it.

    Attributes:
        console: What it wrote to its console, errors that nobody caught among it.
        dialogs: What it said in dialogs, which only a script that runs can open.
    """

    _browser: Browser
    _session: str
    _asked: dict[str, str] = field(default_factory=dict)
    console: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    @property
    def requests(self) -> list[str]:
        """Addresses that it asked for; without those that its policy refused."""
        return list(self._asked.values())

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript, a promise's too.

        Raises:
            AssertionError: it fails; with what the browser says.
        """
        told = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        failed = told.get("exceptionDetails")
        assert not failed, f"{expression}: {failed}"
        return told["result"].get("value")

    def texts(self, selector: str) -> list[str]:
        """What is to be read of each element that can be seen."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})].filter((one) => one.checkVisibility())"
        said = "(one.innerText || one.textContent).replace(/\\s+/g, ' ').trim()"  # what is far away isn't laid out yet
        return self.run(f"{found}.map((one) => {said})")

    def text(self) -> str:
        """All that is to be read."""
        return self.run("document.body.innerText")

    def click(self, selector: str) -> None:
        """Clicks the first such element."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key: str) -> None:
        """Presses a key and lets it go, as a keyboard does: `j`, `Enter`."""
        text, code = _KEYS.get(key, (key, ord(key[0].upper())))
        common = {"key": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def write(self, text: str) -> None:
        """Writes into what has the focus."""
        self.send("Input.insertText", text=text)

    def go(self, fragment: str) -> None:
        """Follows a link to a place of the page, as a click on it does."""
        self.run(f"location.hash = {json.dumps(fragment)}")
        self.settle()

    def settle(self) -> None:
        """Waits until what was set going is done: events that were under way, and what is scrolled and laid out by them."""
        frames = "for (let frame = 0; frame < 6; frame += 1) await new Promise(requestAnimationFrame)"
        self.run(f"(async () => {{ await new Promise((done) => setTimeout(done, 50)); {frames}; }})()")

    def overflow(self) -> list[str]:
        """What sticks out of the window to the right, so that the page scrolls that way."""
        return self.run(
            "document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *:not(.wide *)')]"
            ".filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 200))"
        )

    def size(self, width: int, height: int) -> None:
        """Makes the window so large, in pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def colors(self, scheme: Literal["light", "dark"]) -> None:
        """Prefers light or dark, as the machine's settings would."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, file: Path, *, whole: bool = False) -> None:
        """Writes a picture, PNG, of what is seen or of the whole page."""
        told = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(told["data"]))

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Calls a method of the protocol for this page."""
        return self._browser.call(method, parameters, self._session)

    def hear(self, event: Mapping[str, Any]) -> None:
        """Takes in what the browser tells of the page."""
        told = event["params"]
        match event["method"]:
            case "Network.requestWillBeSent":
                self._asked[told["requestId"]] = told["request"]["url"]
            case "Network.loadingFailed" if told.get("blockedReason") == "csp":
                del self._asked[told["requestId"]]
            case "Runtime.consoleAPICalled":
                self.console.append(" ".join(str(one.get("value", one)) for one in told["args"]))
            case "Runtime.exceptionThrown":
                self.console.append(str(told["exceptionDetails"]))
            case "Log.entryAdded":
                self.console.append(told["entry"]["text"])
            case "Page.javascriptDialogOpening":
                self.dialogs.append(told["message"])
                self._browser.tell("Page.handleJavaScriptDialog", {"accept": False}, self._session)


class Browser:
    """Chromium, with a profile of its own that goes with it."""

    def __init__(self, program: Path) -> None:
        self._profile = tempfile.mkdtemp(prefix="kuber-browser-")
        read_commands, self._write = os.pipe()
        self._read, write_answers = os.pipe()
        self._process = subprocess.Popen(
            [
                *_with_files_3_and_4(read_commands, write_answers),
                program,
                *_OPTIONS,
                f"--user-data-dir={self._profile}",
            ],
            pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        self._number = 0
        self._unread = b""
        self._tabs: dict[str, Tab] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._loaded: set[str] = set()

    def close(self) -> None:
        """Ends it."""
        os.close(self._write)  # it takes that as a request to end
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    @contextmanager
    def open(
        self,
        address: str,
        *,
        width: int = 1280,
        height: int = 900,
        scripts: bool = True,
        colors: Literal["light", "dark"] = "light",
    ) -> Iterator[Tab]:
        """Opens an address and waits until it is loaded.

        Args:
            address: `file:///…`.
            width, height: Of the window, in pixels.
            scripts: Whether the page's scripts run.
            colors: What the reader prefers.
        """
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.send(f"{domain}.enable")
        tab.size(width, height)
        tab.colors(colors)
        tab.send(
            "Emulation.setScrollbarsHidden", hidden=True
        )  # as on a phone; a picture of the whole page has none either
        if not scripts:
            tab.send("Emulation.setScriptExecutionDisabled", value=True)
        self._loaded.discard(session)
        tab.send("Page.navigate", url=address)
        self._hear_until(lambda: session in self._loaded, f"{address} to be loaded")
        try:
            yield tab
        finally:
            self.call("Target.disposeBrowserContext", {"browserContextId": context})
            del self._tabs[session]

    def call(
        self, method: str, parameters: Mapping[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        """What a method of the protocol gives.

        Raises:
            AssertionError: the browser refuses it, doesn't answer, or has ended.
        """
        number = self.tell(method, parameters or {}, session)
        self._hear_until(lambda: number in self._answers, f"an answer to {method}")
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def tell(self, method: str, parameters: Mapping[str, Any], session: str | None = None) -> int:
        """Calls a method without waiting for its answer; gives the number that the answer will have."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        written = memoryview(json.dumps(message).encode() + b"\0")
        while written:
            written = written[os.write(self._write, written) :]
        return self._number

    def _hear_until(self, done: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _WAIT_SECONDS
        while not done():
            left = until - time.monotonic()
            assert left > 0 and select([self._read], [], [], left)[0], f"waited {_WAIT_SECONDS:.0f} s for {what}"
            read = os.read(self._read, 1 << 20)
            assert read, f"the browser ended, with {self._process.wait()}, before {what}"
            *messages, self._unread = (self._unread + read).split(b"\0")
            for message in messages:
                self._hear(json.loads(message))

    def _hear(self, message: dict[str, Any]) -> None:
        session = message.get("sessionId", "")
        if "id" in message:
            self._answers[message["id"]] = message
        elif message["method"] == "Page.loadEventFired":
            self._loaded.add(session)
        elif session in self._tabs:
            self._tabs[session].hear(message)


@cache
def browser() -> Browser:
    """The browser of this test run; without one, the test is skipped."""
    made = Browser(chromium())
    atexit.register(made.close)
    return made


@contextmanager
def shown(page: str, fragment: str = "", **options: Any) -> Iterator[Tab]:
    """A page in the browser, from a file as a reader opens it.

    Args:
        page: HTML.
        fragment: What the address has after the file: `#change-0a1b`.
        options: As `Browser.open` takes them.
    """
    with tempfile.TemporaryDirectory(prefix="kuber-page-") as folder:
        file = Path(folder, "page.html")
        file.write_text(page, encoding="utf-8")
        with browser().open(f"{file.as_uri()}{fragment}", **options) as tab:
            yield tab


def _with_files_3_and_4(reading: int, writing: int) -> list[str]:
    """What starts a program with two pipes where a browser looks for them; the program and its arguments follow."""
    script = (
        "import fcntl, os, sys\n"
        "reading, writing = (fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3])\n"
        "os.dup2(reading, 3), os.dup2(writing, 4)\n"
        "os.execv(sys.argv[3], sys.argv[3:])\n"
    )
    return [sys.executable, "-c", script, str(reading), str(writing)]
