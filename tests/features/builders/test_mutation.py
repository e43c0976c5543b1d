"""What happens on a date or after it, and what is captured late, changes no row of that date or before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest

from contracts.errors import RefusedError
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from contracts.tables import BOX_COUNTS, FEATURE_ROW_LABELS
from features.builders.compute import BUILDERS, compute
from features.builders.windows import Past
from features.definitions import DEFINITIONS
from features.raw.facts import RawFacts

SETTINGS = FeatureSettings()
FEATURE_SET = FeatureSet("everything", tuple(DEFINITIONS.values()), accept_closing_game_lines=True)
"""Every feature there is: more than any shipped set."""
SMALL_DATES = [date(2021, 11, 10), date(2022, 10, 22), date(2022, 11, 20), date(2022, 12, 10)]


def delete_from(raw: RawFacts, day: date) -> RawFacts:
    """As if nothing had been played on the day and after it."""
    return replace(
        raw,
        player_games=raw.player_games.filter(pl.col("game_date") < day),
        shot_zones=raw.shot_zones.join(
            raw.games.filter(pl.col("game_date") < day).select("game_id"), on="game_id", how="semi"
        ),
        injuries=raw.injuries.filter(pl.col("captured_at").is_not_null() | (pl.col("reported_on") < day)),
    )


def rewrite_from(raw: RawFacts, day: date) -> RawFacts:
    """Other figures, other winners, on the day and after it."""
    later = pl.col("game_date") >= day
    counts = [name for name in BOX_COUNTS if name != "minutes"]
    return replace(
        raw,
        player_games=raw.player_games.with_columns(
            pl.when(later).then(pl.col(counts) * 3 + 1).otherwise(pl.col(counts)),
            pl.when(later).then((pl.col("minutes") * 7) % 48).otherwise("minutes").alias("minutes"),
            pl.when(later).then(~pl.col("won")).otherwise("won").alias("won"),
        ),
        injuries=raw.injuries.with_columns(
            pl.when(pl.col("captured_at").is_null() & (pl.col("reported_on") >= day))
            .then(pl.lit("out"))
            .otherwise("status")
            .alias("status")
        ),
    )


def lose_a_game(raw: RawFacts, day: date) -> RawFacts:
    """The day's first game is not there at all."""
    game = raw.player_games.filter(pl.col("game_date") == day)["game_id"].min()
    return replace(raw, player_games=raw.player_games.filter(pl.col("game_id") != game))


def known_before(raw: RawFacts, day: date, dates: list[date] | None = None) -> dict[str, pl.DataFrame]:
    """Every builder's rows up to the day, without what happened in their own games."""
    frames = compute(raw, FEATURE_SET, SETTINGS, dates)
    own = ("state", *FEATURE_ROW_LABELS)
    return {name: frame.filter(pl.col("game_date") <= day).drop(own, strict=False) for name, frame in frames.items()}


def leaks(raw: RawFacts, changed: RawFacts, day: date, dates: list[date] | None = None) -> list[str]:
    """The builders of which a row up to `day` is not the same in both worlds."""
    before, after = known_before(raw, day, dates), known_before(changed, day, dates)
    found = []
    for name in BUILDERS:
        key = ["game_id", "team_id"] + (["player_id"] if "player_id" in before[name].columns else [])
        # who appeared decides which rows there are beside the expected ones; rows in both worlds must be equal
        one = before[name].join(after[name].select(key), on=key, how="semi").sort(key)
        other = after[name].join(before[name].select(key), on=key, how="semi").sort(key)
        assert one.height
        if not one.equals(other):
            found.append(name)
    return found


@pytest.mark.parametrize("day", SMALL_DATES)
@pytest.mark.parametrize("change", [delete_from, rewrite_from, lose_a_game])
def test_no_row_knows_its_own_date_or_later(
    small_league: RawFacts, change: Callable[[RawFacts, date], RawFacts], day: date
) -> None:
    day = min(d for d in small_league.player_games["game_date"] if d >= day)
    assert leaks(small_league, change(small_league, day), day) == []


@pytest.mark.parametrize("day", SMALL_DATES)
def test_the_slate_does_not_know_who_appeared(small_league: RawFacts, day: date) -> None:
    """Rows flagged as expected are the same players whether the box scores are there or not."""
    day = min(d for d in small_league.player_games["game_date"] if d >= day)

    def expected(raw: RawFacts) -> list[tuple[str, int]]:
        store = compute(raw, FEATURE_SET, SETTINGS, [day])["ml_feature_store"]
        return sorted(store.filter("is_expected").select("game_id", "player_id").rows())

    assert expected(small_league)
    assert expected(small_league) == expected(delete_from(small_league, day))


