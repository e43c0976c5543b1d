"""A small, skewed world to fit systems on, and the metadata that a model of it carries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from contracts.model_metadata import ModelMetadata
from systems.base import Rows, System
from systems.catalog import create_system
from systems.model import Model, make_golden_rows
from systems.residuals import fit_residuals
from systems.versions import library_versions

FEATURES = [
    "points_avg_season",
    "points_avg_last_10",
    "minutes_avg_last_10",
    "home_away",
    "points_avg_last_5",
    "opponent_def_rating",
    "opponent_pace",
    "team_pace_last_10",
    "shot_zone_mismatch_score",
    "pace_score",
    "vegas_points_line",
]
QUICK: dict[str, dict[str, object]] = {
    "xgboost": {"n_estimators": 60, "early_stopping_rounds": 10, "max_depth": 4, "min_child_weight": 5},
    "catboost": {"iterations": 60, "early_stopping_rounds": 10, "depth": 4, "learning_rate": 0.1},
    "similarity": {"n_neighbours": 50},
    "perceptron": {"n_networks": 3, "n_hidden": 16, "epochs": 20, "learning_rate": 0.01, "batch_size": 64},
}
QUICK["ensemble"] = {
    "n_folds": 2,
    "members": {
        name: QUICK.get(name, {})
        for name in ("xgboost", "catboost", "similarity", "perceptron", "season_average", "points_line")
    },
}


def made_up_rows(n: int, seed: int) -> Rows:
    """Counts around a skill, the pace and the defence that the columns tell of; a tenth of the values missing."""
    draw = np.random.default_rng(seed)
    skill = draw.gamma(3.0, 4.0, n)
    team_pace, opponent_pace = draw.normal(100, 2, (2, n))
    defence, zone = draw.normal(112, 4, n), draw.normal(0, 3, n)
    level = skill * (team_pace + opponent_pace) / 2 / team_pace * np.sqrt(defence / 112)
    matrix = np.stack(
        [
            *(skill + draw.normal(0, 1, n), skill + draw.normal(0, 2, n), 10 + skill, draw.integers(0, 2, n)),
            *(skill + draw.normal(0, 3, n), defence, opponent_pace, team_pace),
            *(zone, ((team_pace + opponent_pace) / 2 - 100) / 2, np.floor(level) + 0.5),
        ],
        axis=1,
    ).astype(np.float64)
    matrix[draw.random(matrix.shape) < 0.1] = np.nan
    target = draw.poisson(np.maximum(level + 0.05 * zone, 0.1)).astype(np.float64)
    dates = np.datetime64("2023-01-01") + np.sort(draw.integers(0, 100, n)).astype("timedelta64[D]")
    return Rows(matrix, target, dates)


@pytest.fixture(scope="session")
def train() -> Rows:
    return made_up_rows(3000, 1)


@pytest.fixture(scope="session")
def tune() -> Rows:
    return made_up_rows(1500, 2)


def fit_system(name: str, train: Rows, tune: Rows, **parameters: object) -> System:
    system = create_system(name, parameters=parameters)
    features = system.choose_features(FEATURES, "points")
    columns = [FEATURES.index(feature) for feature in features]
    blocks = [Rows(rows.matrix[:, columns], rows.target, rows.dates) for rows in (train, tune)]
    system.fit(*blocks, features=features, target="points", seed=7)
    return system


@pytest.fixture(scope="session")
def fitted(train: Rows, tune: Rows) -> Callable[..., System]:
    """fitted(name, **parameters) -> the system, fitted on the small world."""

    def fit(name: str, **parameters: object) -> System:
        return fit_system(name, train, tune, **(QUICK.get(name, {}) | parameters))

    return fit


@pytest.fixture(scope="session")
def xgboost_system(fitted: Callable[..., System]) -> System:
    return fitted("xgboost")


@pytest.fixture(scope="session")
def columns_of() -> Callable[[System, Rows], np.ndarray]:
    """columns_of(system, rows) -> the matrix that the system takes."""
    return take_columns


@pytest.fixture(scope="session")
def as_model(tune: Rows) -> Callable[[System], Model]:
    """as_model(system) -> the system with honest metadata, as training makes it."""
    return lambda system: make_model(system, tune)


def take_columns(system: System, rows: Rows) -> np.ndarray:
    return rows.matrix[:, [FEATURES.index(feature) for feature in system.features_used]]


def make_model(system: System, tune: Rows) -> Model:
    matrix = take_columns(system, tune)
    residuals = fit_residuals(tune.target, system.predict(matrix))
    metadata = ModelMetadata(
        model_id="test",
        system=system.name,
        target="points",
        estimates=system.estimates,
        feature_set="small",
        feature_set_hash="0" * 64,
        build_id=1,
        features=system.features_used,
        absent_features=[],
        training_samples=len(tune),
        population="played",
        train_from="2023-01-01",
        train_to="2023-03-01",
        tune_from=None,
        tune_to=None,
        hyperparameters=system.hyperparameters,
        seed=7,
        library_versions=library_versions(system.libraries),
        git_commit=None,
        dataset_sha256="0" * 64,
        results={},
        bands=residuals.edges.tolist(),
        residual_quantiles=residuals.quantiles.tolist(),
        residual_growth=residuals.growth,
        golden_rows=make_golden_rows(system.features_used, matrix, system.predict(matrix)),
        created_at=datetime(2024, 1, 1, tzinfo=UTC).isoformat(),
    )
    return Model(system, metadata)
