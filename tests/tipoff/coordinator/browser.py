"""A real browser for the tests: Chromium, told over a pipe what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
ABSENT = "no Chromium on this machine: `apt-get install chromium`"

AT_3_AND_4 = """import os, sys
os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"""
"""Chromium reads and writes its pipe at these two."""


class Browser:
    """A Chromium that is told over a pipe what to do (the DevTools protocol), on one page."""

    def __init__(self, profile: Path, address: str) -> None:
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        pipes = [str(to_browser), str(from_browser)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", AT_3_AND_4, *pipes, str(CHROMIUM), *flags, f"--user-data-dir={profile}"],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._answers = os.fdopen(self._read, "rb", buffering=0)
        self._number = 0
        self._session: str | None = None
        target = self._ask("Target.createTarget", url=address)["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def __enter__(self) -> Browser:
        self.wait_for("This page wants the token")
        while self.run("document.readyState") != "complete":  # its script listens to the form from then on
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        self._answers.close()

    def give(self, token: str) -> None:
        """Fill in the form and send it."""
        self.run(f"document.querySelector('input').value = '{token}'; document.querySelector('form').requestSubmit()")

    def wait_for(self, text: str) -> None:
        """Until the page shows `text`, at most 20 seconds."""
        for _ in range(200):
            if text in str(self.run("document.body.innerText")):
                return
            time.sleep(0.1)
        raise AssertionError(f"{text!r} is not on the page: {self.run('document.body.innerText')}")

    def run(self, script: str) -> Any:
        """The value of `script` in the page."""
        return self._ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        told = {"id": self._number, "method": method, "params": params}
        told |= {"sessionId": self._session} if self._session else {}
        os.write(self._write, json.dumps(told).encode() + b"\0")
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == self._number:
                return dict(answer["result"])

    def _message(self) -> bytes:
        message = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has gone"
            message += byte
        return bytes(message)
