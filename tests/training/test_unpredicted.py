"""Systems that cannot predict every row: what is drawn and counted is about those that they can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from contracts.errors import UsageError
from contracts.feature_set import Feature, FeatureSet
from contracts.settings import TrainingSettings
from systems.catalog import create_system
from training import plots
from training.dataset import make_dataset
from training.steps import fit, learn_spread, predict_validation, settle, validate
from training.train import TrainRequest, train


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The contributions that were drawn; the real plot is drawn all the same."""
    seen: list[np.ndarray] = []
    draw = plots.importance

    def importance(names: list[str], by_feature: np.ndarray, **kwargs: Any) -> Any:
        seen.append(by_feature)
        return draw(names, by_feature, **kwargs)

    monkeypatch.setattr(plots, "importance", importance)
    return seen


def test_a_line_system_is_trained_and_explained_on_the_rows_with_a_line(league: Any, shown: list[np.ndarray]) -> None:
    request = TrainRequest("points_line", "v2_33features", "played", register=False)
    result = train(league.engine, league.home, league.settings, request)
    unpredicted = result.to_json()["n_unpredicted"]["played"]["system"]
    assert unpredicted > 0
    assert len(shown) == 1
    assert np.isfinite(shown[0]).all()
    assert len(shown[0]) == result.to_json()["metrics"]["played"]["n"]


def test_where_no_validation_row_can_be_predicted_nothing_is_registered(
    feature_rows: Callable[..., pl.DataFrame],
) -> None:
    """Lines of the first half alone: the system fits, and there is nothing to judge it by."""
    rows = feature_rows().with_columns(
        pl.when(pl.col("game_date") < pl.col("game_date").median()).then("line").alias("vegas_points_line")
    )
    names = ("points_avg_season", "points_avg_last_10", "vegas_points_line")
    lined = FeatureSet("lined", tuple(Feature(name, "by_hand", f"Made up: {name}.") for name in names))
    dataset = make_dataset(rows, lined, target="points", population="played", build_id=1)
    settings = TrainingSettings(min_coverage=0)
    prepared = settle(dataset, create_system("points_line"), settings, {})
    fit(prepared)
    with pytest.raises(UsageError, match="points_line and the averages together could predict no row"):
        validate(prepared, learn_spread(prepared), predict_validation(prepared))
