"""A model proves itself when it is loaded: every byte, then every golden row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import RefusedError
from contracts.model_metadata import GoldenRow, ModelMetadata, folder_sha256
from systems.base import Rows, System
from systems.model import Model, load_model, make_golden_rows, save_model

AsModel = Callable[[System], Model]


@pytest.fixture
def model(as_model: AsModel, xgboost_system: System) -> Model:
    return as_model(xgboost_system)


def edit_metadata(folder: Path, **changes: object) -> None:
    path = folder / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_loaded_model_predicts_the_same_bits_with_the_same_intervals(
    model: Model, tune: Rows, tmp_path: Path
) -> None:
    sha256 = save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model", sha256)
    for before, after in zip(
        vars(model.predict(tune.matrix)).values(), vars(loaded.predict(tune.matrix)).values(), strict=True
    ):
        np.testing.assert_array_equal(before, after)
    assert loaded.metadata == model.metadata.model_copy(update={"sha256": loaded.metadata.sha256})


def test_the_averages_save_and_load_as_well(as_model: AsModel, fitted: Callable[..., System], tmp_path: Path) -> None:
    model = as_model(fitted("season_average"))
    load_model(tmp_path / "m", save_model(model, tmp_path / "m"))


def test_golden_rows_are_twenty_real_rows_with_their_predictions(model: Model, tune: Rows) -> None:
    rows = model.metadata.golden_rows
    assert len(rows) == 20
    first = [np.nan if rows[0].features[name] is None else rows[0].features[name] for name in model.metadata.features]
    np.testing.assert_array_equal(first, tune.matrix[0])
    assert any(None in row.features.values() for row in rows)


def test_a_changed_byte_is_refused(model: Model, tmp_path: Path) -> None:
    sha256 = save_model(model, tmp_path / "m")
    content = bytearray((tmp_path / "m" / "model.ubj").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "m" / "model.ubj").write_bytes(bytes(content))
    with pytest.raises(RefusedError, match="registered"):
        load_model(tmp_path / "m", sha256)


def test_native_files_that_metadata_does_not_know_are_refused_without_a_checksum_given(
    model: Model, fitted: Callable[..., System], tmp_path: Path
) -> None:
    """Another training's trees under the same name: they load, and no golden row need tell."""
    save_model(model, tmp_path / "m")
    kept = ModelMetadata.load(tmp_path / "m").sha256
    assert kept == folder_sha256(tmp_path / "m", but="metadata.json")
    path = tmp_path / "m" / "model.ubj"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(RefusedError, match=f"metadata.json says {kept}"):
        load_model(tmp_path / "m")


def test_an_added_file_is_refused(model: Model, tmp_path: Path) -> None:
    sha256 = save_model(model, tmp_path / "m")
    (tmp_path / "m" / "extra.txt").touch()
    with pytest.raises(RefusedError, match="registered"):
        load_model(tmp_path / "m", sha256)


def test_a_golden_row_off_by_one_bit_is_refused_naming_the_row_and_both_versions(model: Model, tmp_path: Path) -> None:
    save_model(model, tmp_path / "m")
    golden = [row.model_dump() for row in model.metadata.golden_rows]
    golden[3]["predicted"] = float(np.nextafter(golden[3]["predicted"], np.inf))
    edit_metadata(
        tmp_path / "m", golden_rows=golden, library_versions=model.metadata.library_versions | {"numpy": "1.0"}
    )
    with pytest.raises(RefusedError, match=rf"golden row 3 gives.*numpy 1\.0 -> {np.__version__}"):
        load_model(tmp_path / "m")


def test_another_library_version_that_changes_no_golden_row_is_accepted(model: Model, tmp_path: Path) -> None:
    save_model(model, tmp_path / "m")
    edit_metadata(tmp_path / "m", library_versions={"numpy": "1.0"})
    assert load_model(tmp_path / "m").metadata.library_versions == {"numpy": "1.0"}


def test_a_model_without_golden_rows_cannot_prove_itself(model: Model, tmp_path: Path) -> None:
    save_model(model, tmp_path / "m")
    edit_metadata(tmp_path / "m", golden_rows=[])
    with pytest.raises(RefusedError, match="no golden rows"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"features": ["b", "a"]}, "other features"),
        ({"system": "oracle"}, "system that is not there"),
        ({"colour": "red"}, "not a model's metadata"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(
    changes: dict[str, object], said: str, model: Model, tmp_path: Path
) -> None:
    save_model(model, tmp_path / "m")
    edit_metadata(tmp_path / "m", **changes)
    with pytest.raises(RefusedError, match=said):
        load_model(tmp_path / "m")


def test_an_absent_folder_or_file_is_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="absent"):
        load_model(tmp_path / "nowhere")
    save_model(model, tmp_path / "m")
    (tmp_path / "m" / "metadata.json").unlink()
    with pytest.raises(RefusedError, match="absent"):
        load_model(tmp_path / "m")


def test_a_folder_that_holds_something_is_not_written_into(model: Model, tmp_path: Path) -> None:
    (tmp_path / "old.txt").touch()
    with pytest.raises(ValueError, match="not empty"):
        save_model(model, tmp_path)


def test_the_checksum_is_the_folders(model: Model, tmp_path: Path) -> None:
    assert save_model(model, tmp_path / "m") == folder_sha256(tmp_path / "m")


def test_only_rows_that_can_be_predicted_are_golden(fitted: Callable[..., System]) -> None:
    system, matrix = fitted("season_average"), np.array([[np.nan], [4.25], [np.nan]])
    rows = make_golden_rows(system.features_used, matrix, system.predict(matrix))
    assert rows == [GoldenRow(features={"points_avg_season": 4.25}, predicted=4.25)]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_metadata_keeps_every_double_to_the_bit(value: float) -> None:
    row = GoldenRow(features={"a": value}, predicted=value)
    read = GoldenRow.model_validate_json(json.dumps(row.model_dump(), allow_nan=False))
    assert np.float64(read.predicted).view(np.uint64) == np.float64(value).view(np.uint64)


def test_over_probability_falls_with_the_line(model: Model, tune: Rows) -> None:
    point = model.predict(tune.matrix[:1]).point
    over = model.over_probability(np.repeat(point, 3), np.array([2.5, 12.5, 30.5]))
    assert over[0] > over[1] > over[2]
    assert isinstance(model.metadata, ModelMetadata)
