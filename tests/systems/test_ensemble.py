"""ensemble: weights from dates that the members had not seen, at least 0, and shared by those who can predict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import UsageError
from systems.base import Rows, System
from systems.catalog import create_system
from systems.ensemble import Ensemble

COLUMNS = ["points_avg_season", "points_avg_last_10", "day"]
TWO = {"season_average": {}, "last_10_average": {}}

RECORDER = '''
import numpy as np
from systems.column import ColumnSystem

class Recorder(ColumnSystem):
    """Refuses to predict a day that is not after all that it was fitted on."""

    name = "recorder"
    folds = []

    @staticmethod
    def column(target):
        return "day"

    def fit(self, train, tune, *, features, target, seed):
        super().fit(train, tune, features=features, target=target, seed=seed)
        assert train.matrix.max() < tune.matrix.min()
        self.last = tune.matrix.max()

    def predict(self, matrix):
        if hasattr(self, "last"):
            assert matrix.min() > self.last
            self.folds.append((self.last, matrix.min(), matrix.max()))
        return super().predict(matrix)
'''


def rows_of(n_days: int, a_day: int = 20, seed: int = 1) -> Rows:
    """Season average as good as it gets, last 10 noisier, and the day's number."""
    draw = np.random.default_rng(seed)
    day = np.repeat(np.arange(n_days), a_day)
    skill = draw.gamma(3, 4, len(day))
    matrix = np.stack([skill, skill + draw.normal(0, 3, len(day)), day], axis=1)
    dates = np.datetime64("2024-01-01") + day
    return Rows(matrix, draw.poisson(skill).astype(float), dates)


def fitted(rows: Rows, **parameters: object) -> Ensemble:
    system = create_system("ensemble", parameters=parameters)
    assert isinstance(system, Ensemble)
    features = system.choose_features(COLUMNS, "points")
    places = [COLUMNS.index(name) for name in features]
    blocks = Rows(rows.matrix[:, places], rows.target, rows.dates)
    later = np.array([0] + [10_000] * (len(places) - 1))
    late = Rows(blocks.matrix[-100:] + later, rows.target[-100:], rows.dates[-100:] + 90)
    system.fit(blocks, late, features=features, target="points", seed=7)
    return system


def test_members_predict_only_days_after_all_that_they_were_fitted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf" / "systems").mkdir(parents=True)
    (tmp_path / "recorder_module.py").write_text(RECORDER)
    (tmp_path / "conf" / "systems" / "recorder.yaml").write_text("class: recorder_module:Recorder\n")
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path / "conf"))
    monkeypatch.syspath_prepend(tmp_path)
    fitted(rows_of(50), members={"season_average": {}, "recorder": {}}, n_folds=3, first_share=0.4)
    import recorder_module  # type: ignore[import-not-found]  # made above

    assert recorder_module.Recorder.folds == [(19, 20, 29), (29, 30, 39), (39, 40, 49)]


def test_the_better_member_gets_the_weight_and_none_a_negative_one() -> None:
    weights = fitted(rows_of(60), members=TWO).weights
    assert weights["season_average"] > 0.8 > 0.2 > weights["last_10_average"] >= 0


def test_a_mean_is_brought_down_to_the_median() -> None:
    rows = rows_of(60)
    skewed = Rows(rows.matrix, np.random.default_rng(2).exponential(rows.matrix[:, 0] + 0.01), rows.dates)
    assert fitted(skewed, members={"season_average": {}}).weights["season_average"] == pytest.approx(
        np.log(2), abs=0.05
    )


def test_where_a_member_cannot_predict_the_others_take_its_weight(tmp_path: Path) -> None:
    weights = {"season_average": 0.6, "last_10_average": 0.3}
    (tmp_path / "ensemble.json").write_text(json.dumps({"features": COLUMNS[:2], "weights": weights}))
    for name, column in zip(weights, COLUMNS, strict=False):
        (tmp_path / name).mkdir()
        (tmp_path / name / "column.json").write_text(json.dumps({"column": column}))
    system = Ensemble.load(tmp_path)
    matrix = np.array([[10.0, 20.0], [10.0, np.nan], [np.nan, 20.0], [np.nan, np.nan]])
    np.testing.assert_allclose(system.predict(matrix), [12.0, 9.0, 18.0, np.nan])
    parts = system.contributions(matrix)
    np.testing.assert_allclose(parts.by_feature[:3], [[6, 6], [9, 0], [0, 18]])
    np.testing.assert_allclose(parts.base, [0, 0, 0, np.nan])


def lined(n_days: int, n_lined: int) -> Rows:
    """rows_of, the last `n_lined` of them with a line that is the result itself, in a column at the end."""
    rows = rows_of(n_days)
    line = np.where(np.arange(len(rows)) >= len(rows) - n_lined, rows.target, np.nan)
    return Rows(np.column_stack([rows.matrix, line]), rows.target, rows.dates)


def fitted_with_line(rows: Rows, tune: Rows, names: list[str], target: str = "points", **members: object) -> Ensemble:
    system = create_system("ensemble", parameters={"members": {**TWO, "points_line": {}, **members}, "n_folds": 2})
    assert isinstance(system, Ensemble)
    features = system.choose_features(names, target)
    places = [names.index(name) for name in features]
    blocks = [Rows(block.matrix[:, places], block.target, block.dates) for block in (rows, tune)]
    system.fit(*blocks, features=features, target=target, seed=7)
    return system


