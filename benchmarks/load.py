"""A load client: so many connections, each asking again as soon as it is answered; wrk where it is installed."""

from __future__ import annotations

import re
import shutil
import socket
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self
from urllib.parse import urlsplit

SCRIPT = 'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[{}]==]\n'
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """What a load showed: requests a second, the 99th percentile of the latency in seconds, answers that are not 2xx
    and connections that broke."""

    per_second: float
    p99_seconds: float
    n_failed: int


def client_name() -> str:
    """Which client `press` uses."""
    return "wrk" if shutil.which("wrk") else "eight threads of Python"


def press(url: str, body: str, *, seconds: float, connections: int = 8) -> Load:
    """POST `body` to `url` from `connections` connections for `seconds`."""
    if shutil.which("wrk"):
        return _wrk(url, body, seconds, connections)
    return _own(url, body, seconds, connections)


def _wrk(url: str, body: str, seconds: float, connections: int) -> Load:
    with TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(SCRIPT.format(body))
        flags = ["-t1", f"-c{connections}", f"-d{round(seconds)}s", "--latency", "--timeout", "20s", "-s", str(script)]
        said = subprocess.run(["wrk", *flags, url], capture_output=True, text=True, check=True).stdout
    amount, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", said).groups()  # type: ignore[union-attr]  # wrk's own words
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    n_failed = int(refused[1]) if refused else 0
    n_failed += sum(map(int, broken.groups())) if broken else 0
    per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]
    return Load(per_second, float(amount) * UNITS[unit], n_failed)


@dataclass
class _Tally:
    latencies: list[float] = field(default_factory=list)
    n_failed: int = 0


def _own(url: str, body: str, seconds: float, connections: int) -> Load:
    place = urlsplit(url)
    request = post(place.netloc, place.path, body)
    tallies = [_Tally() for _ in range(connections)]
    until = time.perf_counter() + seconds
    threads = [threading.Thread(target=_ask, args=(url, request, until, tally)) for tally in tallies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latencies = [each for tally in tallies for each in tally.latencies]
    p99 = statistics.quantiles(latencies, n=100)[98] if len(latencies) > 1 else float("inf")
    return Load(len(latencies) / seconds, p99, sum(tally.n_failed for tally in tallies))


def _ask(url: str, request: bytes, until: float, tally: _Tally) -> None:
    with Connection(url) as connection:
        while (started := time.perf_counter()) < until:
            status = connection.ask(request)
            tally.latencies.append(time.perf_counter() - started)
            tally.n_failed += not 200 <= status < 300


def post(host: str, path: str, body: str) -> bytes:
    """The bytes of a POST of JSON."""
    content = body.encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


class Connection:
    """One connection that is kept: `ask` sends the bytes of a request, reads the answer and returns its status."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((str(place.hostname), int(place.port or 80)), timeout=20)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._socket.close()

    def ask(self, request: bytes) -> int:
        """The status of the answer, which was read whole."""
        self._socket.sendall(request)
        status = int(self._answers.readline().split()[1])
        length = 0
        while (line := self._answers.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self._answers.read(length)
        return status
