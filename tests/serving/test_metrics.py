"""What Prometheus is told: rows by version and outcome, what was missing, how predictions lie, how old the model is."""

from __future__ import annotations

from datetime import timedelta

from contracts import clock
from serving.metrics import Metrics
from serving.predictor import FeatureRow, RowFault, predict
from serving.rates import MOST_CALLERS, Rates


def test_rows_are_counted_by_version_outcome_band_and_missing_feature(world):
    live = world.live("season_average")
    values = dict.fromkeys(world.feature_set.names, 1.0)
    rows = [
        FeatureRow(values | {"points_avg_season": 9.5, "pace_score": None}),
        FeatureRow(values | {"points_avg_season": 8.0, "pace_score": None}),
        FeatureRow(values | {"points_avg_season": 44.0}),
        FeatureRow(values | {"points_avg_season": None}),
        RowFault("unknown_player", "nobody"),
    ]
    metrics = Metrics()
    metrics.count_answers(predict(live, rows, [None] * len(rows)))
    text = metrics.text().decode()
    model = f'system="season_average",version="{live.version.version}"'
    for line in (
        f'tipoff_answers_total{{outcome="predicted",{model}}} 3.0',
        f'tipoff_answers_total{{outcome="unknown_player",{model}}} 1.0',
        f'tipoff_answers_total{{outcome="not_predictable",{model}}} 1.0',
        f'tipoff_predicted_total{{band="8",{model}}} 2.0',
        f'tipoff_predicted_total{{band="40",{model}}} 1.0',
        'tipoff_missing_features_total{feature="pace_score"} 2.0',
        'tipoff_missing_features_total{feature="points_avg_season"} 1.0',
    ):
        assert line in text, text


def test_the_model_has_a_version_an_age_and_a_last_date_seen(world, monkeypatch):
    live = world.live("xgboost")
    later = live.version.registered_at + timedelta(days=3)
    monkeypatch.setattr(clock, "now", lambda: later)
    metrics = Metrics()
    metrics.count_swap()
    metrics.tell_state("degraded", live, 5)
    text = metrics.text().decode()
    unseen = (later.date() - live.version.train_to).days
    for line in (
        f"tipoff_model_version {float(live.version.version)}",
        f"tipoff_model_age_seconds {3 * 86400.0}",
        f"tipoff_model_unseen_days {float(unseen)}",
        'tipoff_service_state{state="degraded"} 1.0',
        'tipoff_service_state{state="ready"} 0.0',
        "tipoff_waiting_requests 5.0",
        "tipoff_swaps_total 1.0",
    ):
        assert line in text, text


def test_callers_are_told_apart_and_only_so_many_remembered():
    rates = Rates(1)
    assert [rates.is_over(caller, 0.0) for caller in ("a", "b", "a")] == [False, False, True]
    for number in range(MOST_CALLERS):
        rates.is_over(str(number), 0.0)
    assert not rates.is_over("a", 0.0), "forgotten"
    assert rates.is_over(str(MOST_CALLERS - 1), 0.0)


def test_without_a_rate_nobody_asks_too_often():
    rates = Rates(0)
    assert not any(rates.is_over("a", 0.0) for _ in range(1000))
