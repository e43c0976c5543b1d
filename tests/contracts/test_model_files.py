"""A model's files: one byte, one name or one file more is another model, and metadata is whole or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import RefusedError
from contracts.feature_set import Feature, FeatureSet
from contracts.model_metadata import METADATA_FILE, ModelMetadata, folder_sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "trees").mkdir(parents=True)
    (made / "trees" / "model.ubj").write_bytes(b"\x00\x01")
    (made / METADATA_FILE).write_text("{}")
    return made


def change_a_byte(folder: Path) -> None:
    (folder / "trees" / "model.ubj").write_bytes(b"\x00\x02")


def rename_a_file(folder: Path) -> None:
    (folder / "trees" / "model.ubj").rename(folder / "trees" / "model2.ubj")


def move_a_file(folder: Path) -> None:
    (folder / "trees" / "model.ubj").rename(folder / "model.ubj")


def add_a_file(folder: Path) -> None:
    (folder / "note").write_text("")


def drop_a_file(folder: Path) -> None:
    (folder / METADATA_FILE).unlink()


def move_a_byte_to_the_next_file(folder: Path) -> None:
    (folder / METADATA_FILE).write_bytes(b"{}\x00")
    (folder / "trees" / "model.ubj").write_bytes(b"\x01")


@pytest.mark.parametrize(
    "change", [change_a_byte, rename_a_file, move_a_file, add_a_file, drop_a_file, move_a_byte_to_the_next_file]
)
def test_any_change_to_the_files_changes_the_checksum(folder: Path, change: Callable[[Path], None]) -> None:
    before = folder_sha256(folder)
    change(folder)
    assert folder_sha256(folder) != before


def test_the_same_files_elsewhere_have_the_same_checksum(folder: Path, tmp_path: Path) -> None:
    assert folder_sha256(folder.rename(tmp_path / "elsewhere")) == folder_sha256(tmp_path / "elsewhere")


def test_a_folder_without_files_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="holds no model files"):
        folder_sha256(tmp_path)
    with pytest.raises(RefusedError, match="holds no model files"):
        folder_sha256(tmp_path / "nowhere")


@pytest.fixture
def metadata() -> dict[str, Any]:
    """Metadata as JSON, whole."""
    texts = (
        "model_id system target estimates feature_set feature_set_hash population train_from train_to "
        "tune_from tune_to git_commit dataset_sha256 created_at"
    )
    return dict.fromkeys(texts.split(), "a") | {
        "build_id": 1,
        "features": ["points_avg_season"],
        "absent_features": [],
        "training_samples": 10,
        "hyperparameters": {"max_depth": 3},
        "seed": 7,
        "library_versions": {"xgboost-cpu": "3.2.0"},
        "results": {},
        "bands": [10.0],
        "residual_quantiles": [[-5.0, 5.0], [-7.0, 7.0]],
        "golden_rows": [{"features": {"points_avg_season": None}, "predicted": 0.1 + 0.2}],
    }


def test_metadata_is_read_back_to_the_bit(metadata: dict[str, Any], tmp_path: Path) -> None:
    made = ModelMetadata.model_validate(metadata)
    made.save(tmp_path)
    assert ModelMetadata.load(tmp_path) == made
    assert ModelMetadata.load(tmp_path).golden_rows[0].predicted == 0.1 + 0.2


def test_a_nan_is_never_written(metadata: dict[str, Any], tmp_path: Path) -> None:
    made = ModelMetadata.model_validate(metadata | {"results": {"mae": float("nan")}})
    with pytest.raises(ValueError, match="JSON compliant"):
        made.save(tmp_path)


@pytest.mark.parametrize("change", [{"golden_rows": None}, {"seed": "seven"}, {"surprise": 1}, {"features": [1]}])
def test_metadata_that_does_not_fit_is_refused(metadata: dict[str, Any], tmp_path: Path, change: Any) -> None:
    (tmp_path / METADATA_FILE).write_text(json.dumps(metadata | change))
    with pytest.raises(RefusedError, match=rf"(?s)not a model's metadata: .*{next(iter(change))}"):
        ModelMetadata.load(tmp_path)


def test_absent_metadata_names_the_way_to_a_model(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="is absent") as refused:
        ModelMetadata.load(tmp_path)
    assert "tipoff train" in (refused.value.remedy or "")


def feature_set(*features: Feature, closing: bool = False) -> FeatureSet:
    return FeatureSet("v1", features, accept_closing_game_lines=closing)


A, B = Feature("a", "cache", "the sum"), Feature("b", "cache", "the mean")


@pytest.mark.parametrize(
    "other",
    [
        feature_set(B, A),
        feature_set(A),
        feature_set(A, Feature("b", "cache", "the median")),
        feature_set(A, Feature("c", "cache", "the mean")),
        feature_set(A, B, closing=True),
    ],
)
def test_another_order_definition_or_name_is_another_feature_set_under_the_same_name(other: FeatureSet) -> None:
    assert other.hash != feature_set(A, B).hash


def test_a_range_is_a_check_and_no_part_of_the_version() -> None:
    assert feature_set(A, Feature("b", "cache", "the mean", low=0.0)).hash == feature_set(A, B).hash