def test_no_real_row_knows_its_own_date_or_later(real_seasons: RawFacts) -> None:
    day = date(2024, 2, 10)
    dates = [day, day - timedelta(days=1), day - timedelta(days=40)]
    for change in (delete_from, rewrite_from):
        assert leaks(real_seasons, change(real_seasons, day), day, dates) == []


def test_a_change_before_the_date_is_seen(small_league: RawFacts) -> None:
    """The comparison can fail: the same change, a day earlier than the rows, shows in every builder."""
    day = min(d for d in small_league.player_games["game_date"] if d >= SMALL_DATES[2])
    later = min(d for d in small_league.player_games["game_date"] if d > day)
    assert leaks(small_league, rewrite_from(small_league, day), later) == list(BUILDERS)


def test_a_window_that_includes_the_own_date_is_caught(small_league: RawFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The `<=` of the system this comes from, planted: the rows themselves are refused."""
    monkeypatch.setattr(Past, "_place", lambda past, codes: np.searchsorted(past._codes, codes.to_numpy(), "right"))
    with pytest.raises(RefusedError, match="max_source_date is not before game_date"):
        compute(small_league, FEATURE_SET, SETTINGS)


def test_lines_captured_after_the_cut_off_change_nothing(small_league: RawFacts) -> None:
    tips = small_league.games.select("game_id", pl.col("tip_off_at").alias("game_tip"))
    tip_off = pl.coalesce("game_tip", "tip_off_at")
    lines = small_league.points_lines.join(tips, on="game_id", how="left", maintain_order="left")
    late = (pl.col("captured_at") > tip_off - pl.duration(minutes=60)).fill_null(value=True)
    assert lines.filter(late).height > 100
    wild = lines.with_columns(pl.when(late).then(99.0).otherwise("line").alias("line")).drop("game_tip")
    gone = lines.filter(~late).drop("game_tip")
    frames = [
        compute(replace(small_league, points_lines=each), FEATURE_SET, SETTINGS)["ml_feature_store"]
        for each in (small_league.points_lines, wild, gone)
    ]
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])


def test_injury_entries_captured_after_the_cut_off_or_on_the_day_change_nothing(small_league: RawFacts) -> None:
    """The entries of the last date that are not known by its cut-off are turned round: its rows stay as they were."""
    day = small_league.player_games["game_date"].max()
    tip_off = small_league.games.filter(pl.col("game_date") == day)["tip_off_at"].max()
    late = (
        pl.when(pl.col("captured_at").is_null())
        .then(pl.col("reported_on") >= day)
        .otherwise(
            pl.col("captured_at") > (tip_off or datetime.combine(day, time(), tzinfo=UTC)) - timedelta(minutes=60)
        )
    )
    turned = pl.when(late & (pl.col("status") == "available")).then(pl.lit("out")).when(late).then(pl.lit("available"))
    entries = small_league.injuries
    assert 0 < entries.filter(late).height < entries.height
    changed = replace(small_league, injuries=entries.with_columns(turned.otherwise("status").alias("status")))
    assert leaks(small_league, changed, day, [day]) == []


def test_a_row_is_the_same_whatever_dates_are_asked_for_with_it(small_league: RawFacts) -> None:
    whole = compute(small_league, FEATURE_SET, SETTINGS)
    for day in small_league.player_games["game_date"].unique().sort()[::9]:
        alone = compute(small_league, FEATURE_SET, SETTINGS, [day])
        for name in BUILDERS:
            assert alone[name].equals(whole[name].filter(pl.col("game_date") == day)), (name, day)


def test_the_order_of_the_raw_rows_changes_nothing(small_league: RawFacts) -> None:
    shuffled = replace(
        small_league,
        player_games=small_league.player_games.sample(fraction=1, shuffle=True, seed=3),
        games=small_league.games.sample(fraction=1, shuffle=True, seed=4),
        points_lines=small_league.points_lines.sample(fraction=1, shuffle=True, seed=5),
        injuries=small_league.injuries.sample(fraction=1, shuffle=True, seed=6),
    )
    one, other = (compute(raw, FEATURE_SET, SETTINGS) for raw in (small_league, shuffled))
    assert all(one[name].equals(other[name]) for name in BUILDERS)
