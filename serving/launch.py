"""Starts the prediction service in the foreground: BentoML as a child process, with its state under TIPOFF_HOME."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from contracts.database import open_database, sqlite_path
from contracts.errors import UsageError
from contracts.home import Home
from contracts.ports import require_free_port
from contracts.settings import Settings
from serving.address import default_port
from serving.whereabouts import announced

SERVICE = "serving.service:TipoffService"
OTHER_PORT = "Stop what has it, or choose another: `tipoff serve --port {}`."
MALLOC_ARENAS = "2"
"""glibc keeps what threads free in heaps of each: with eight for every core memory grew by 20 MB an hour under load."""
KEEP_ALIVE_SECONDS = 75
"""So long an idle connection is kept: longer than clients keep theirs, or one that they use again is closed meanwhile.
By itself BentoML waits 5 seconds, which is when httpx gives up its own."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks the service to stop; BentoML would take a SIGHUP for a reload."""


def serve(home: Home, settings: Settings, port: int | None = None, host: str | None = None) -> int:
    """Serve until stopped; returns the exit code, 0 after a signal that asks for the stop.

    `port` defaults to PORT, else to the settings' `serving.port`; `host` to their `serving.host`.
    Raises UnavailableError for a port that is taken, UsageError for a host or port that is none,
    and what `open_database` raises.
    """
    address = find_address(host or settings.serving.host, default_port(settings.serving) if port is None else port)
    require_free_port(*address, remedy=OTHER_PORT.format(address[1] % 65535 + 1))
    open_database(home.database_url).dispose()  # says what is wrong with it here, and brings it to the newest migration
    child = subprocess.Popen(command(*address), env=environment(home, address[1]))
    with announced(home, *address), _forwarded_signals(child) as stopped:
        code = child.wait()
    return 0 if stopped else code


def command(host: str, port: int) -> list[str]:
    """The argument list that starts BentoML on `host` (an IP address) and `port`."""
    address = ["--host", host, "--port", str(port)]
    options = ["--working-dir", str(packages_folder()), "--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)]
    return [sys.executable, "-m", "bentoml", "serve", SERVICE, *address, *options]


def environment(home: Home, port: int) -> dict[str, str]:
    """The child's environment: every address absolute (BentoML changes the working folder), nothing sent home."""
    conf = Path("conf").absolute()
    shipped = packages_folder() / "conf"
    found = {"TIPOFF_CONF": str(conf)} if conf.is_dir() and conf != shipped else {}
    found |= {"TIPOFF_CONF": str(Path(os.environ["TIPOFF_CONF"]).absolute())} if os.environ.get("TIPOFF_CONF") else {}
    return {
        "MALLOC_ARENA_MAX": MALLOC_ARENAS,
        **os.environ,
        **found,
        "TIPOFF_HOME": str(home.root),
        "TIPOFF_DATABASE_URL": _absolute(home.database_url),
        "MLFLOW_TRACKING_URI": _absolute(home.tracking_uri),
        "BENTOML_HOME": str(home.root / "bentoml" / str(port)),
        "BENTOML_DO_NOT_TRACK": "true",
        "OMP_NUM_THREADS": "1",
    }


def find_address(host: str, port: int) -> tuple[str, int]:
    """The IP address of `host` and `port`.

    Raises UsageError where either is none.
    """
    if not 1 <= port <= 65535:
        raise UsageError(f"{port} is not a port.", remedy="Choose one from 1 to 65535.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise UsageError(f"{host!r} is not a host of this machine: {error.strerror}.") from error
    by_family = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)
    return str(by_family[0][4][0]), port


@contextmanager
def _forwarded_signals(child: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """SIGINT, SIGTERM and SIGHUP reach the child as SIGTERM, once; the list holds those that came."""
    came: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if not came:
            child.terminate()
        came.append(number)

    before = {number: signal.signal(number, forward) for number in STOP_SIGNALS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.poll() is None:
            child.terminate()
            child.wait()


def _absolute(address: str) -> str:
    """An SQLite address with its path made absolute; any other as it is."""
    if not address.startswith("sqlite:"):
        return address
    path = sqlite_path(address)
    return address if path is None else f"sqlite:///{path}"


def packages_folder() -> Path:
    """The folder that holds our packages, so that a folder called `serving` where the user stands hides nothing."""
    return Path(__file__).resolve().parent.parent
