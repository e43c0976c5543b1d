"""Features are judged against the same stage of the season; chance, and a player who appears often, are no drift."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from contracts.settings import MonitorsSettings
from monitoring.monitors import default_share, feature_drift, null_share

LIMITS = MonitorsSettings()
FIRST = date(2023, 1, 1)
NAMES = ["form", "pace", "rest"]


def rows(first: date, n_dates: int, seed: int) -> pl.DataFrame:
    """Of 300 players in 30 teams: form of the player, pace of his team, rest of few values."""
    draw = np.random.default_rng(seed)
    form, pace = draw.normal(12, 5, 300), draw.normal(99, 3, 30)
    days = [first + timedelta(days=place) for place in range(n_dates)]
    return pl.DataFrame(
        [
            {
                "game_date": day,
                "game_id": f"{place:04d}{player % 15:06d}",
                "player_id": player,
                "team_id": player % 30,
                "form": float(form[player]),
                "pace": float(pace[player % 30]),
                "rest": float(draw.integers(0, 4)),
            }
            for place, day in enumerate(days)
            for player in range(300)
        ]
    )


NOW, THEN = rows(date(2024, 1, 1), 7, 1), rows(FIRST, 20, 2)


def bad(readings) -> list[str]:
    return [each.subject for each in readings if each.is_bad]


def test_other_draws_of_the_same_league_are_no_drift():
    found = feature_drift.judge(NOW, THEN, NAMES, LIMITS)
    assert bad(found) == []
    assert {each.subject for each in found if each.is_measured} == {"form", "pace"}


@pytest.mark.parametrize(("name", "by"), [("form", 5.0), ("pace", 8.0)])
def test_a_feature_that_moved_as_a_whole_is_bad_alone(name, by):
    assert bad(feature_drift.judge(NOW.with_columns(pl.col(name) + by), THEN, NAMES, LIMITS)) == [name]


def test_players_count_once_however_often_they_appear():
    """Seven rows of one player say no more than one: their number gives no certainty."""
    assert [each.n for each in feature_drift.judge(NOW, THEN, NAMES, LIMITS)][:2] == [300, 30]


def test_a_rise_of_null_is_bad_and_a_fall_is_not():
    today = NOW.filter(pl.col("game_date") == NOW["game_date"].max())
    gone = today.with_columns(form=pl.when(pl.col("player_id") < 150).then("form"))
    assert bad(null_share.judge(today, THEN, NAMES, LIMITS)) == []
    assert bad(null_share.judge(gone, THEN, NAMES, LIMITS)) == ["form"]
    assert bad(null_share.judge(today, THEN.with_columns(form=None), NAMES, LIMITS)) == []


def test_a_default_in_the_place_of_values_is_bad():
    today = NOW.filter(pl.col("game_date") == NOW["game_date"].max())
    filled = today.with_columns(form=pl.when(pl.col("player_id") < 150).then(pl.lit(10.0)).otherwise("form"))
    assert bad(default_share.judge(today, THEN, NAMES, LIMITS)) == []
    assert bad(default_share.judge(filled, THEN, NAMES, LIMITS)) == ["form"]
    assert bad(default_share.judge(today.with_columns(rest=1.0), THEN, NAMES, LIMITS)) == ["rest"]


@pytest.mark.parametrize("judge", [feature_drift.judge, null_share.judge, default_share.judge])
def test_with_few_rows_on_a_side_nothing_is_measured(judge):
    for now, then in ((NOW.head(10), THEN), (NOW, THEN.head(10)), (NOW.clear(), THEN.clear())):
        (found,) = judge(now, then, NAMES, LIMITS)
        assert found.value is None
        assert "are needed" in found.detail
