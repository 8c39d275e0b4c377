"""A headless Chromium that is driven through two pipes: no package, no port, nothing of it outlives the test.

The protocol is Chromium's own, JSON messages that end with a zero byte on file descriptors 3 and 4
(https://chromedevtools.github.io/devtools-protocol/).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 30.0
"""How long an answer may take; the machine may be busy."""


def find_browser() -> str | None:
    """The path of a Chromium, ``None`` without one."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Browser:
    """One browser with one page at a time.

    Attributes:
        requests: addresses that the page asked for, but its own.
        problems: errors and warnings of the console, exceptions, violations of the content policy.
    """

    def __init__(self) -> None:
        program = find_browser()
        if program is None:
            raise RuntimeError("no Chromium is installed")
        self._folder = tempfile.mkdtemp(prefix="browser-")
        to_child, self._write = (_high(fd) for fd in os.pipe())
        self._read, from_child = (_high(fd) for fd in os.pipe())
        command = [program, "--headless", "--remote-debugging-pipe", f"--user-data-dir={self._folder}"]
        command += ["--no-first-run", "--disable-gpu", "--disable-extensions", "--disable-sync"]
        command += [
            "--disable-background-networking",
            "--disable-component-update",
            "--no-default-browser-check",
        ]
        command += ["--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-dev-shm-usage"]
        command += ["--no-sandbox"] * (os.geteuid() == 0) + ["about:blank"]
        quiet = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        actions = [(os.POSIX_SPAWN_DUP2, quiet, fd) for fd in (0, 1, 2)]
        actions += [(os.POSIX_SPAWN_DUP2, to_child, 3), (os.POSIX_SPAWN_DUP2, from_child, 4)]
        self._pid = os.posix_spawn(program, command, dict(os.environ), file_actions=actions, setpgroup=0)
        for fd in (quiet, to_child, from_child):
            os.close(fd)
        self._number, self._buffer, self._session = 0, b"", ""
        self.requests: list[str] = []
        self.problems: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and remove its folder."""
        for fd in (self._write, self._read):
            os.close(fd)
        for _ in range(100):
            if os.waitpid(self._pid, os.WNOHANG)[0]:
                break
            time.sleep(0.05)
        else:
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    def open(self, path: Path, width: int = 1280, scripts: bool = True) -> None:
        """Load a file and wait until its scripts have run; forget what earlier pages did."""
        self.requests, self.problems = [], []
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._own = path.resolve().as_uri()
        self.call("Page.navigate", url=self._own)
        done = (
            "document.documentElement.dataset.ready === 'yes'"
            if scripts
            else "document.readyState === 'complete'"
        )
        deadline = time.monotonic() + SECONDS
        while not self.run(
            f"location.href.startsWith('file:') && document.readyState === 'complete' && {done}"
        ):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} isn't ready: {self.problems}")
            time.sleep(0.02)

    def run(self, code: str) -> Any:
        """The value of an expression in the page.

        Raises:
            RuntimeError: it threw.
        """
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"].get("exception", {}).get("description")))
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key, as a person would."""
        parameters: dict[str, Any] = {"key": key}
        if len(key) == 1:
            parameters["text"] = key
        elif key == "Enter":
            parameters |= {"text": "\r", "windowsVirtualKeyCode": 13}
        self.call("Input.dispatchKeyEvent", type="keyDown", **parameters)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """Move, press or release the pointer: ``mouseMoved mousePressed mouseReleased``."""
        button = "none" if kind == "mouseMoved" else "left"
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def media(self, kind: str) -> None:
        """Show the page as on ``print`` or ``screen``."""
        self.call("Emulation.setEmulatedMedia", media=kind)

    def picture(self, path: Path, full: bool = True) -> None:
        """Write a PNG of the page, whole or what is seen."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
        path.write_bytes(base64.b64decode(data))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], SECONDS)[0]:
                raise TimeoutError("the browser gave no answer")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def _note(self, event: dict[str, Any]) -> None:
        content = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                url = content["request"]["url"]
                if url != getattr(self, "_own", "") and not url.startswith("data:"):
                    self.requests.append(url)
            case "Runtime.exceptionThrown":
                self.problems.append(str(content["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if content["type"] in ("error", "warning", "assert"):
                self.problems.append(str(content["args"]))
            case "Log.entryAdded" if content["entry"]["level"] in ("error", "warning"):
                self.problems.append(content["entry"]["text"])
            case "Audits.issueAdded":
                self.problems.append(json.dumps(content["issue"])[:400])


def _high(fd: int) -> int:
    """The same pipe under a number that isn't in the way of 3 and 4, closed in children."""
    copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return copy
