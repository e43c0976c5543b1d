"""Artifacts lie wherever fsspec reaches: fetched whole, deleted whole, and said where they cannot be had."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from contracts.errors import UnavailableError
from contracts.home import Home
from registry.artifacts import delete_artifacts, fetch_artifacts


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, f"sqlite:///{tmp_path / 'tipoff.db'}", f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.fixture(params=["s3", "memory"])
def store(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("bucket") if request.param == "s3" else f"memory://{id(request)}"


def write(uri: str, **files: str) -> None:
    for name, text in files.items():
        with fsspec.open(f"{uri}/{name.replace('__', '/')}.txt", "w", skip_instance_cache=True) as file:
            file.write(text)


def read(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_fetched_whole_and_kept(store: str, home: Home, tmp_path: Path) -> None:
    write(f"{store}/tipoff/1", model="trees", deep__er="golden rows")
    write(f"{store}/tipoff/10", model="other trees")
    found = fetch_artifacts(home, f"{store}/tipoff/1", tmp_path / "cache" / "1")
    assert read(found) == {"model.txt": "trees", "deep/er.txt": "golden rows"}
    delete_artifacts(home, f"{store}/tipoff/1")
    assert read(fetch_artifacts(home, f"{store}/tipoff/1", found)), "what is there stays"


def test_a_folder_is_deleted_and_its_neighbours_stay(store: str, home: Home, tmp_path: Path) -> None:
    write(f"{store}/tipoff/1", model="trees")
    write(f"{store}/tipoff/10", model="other trees")
    for _ in range(2):  # the second time nothing happens
        delete_artifacts(home, f"{store}/tipoff/1")
    with pytest.raises(UnavailableError, match="no folder"):
        fetch_artifacts(home, f"{store}/tipoff/1", tmp_path / "1")
    assert read(fetch_artifacts(home, f"{store}/tipoff/10", tmp_path / "10")) == {"model.txt": "other trees"}
    assert not (tmp_path / "1").exists()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://none/tipoff/1", "no folder s3://none/tipoff/1"),
        ("nowhere://models/1", "nowhere://models/1 .*: ValueError: Protocol not known"),
        ("gs://models/1", "gs://models/1 cannot be read here"),
    ],
)
def test_what_cannot_be_had_is_said(uri: str, said: str, bucket: str, home: Home, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=said):
        fetch_artifacts(home, uri, tmp_path / "1")
    assert not (tmp_path / "1").exists()


def test_a_store_that_is_down_is_said(bucket: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(UnavailableError, match="s3://models/1 does not answer"):
        fetch_artifacts(home, "s3://models/1", tmp_path / "1")
