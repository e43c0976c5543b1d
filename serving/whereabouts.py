"""Where services over this home listen: each leaves its address while it runs, so that a promotion can be proven."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.home import Home


@contextmanager
def announced(home: Home, host: str, port: int) -> Iterator[None]:
    """The address stands in the home while the block runs."""
    path = _folder(home) / f"{port}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"address": _address(host, port), "pid": os.getpid()}) + "\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def addresses(home: Home) -> list[str]:
    """Of the services that run over this home on this machine, sorted; one whose process is gone is forgotten."""
    found = []
    for path in sorted(_folder(home).glob("*.json")):
        told = json.loads(path.read_text())
        if _lives(told["pid"]):
            found.append(str(told["address"]))
        else:
            path.unlink(missing_ok=True)
    return found


def _folder(home: Home) -> Path:
    return home.root / "services"


def _address(host: str, port: int) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 nothing is bound here
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