def test_without_a_lined_row_a_line_answers_alone_and_elsewhere_the_others_do() -> None:
    names = [*COLUMNS, "vegas_points_line"]
    system = fitted_with_line(lined(40, 0), lined(10, 0), names)
    assert system.line_share == 1
    without = fitted(rows_of(40), members=TWO, n_folds=2)
    matrix = np.array([[10.0, 20.0, 24.5], [10.0, 20.0, np.nan], [np.nan, np.nan, 7.5], [np.nan] * 3])
    expected = [24.5, without.predict(matrix[1:2, :2])[0], 7.5, np.nan]
    np.testing.assert_allclose(system.predict(matrix), expected)


def test_lined_rows_of_the_folds_and_of_the_tune_block_say_how_much_the_line_counts() -> None:
    names = [*COLUMNS, "vegas_points_line"]
    wrong = lined(60, 300)
    backwards = Rows(wrong.matrix * [1, 1, 1, -1], wrong.target, wrong.dates)
    for tune, n_lined in ((lined(10, 0), 300), (lined(10, 200), 500)):
        again = Rows(tune.matrix * [1, 1, 1, -1], tune.target, tune.dates)
        share = fitted_with_line(backwards, again, names).line_share
        assert share == pytest.approx(1000 / (n_lined + 1000), abs=0.02)


def test_a_line_is_part_of_the_sum_and_of_what_moved_it(tmp_path: Path) -> None:
    kept = {"features": [*COLUMNS[:2], "vegas_points_line"], "weights": {"season_average": 0.5}, "line_share": 0.75}
    (tmp_path / "ensemble.json").write_text(json.dumps(kept))
    for name, column in (("season_average", COLUMNS[0]), ("points_line", "vegas_points_line")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "column.json").write_text(json.dumps({"column": column}))
    system = Ensemble.load(tmp_path)
    matrix = np.array([[8.0, 1.0, 12.0], [8.0, 1.0, np.nan], [np.nan, 1.0, 12.0]])
    np.testing.assert_allclose(system.predict(matrix), [0.25 * 4 + 0.75 * 12, 4, 12])
    np.testing.assert_allclose(system.contributions(matrix).by_feature, [[1, 0, 9], [4, 0, 0], [0, 0, 12]])


def test_no_other_member_is_given_the_lines_column_and_none_is_fitted_without_it() -> None:
    names = ["points_avg_season", "vegas_points_line"]
    rows = Rows(lined(40, 100).matrix[:, [0, 3]], lined(40, 100).target, lined(40, 100).dates)
    system = create_system("ensemble", parameters={"members": {"perceptron": {"epochs": 1}, "points_line": {}}})
    assert isinstance(system, Ensemble)
    system.fit(rows, rows, features=names, target="points", seed=1)
    assert system._members["perceptron"].features_used == ["points_avg_season"]
    assert system.copied_features("points") == ["vegas_points_line"]
    for target, available in (("points", names[:1]), ("rebounds", ["rebounds_avg_season", "vegas_points_line"])):
        again = create_system("ensemble", parameters={"members": {"season_average": {}, "points_line": {}}})
        assert again.choose_features(available, target) == available[:1]


def test_a_member_without_weight_is_named_and_not_kept(tmp_path: Path) -> None:
    rows = rows_of(60)
    system = fitted(Rows(rows.matrix, rows.matrix[:, 0], rows.dates), members=TWO)
    assert system.weights == pytest.approx({"season_average": 1, "last_10_average": 0})
    system.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"ensemble.json", "season_average"}


def test_it_is_no_worse_than_its_best_member(
    fitted: Callable[..., System], columns_of: Callable[..., np.ndarray], tune: Rows
) -> None:
    def error(name: str) -> float:
        system = fitted(name)
        return float(np.abs(system.predict(columns_of(system, tune)) - tune.target).mean())

    assert error("ensemble") < min(error("xgboost"), error("catboost"), error("similarity")) + 0.02


def test_every_parameter_of_every_member_is_recorded() -> None:
    system = create_system("ensemble", parameters={"members": {"xgboost": {"max_depth": 3}, "season_average": {}}})
    members = system.hyperparameters["members"]
    assert members["xgboost"]["max_depth"] == 3
    assert members["xgboost"]["subsample"] == create_system("xgboost").hyperparameters["subsample"]
    assert {"numpy", "xgboost-cpu", "scipy"} <= set(system.libraries)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"ensemble": {}}, "member of itself"),
        ({"xgbost": {}}, "not a system"),
        ({"xgboost": {"max_dept": 3}}, "max_dept"),
        ({}, "members"),
        ({"points_line": {}}, "no members besides points_line"),
    ],
)
def test_members_that_cannot_be_are_wrong_usage(members: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        create_system("ensemble", parameters={"members": members})


def test_too_few_dates_for_the_folds_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match="4 training dates are too few"):
        fitted(rows_of(4), members=TWO, n_folds=3)
