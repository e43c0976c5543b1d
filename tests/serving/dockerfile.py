"""A Dockerfile read, and the steps of an image done in a folder: as far as building goes without Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

OF_A_REAL_IMAGE = ("apt-get", "useradd")
"""Steps that change the system that Debian's image is; the machine that runs the tests stands in for it."""


@dataclass
class Stage:
    """One `FROM base AS name` and its (instruction, rest) in order."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str | None:
        return next((rest for each, rest in reversed(self.steps) if each == instruction), None)

    @property
    def sources(self) -> list[str]:
        """The stages that it copies from, in order."""
        found = [re.match(r"--from=(\S+)", rest) for each, rest in self.steps if each == "COPY"]
        return list(dict.fromkeys(match[1] for match in found if match))


def read_stages(path: Path) -> dict[str, Stage]:
    """The stages by name; every line must be understood."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    stages: dict[str, Stage] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            match = re.fullmatch(r"(\S+) AS (\S+)", rest)
            assert match, line
            stages[match[2]] = Stage(match[2], match[1])
        else:
            list(stages.values())[-1].steps.append((instruction, rest.strip()))
    return stages


@dataclass
class Image:
    """What the steps of an image left under `root`, which stands for /."""

    root: Path
    context: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})
    folder: Path = Path("/")
    command: list[str] = field(default_factory=list)

    def build(self, stages: dict[str, Stage], name: str) -> None:
        """Do the steps of the stage `name` and of those that it stands on; what no COPY brought over is gone."""
        for source in stages[name].sources:
            self.build(stages, source)
        brought = [rest.split()[1:] for each, rest in stages[name].steps if rest.startswith("--from=")]
        for from_path, to_path in brought:
            assert from_path == to_path, "a virtual environment does not bear to be moved"
        if brought:
            keep = {self.place(path) for path, _ in brought}
            for path in set(self.root.iterdir()) - keep:
                shutil.rmtree(path)
        for instruction, rest in stages[name].steps:
            self._do(instruction, rest)

    def place(self, path: str) -> Path:
        """Where the image's `path` lies here."""
        return self.root / path.lstrip("/") if path.startswith("/") else self.folder / path

    def mapped(self, text: str) -> str:
        """`text` with the image's own paths as they are here."""
        return re.sub(r"(?<![\w/.:])/(?=(venv|src|build|bento|home/tipoff)\b)", f"{self.root}/", text)

    def _do(self, instruction: str, rest: str) -> None:
        if instruction == "WORKDIR":
            self.folder = self.place(rest)
            self.folder.mkdir(parents=True, exist_ok=True)
        elif instruction == "COPY" and not rest.startswith("--from="):
            *sources, target = rest.split()
            self._copy(sources, self.place(target))
        elif instruction == "RUN" and not rest.startswith(OF_A_REAL_IMAGE):
            self._run(rest)
        elif instruction == "ENV":
            for pair in rest.split():
                name, value = pair.split("=", 1)
                self.environment[name] = self.mapped(value).replace("$PATH", self.environment["PATH"])
        elif instruction == "CMD":
            self.command = [self.mapped(part) for part in json.loads(rest)]
        else:
            assert instruction in ("COPY", "RUN", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK"), instruction

    def _copy(self, sources: list[str], target: Path) -> None:
        ignored = (self.context / ".dockerignore").read_text().split()
        for source in sources:
            assert not any(fnmatch(source, pattern) for pattern in ignored), source
            path = self.context / source
            if path.is_dir():
                shutil.copytree(
                    path, target, ignore=shutil.ignore_patterns("__pycache__", *ignored), dirs_exist_ok=True
                )
            else:
                place = target / path.name if target.is_dir() else target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)

    def _run(self, line: str) -> None:
        here = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name == "TMPDIR"}
        told = here | self.environment | {"HOME": str(self.root), "PIP_NO_COMPILE": "1"}
        told["PATH"] = f"{Path(sys.executable).resolve().parent}{os.pathsep}{told['PATH']}"
        done = subprocess.run(
            ["bash", "-euc", self.mapped(line)], cwd=self.folder, env=told, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
