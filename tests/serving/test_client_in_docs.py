"""The clients in docs/serving.md do what the page says, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # a service of its own

PAGE = Path(__file__).resolve().parents[2] / "docs" / "serving.md"
TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def service(open_world: Any, start_service: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    world = open_world(tmp_path_factory.mktemp("client") / "home")
    with start_service(world, TIPOFF_API_TOKEN=TOKEN) as running:
        running.promote("season_average")
        running.wait_for("/readyz", 200, seconds=20)
        yield running
    world.engine.dispose()


def block(language: str, mark: str) -> str:
    """The page's code block in `language` that holds `mark`."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL) if mark in text]
    assert len(found) == 1, (language, mark)
    return found[0]


def run(command: list[str], code: str, service: Any) -> str:
    """What `code` prints, its player-game, date and address being those of the running service."""
    row = service.world.slate().to_dicts()[0]
    meant = {
        "localhost:3000": f"127.0.0.1:{service.client.base_url.port}",
        "203999": str(row["player_id"]),
        "0022300869": row["game_id"],
        "2024-03-02": row["game_date"].isoformat(),
    }
    told = re.sub("|".join(meant), lambda match: meant[match[0]], code)
    assert told != code
    environment = {**os.environ, "TIPOFF_API_TOKEN": TOKEN}
    done = subprocess.run([*command, told], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_predicts_a_player_game(service):
    code = re.sub(r"^\$ ", "", block("console", "curl"))
    said = json.loads(run(["bash", "-euc"], code, service))
    assert said["predictions"][0]["predicted_points"] is not None
    assert said["predictions"][0]["line"] == 24.5


def test_python_predicts_a_slate(service):
    said = run([sys.executable, "-c"], block("python", "import httpx"), service).splitlines()
    assert len(said) == len(service.world.slate())
    assert any(line.endswith("None") for line in said), "rows without an error"
