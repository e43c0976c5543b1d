"""Which code is running: the commit of the checkout, and whether it was changed since."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

CODE = (".py", ".yaml", ".sql")
"""A new file of one of these kinds may change what a run does before git knows it."""


@dataclass(frozen=True)
class Source:
    """`commit` is None, and nothing is known of changes, where the code is not in a git checkout of its own."""

    commit: str | None
    is_dirty: bool | None


def find_source() -> Source:
    """The source that this process runs from."""
    folder = Path(__file__).parent
    if _git(folder, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return Source(None, None)  # installed, perhaps inside somebody else's checkout
    changes = _git(folder, "status", "--porcelain", "--untracked-files=all")
    return Source(_git(folder, "rev-parse", "HEAD"), None if changes is None else _is_dirty(changes))


def _is_dirty(changes: str) -> bool:
    """Whether git's `changes`, a line a file, hold one of a file that it knows or a new file of code."""
    return any(not line.startswith("??") or line.rstrip('"').endswith(CODE) for line in changes.splitlines())


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None where there is no git or it refuses."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
