"""Each fault of the register, planted into sound rows, fails the gate that stands against it; sound rows pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from contracts.feature_set import Feature, FeatureSet
from contracts.settings import QualitySettings
from features.quality.gates import judge
from features.quality.reference import SAME_DATES, SAME_STAGE, Reference

STORE = "ml_feature_store"
SETTINGS = QualitySettings(min_slate_players=10)
NAMES = ("form", "minutes", "share", "trend")
SET = FeatureSet("tested", tuple(Feature(name, STORE, "Tested.", null_reason="no_recent_games") for name in NAMES))
Plant = Callable[[pl.DataFrame], pl.DataFrame]


def season(year: int, n_days: int = 40, first: int = 60, seed: int = 1) -> pl.DataFrame:
    """200 players with a game every second day: form that moves slowly, a trend that goes with it, some NULLs."""
    draw = np.random.default_rng(seed * 10_000 + year)
    skill = np.random.default_rng(7).gamma(4, 3, 200)
    days = [date(year, 10, 20) + timedelta(days=first + 2 * i) for i in range(n_days)]
    walk = np.cumsum(draw.normal(0, 0.4, (n_days, 200)), axis=0)
    step = np.cumsum(draw.normal(0, 0.3, (n_days, 200)), axis=0)
    form = np.maximum(skill + walk, 0)
    n = n_days * 200
    unknown = np.tile(np.arange(200) < 20, n_days)
    columns = {
        "form": form.ravel(),
        "minutes": (form * 2 + draw.normal(0, 1, (n_days, 200))).ravel(),
        "share": np.clip(0.3 + walk * 0.03, 0, 1).ravel(),
        "trend": (walk - step).ravel(),
    }
    return pl.DataFrame(
        {
            "game_id": np.repeat([f"{year}{i:06d}" for i in range(n_days)], 200),
            "player_id": np.tile(np.arange(200), n_days),
            "team_id": np.tile(np.arange(200) // 10, n_days),
            "opponent_id": (np.tile(np.arange(200) // 10, n_days) + 1 + np.repeat(np.arange(n_days) % 18, 200)) % 20,
            "game_date": np.repeat(np.array(days, dtype="datetime64[D]"), 200),
            "max_source_date": np.repeat(np.array(days, dtype="datetime64[D]"), 200) - np.timedelta64(1, "D"),
            "season": np.full(n, year),
            "state": ["played"] * n,
            "is_expected": [True] * n,
            "line": np.full(n, 10.5),
            "n_active_games_season": np.where(unknown, 0.0, 30.0),
            "minutes_avg_last_10_active": pl.Series(np.where(unknown, np.nan, 20.0)).fill_nan(None),
            "missing": np.where(unknown, "no_history:form,minutes,share,trend", ""),
        }
        | {name: pl.Series(np.where(unknown, np.nan, values)).fill_nan(None) for name, values in columns.items()}
    )


THEN, NOW = season(2022), season(2023)


def shuffled(rows: pl.DataFrame, name: str = "form") -> pl.DataFrame:
    """The values of every date dealt anew among its players."""
    draw = pl.Series("draw", np.random.default_rng(3).random(rows.height))
    return rows.with_columns(draw).with_columns(pl.col(name).sort_by("draw").over("game_date")).drop("draw")


def last_season(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(THEN["form"])


PLANTS: dict[str, tuple[Plant, str]] = {
    "a constant default": (lambda rows: rows.with_columns(pl.lit(0.5).alias("form")), "constant"),
    "a default in a third of the rows": (
        lambda rows: rows.with_columns(pl.when(pl.col("player_id") % 3 == 0).then(0.5).otherwise("form").alias("form")),
        "mode",
    ),
    "0 where NULL is due": (lambda rows: rows.with_columns(pl.col("form").fill_null(0.0)), "filled_nulls"),
    "another unit": (lambda rows: rows.with_columns(pl.col("minutes") * 100), "outside"),
    "percent for a share": (lambda rows: rows.with_columns(pl.col("share") * 100), "outside"),
    "a value frozen": (lambda rows: rows.with_columns(pl.col("form").first().over("player_id")), "frozen"),
    "last season's values": (last_season, "repeated"),
    "a source half gone": (
        lambda rows: rows.with_columns(pl.when(pl.col("team_id") % 2 == 0).then("form").alias("form")),
        "null_change",
    ),
    "a source gone": (
        lambda rows: rows.with_columns(pl.lit(None, pl.Float64).alias("form"), missing=pl.lit("no_line:form")),
        "lost_values",
    ),
    "shuffled across players": (shuffled, "continuity"),
    "its sign turned": (lambda rows: rows.with_columns(-pl.col("trend")), "association"),
    "values collapsed": (lambda rows: rows.with_columns((pl.col("form") / 10).round() * 10), "distinct"),
    "half the players not expected": (
        lambda rows: rows.with_columns((pl.col("player_id") % 2 == 0).alias("is_expected")),
        "population_change",
    ),
    "rows twice": (lambda rows: pl.concat([rows, rows.head(3)]), "duplicates"),
}


def failed(
    rows: pl.DataFrame, kind: str = SAME_STAGE, old: pl.DataFrame = THEN, settings: QualitySettings = SETTINGS
) -> set[tuple[str, str | None]]:
    verdict = judge({STORE: rows}, SET, settings, [Reference(kind, rows, old)])
    return {(test.name, test.column) for test in verdict.failures}


def test_sound_rows_pass_against_an_earlier_season_and_against_themselves():
    assert failed(NOW) == set()
    assert failed(NOW, SAME_DATES, NOW) == set()


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_fault_fails_its_gate(what):
    plant, gate = PLANTS[what]
    assert gate in {name for name, _ in failed(plant(NOW))}


@pytest.mark.parametrize("plant", [shuffled, lambda rows: rows.with_columns(-pl.col("trend"))])
def test_against_its_own_earlier_rows_a_shuffle_and_a_turned_sign_disagree(plant):
    assert "agreement" in {name for name, _ in failed(plant(NOW), SAME_DATES, NOW)}


def test_one_date_is_enough_to_see_another_unit():
    day = NOW.filter(pl.col("game_date") == NOW["game_date"].max())
    recent = NOW.filter(pl.col("game_date") < NOW["game_date"].max())
    assert failed(day, SAME_STAGE, recent) == set()
    assert ("outside", "minutes") in failed(day.with_columns(pl.col("minutes") * 100), SAME_STAGE, recent)


def test_what_stands_still_within_a_playoff_series_need_not_in_the_next_one():
    """A replayed season was refused on the first night of the second round: everything about opponents was new."""
    series = NOW.with_columns(opponent_id=pl.lit(1), minutes=pl.col("team_id") * 10 + pl.col("form"))
    series = series.with_columns(pl.col("minutes").first().over("player_id"))
    days = series["game_date"].unique().sort()
    first, last = series.filter(pl.col("game_date") < days[-2]), series.filter(pl.col("game_date") >= days[-2])
    turned = last.with_columns(opponent_id=pl.lit(2), minutes=pl.col("minutes").max() - pl.col("minutes"))
    gates = {"continuity", "frozen"}
    assert not gates & {name for name, _ in failed(turned, SAME_STAGE, first)}
    met = [
        frame.with_columns(opponent_id=pl.col("opponent_id") + 10 * pl.col("game_date").to_physical())
        for frame in (turned, first)
    ]
    assert ("continuity", "minutes") in failed(*met[:1], SAME_STAGE, met[1]), "between opponents it is a fault"


def test_few_values_are_bounded_by_their_definition_and_not_by_what_was_seen():
    """Rest advantage is 0 for all within a series, and is not when the next one begins."""
    then, now = (frame.with_columns(minutes=pl.lit(0.0)) for frame in (THEN, NOW))
    other = now.with_columns(minutes=pl.col("player_id") % 5 - 2.0)
    assert ("outside", "minutes") not in failed(other, SAME_STAGE, then)


def test_what_grows_with_all_that_was_ingested_is_a_measure_of_the_same_dates_only():
    """A backfill taken up where it was killed met ten times the games against an opponent, and was refused for it."""
    grown = NOW.with_columns(pl.col("minutes") * 100)
    accumulating = SETTINGS.model_copy(update={"accumulating": ("minutes",)})
    assert failed(grown, SAME_STAGE, THEN, accumulating) == set()
    assert ("outside", "minutes") in failed(grown, SAME_DATES, NOW, accumulating)


def test_too_few_rows_are_not_judged_and_say_so():
    few = NOW.head(60).with_columns(pl.col("minutes") * 100)
    tests = judge({STORE: few}, SET, SETTINGS, [Reference(SAME_STAGE, few, THEN)]).tests
    assert "not judged: 60 rows < 100" in [test.detail for test in tests]
    assert all(test.passed for test in tests)


def test_shifts_that_a_new_source_brings_are_told_and_not_refused():
    old = NOW.with_columns(pl.lit(None, pl.Float64).alias("share"))
    moved = NOW.with_columns(pl.col("form") * 3)
    verdict = judge({STORE: moved}, SET, SETTINGS, [Reference(SAME_DATES, moved, old)])
    assert verdict.passed
    assert ("form", "shift") in {(found.column, found.kind) for found in verdict.findings}
