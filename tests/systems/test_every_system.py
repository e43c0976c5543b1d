"""The duties that every system has, each proved on every one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import RefusedError
from contracts.model_metadata import folder_sha256
from systems.base import Rows, System
from systems.catalog import create_system, system_class, system_names
from systems.versions import library_versions

Fit = Callable[..., System]
Columns = Callable[[System, Rows], np.ndarray]


def bits(values: np.ndarray) -> list[int]:
    return values.view(np.uint64).tolist()


@pytest.fixture(scope="module", params=system_names())
def system(request: pytest.FixtureRequest, fitted: Fit) -> System:
    return fitted(request.param)


def test_it_says_what_it_estimates_and_with_which_libraries(system: System) -> None:
    assert system.estimates in ("median", "mean")
    assert len(library_versions(system.libraries)) > 1


def test_its_hyperparameters_make_the_same_system_again(system: System) -> None:
    again = create_system(system.name, parameters=json.loads(json.dumps(system.hyperparameters)))
    assert again.hyperparameters == system.hyperparameters


def test_no_prediction_is_infinite_and_most_rows_get_one(system: System, columns_of: Columns, tune: Rows) -> None:
    predicted = system.predict(columns_of(system, tune))
    assert not np.isinf(predicted).any()
    assert np.isfinite(predicted).mean() > 0.85


def test_a_saved_system_predicts_the_same_bits_when_loaded(
    system: System, columns_of: Columns, tune: Rows, tmp_path: Path
) -> None:
    system.save(tmp_path)
    loaded = system_class(system.name).load(tmp_path)
    matrix = columns_of(system, tune)
    assert loaded.features_used == system.features_used
    assert bits(loaded.predict(matrix)) == bits(system.predict(matrix))


def test_a_row_alone_gets_the_same_bits_as_among_others_with_any_number_of_threads(
    system: System, columns_of: Columns, tune: Rows
) -> None:
    matrix = columns_of(system, tune)[:100]
    system.set_threads(0)
    together = bits(system.predict(matrix))
    system.set_threads(1)
    assert bits(np.concatenate([system.predict(row[None, :]) for row in matrix])) == together


def test_fitting_twice_with_one_seed_saves_the_same_bytes(system: System, fitted: Fit, tmp_path: Path) -> None:
    for name, made in (("a", system), ("b", fitted(system.name))):
        (tmp_path / name).mkdir()
        made.save(tmp_path / name)
    assert folder_sha256(tmp_path / "a") == folder_sha256(tmp_path / "b")


def test_no_file_is_a_pickle(system: System, tmp_path: Path) -> None:
    system.save(tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".ubj", ".cbm", ".parquet"}


def test_contributions_add_up_to_the_prediction(system: System, columns_of: Columns, tune: Rows) -> None:
    matrix = columns_of(system, tune)
    predicted = system.predict(matrix)
    parts = system.contributions(matrix)
    assert parts.by_feature.shape == matrix.shape
    np.testing.assert_allclose(parts.base + parts.by_feature.sum(axis=1), predicted, atol=1e-4)


def test_a_matrix_of_another_width_or_with_an_infinite_value_is_refused(system: System) -> None:
    width = len(system.features_used)
    with pytest.raises(ValueError, match="takes"):
        system.predict(np.zeros((3, width + 1)))
    with pytest.raises(ValueError, match=f"{system.features_used[0]} is infinite"):
        system.predict(np.full((1, width), np.inf))


def test_a_folder_without_its_files_is_refused(system: System, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="tipoff train"):
        system_class(system.name).load(tmp_path)


def test_damaged_files_are_refused(system: System, tmp_path: Path) -> None:
    system.save(tmp_path)
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(RefusedError):
        system_class(system.name).load(tmp_path)


def test_an_unfitted_system_says_so(system: System) -> None:
    with pytest.raises(ValueError, match="not fitted"):
        _ = system_class(system.name)().features_used
