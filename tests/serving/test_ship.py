"""What is shipped: an image's steps done here, and its Bento answering with nothing of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import httpx
import pytest

from contracts.ports import free_port
from registry.stages import Stage
from serving.live import load_live
from serving.predictor import FeatureRow, predict
from tests.serving.dockerfile import Image, read_stages

PROJECT = Path(__file__).resolve().parents[2]
UP_SECONDS = 180


def test_the_image_does_not_run_as_root_and_is_made_in_stages():
    stages = read_stages(PROJECT / "Dockerfile")
    assert list(stages)[-1] == "service", "what `docker build .` makes"
    for name in ("service", "tools"):
        assert stages[name].last("USER") == "tipoff"
        assert stages[name].base == "base"
        assert not [rest for each, rest in stages[name].steps if each == "COPY" and not rest.startswith("--from=")]
    assert stages["base"].steps[-1] == ("RUN", "useradd --create-home --uid 1000 tipoff")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The service's image, its steps done in a folder."""
    context = tmp_path_factory.mktemp("context")
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, context / name)
    made = Image(tmp_path_factory.mktemp("image"), context)
    made.build(read_stages(PROJECT / "Dockerfile"), "service")
    shutil.rmtree(context)
    return made


@pytest.mark.slow
def test_the_image_holds_what_the_bento_needs_and_little_else(image):
    assert sorted(path.name for path in image.root.iterdir()) == ["bento", "home", "venv"]
    assert sorted(path.name for path in (image.place("/bento") / "src").iterdir() if path.is_dir()) == [
        *("conf", "contracts", "features", "registry", "serving", "systems"),
    ]
    listed = subprocess.run([image.place("/venv/bin/pip"), "list"], capture_output=True, text=True, check=True).stdout
    there = {line.split()[0] for line in listed.splitlines()}
    assert there >= {"bentoml", "s3fs", "psycopg"}
    assert not there & {"tipoff", "mlflow", "optuna", "duckdb", "pytest", "moto", "pip_audit"}
    subprocess.run([image.place("/venv/bin/pip"), "check"], check=True)


@pytest.mark.slow
def test_the_bento_answers_with_only_a_database_and_a_bucket(image, bucket, world):
    version = world.register("xgboost", artifact_uri=f"{bucket}/tipoff/1")
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.put(f"{world.home.artifacts / '1'}/", f"{bucket}/tipoff/1/", recursive=True)
    world.move(version, Stage.PRODUCTION)
    row = world.slate().to_dicts()[0]
    shutil.rmtree(world.home.artifacts)
    told = {"TIPOFF_DATABASE_URL": world.home.database_url, "PORT": str(free_port()), "HOME": str(image.folder)}
    told |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    with started(image, told) as client:
        by_ids = client.post("/predict", json={"rows": [{"player_id": row["player_id"], "game_id": row["game_id"]}]})
        features = {name: row[name] for name in world.feature_set.names}
        by_features = client.post("/predict", json={"rows": [{"features": features}]})
        assert client.get("/model").json()["lineage"]["artifact_uri"] == f"{bucket}/tipoff/1"
    said = [answer.json()["predictions"][0]["predicted_points"] for answer in (by_ids, by_features)]
    fetched = Path(image.environment["TIPOFF_HOME"]) / "models" / version.sha256
    live = load_live(replace(version, artifact_uri=fetched.as_uri()), Stage.PRODUCTION, world.home)
    expected = predict(live, [FeatureRow(features)], [None])[0].predicted_points
    assert said == [expected, expected]


class started:
    """The image's command in its empty folder and with its own environment; a client once it is ready."""

    def __init__(self, image: Image, told: dict[str, str]) -> None:
        self.image, self.told = image, told

    def __enter__(self) -> httpx.Client:
        command = [re.sub(r"^0\.0\.0\.0$", "127.0.0.1", part) for part in self.image.command]
        self.log = self.image.root / "said.txt"
        environment = self.image.environment | self.told
        program = shutil.which(command[0], path=environment["PATH"])
        assert program
        assert Path(program).is_relative_to(self.image.root)
        with self.log.open("w") as said:
            self.process = subprocess.Popen(
                [program, *command[1:]], cwd=self.image.folder, env=environment, stdout=said, stderr=said
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.told['PORT']}", timeout=30)
        self._wait()
        return self.client

    def __exit__(self, *_: Any) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0

    def _wait(self) -> None:
        deadline = time.monotonic() + UP_SECONDS
        while True:
            try:
                if self.client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                os.kill(self.process.pid, signal.SIGTERM)
                raise AssertionError(self.log.read_text()[-4000:])
            time.sleep(0.3)
