"""The inputs hash of a date changes with everything its rows may know, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from contracts.settings import FeatureSettings
from features.builders.slate import team_schedule
from features.raw.facts import RawFacts
from features.table.inputs import inputs_hashes

SETTINGS = FeatureSettings()


@pytest.fixture(scope="module")
def hashes(small_league, feature_set):
    return inputs_hashes(small_league, feature_set, SETTINGS)


@pytest.fixture(scope="module")
def middle(small_league) -> date:
    """A date with results, results before it and results after it."""
    dates = small_league.player_games["game_date"].unique().sort()
    return dates[len(dates) // 2]


def changed(raw: RawFacts, hashes: dict[date, str], feature_set) -> list[date]:
    """The dates whose hash is another one with `raw`."""
    after = inputs_hashes(raw, feature_set, SETTINGS)
    return [day for day in hashes if after.get(day) != hashes[day]]


def test_every_expected_date_has_a_hash_in_order(small_league, hashes):
    assert list(hashes) == team_schedule(small_league, SETTINGS)["game_date"].unique().sort().to_list()
    assert len(set(hashes.values())) == len(hashes)


def test_the_order_of_rows_does_not_matter(small_league, hashes, feature_set):
    shuffled = replace(
        small_league, player_games=small_league.player_games.reverse(), games=small_league.games.reverse()
    )
    assert changed(shuffled, hashes, feature_set) == []


def test_a_corrected_box_score_changes_its_date_and_all_later_ones(small_league, hashes, feature_set, middle):
    box = small_league.player_games
    first = pl.int_range(pl.len()) == box["game_date"].index_of(middle)
    corrected = box.with_columns(pl.when(first).then(pl.col("assists") + 1).otherwise("assists").alias("assists"))
    after = changed(replace(small_league, player_games=corrected), hashes, feature_set)
    assert after == [day for day in hashes if day >= middle]


def test_a_birth_date_changes_the_dates_from_the_players_first_game_on(small_league, hashes, feature_set):
    player = small_league.players["player_id"][0]
    first = small_league.player_games.filter(pl.col("player_id") == player)["game_date"].min()
    birth = pl.when(pl.col("player_id") == player).then(date(1990, 1, 1)).otherwise("birth_date").alias("birth_date")
    after = changed(replace(small_league, players=small_league.players.with_columns(birth)), hashes, feature_set)
    assert after == [day for day in hashes if day >= first]


def test_a_player_who_never_played_changes_nothing(small_league, hashes, feature_set):
    stranger = small_league.players.head(1).with_columns(pl.lit(987654, pl.Int64).alias("player_id"))
    after = changed(replace(small_league, players=pl.concat([small_league.players, stranger])), hashes, feature_set)
    assert after == []


def test_an_injury_entry_stamped_with_a_day_counts_from_the_next_day_on(small_league, hashes, feature_set, middle):
    entry = _injury(small_league, middle, captured_at=None)
    after = changed(replace(small_league, injuries=pl.concat([small_league.injuries, entry])), hashes, feature_set)
    assert after == [day for day in hashes if day > middle]


def test_an_injury_entry_with_a_time_counts_on_its_own_day(small_league, hashes, feature_set, middle):
    captured = pl.datetime(middle.year, middle.month, middle.day, 16, time_zone="UTC")
    entry = _injury(small_league, middle, captured_at=captured)
    after = changed(replace(small_league, injuries=pl.concat([small_league.injuries, entry])), hashes, feature_set)
    assert after == [day for day in hashes if day >= middle]


def test_a_points_line_changes_the_date_of_its_game(small_league, hashes, feature_set):
    lines = small_league.points_lines
    game = small_league.games.filter(pl.col("game_id") == lines["game_id"][0])["game_date"].item()
    first = pl.int_range(pl.len()) == 0
    moved = lines.with_columns(pl.when(first).then(pl.col("line") + 0.5).otherwise("line").alias("line"))
    after = changed(replace(small_league, points_lines=moved), hashes, feature_set)
    assert after == [day for day in hashes if day >= game]


def test_a_game_to_come_changes_nothing_before_it(small_league, hashes, feature_set):
    wide = FeatureSettings(coming_game_dates=100)
    later, game = _game_to_come(small_league, 1)
    raw = replace(small_league, games=pl.concat([small_league.games, game]))
    after = inputs_hashes(raw, feature_set, wide)
    assert {day: after[day] for day in hashes} == hashes
    assert later in after


def test_a_game_beyond_the_horizon_and_what_is_known_of_it_change_nothing(small_league, feature_set):
    played = small_league.games.join(small_league.player_games, on="game_id", how="semi")
    (first, near), (second, far) = (_game_to_come(small_league, n_days) for n_days in (8, 9))
    line = small_league.points_lines.head(1).with_columns(far["game_id"])
    next_known = replace(small_league, games=pl.concat([played, near]))
    both_known = replace(
        next_known,
        games=pl.concat([next_known.games, far]),
        points_lines=pl.concat([next_known.points_lines, line]),
    )
    before = inputs_hashes(next_known, feature_set, SETTINGS)
    assert inputs_hashes(both_known, feature_set, SETTINGS) == before
    assert first in before
    wider = inputs_hashes(both_known, feature_set, FeatureSettings(coming_game_dates=2))
    assert {day: wider[day] for day in before} == before, "a wider horizon makes no row stale"
    assert wider.keys() - before.keys() == {second}


def test_a_kind_ingested_for_the_first_time_changes_every_date(bare_league, feature_set):
    """A column that was absent may have values now."""
    before = inputs_hashes(bare_league, feature_set, SETTINGS)
    now = replace(bare_league, ingested=bare_league.ingested | {"injuries"})
    assert changed(now, before, feature_set) == list(before)


def test_closing_game_lines_count_only_for_a_set_that_accepts_them(small_league, hashes, feature_set, middle):
    game = small_league.games.filter(pl.col("game_date") == middle)["game_id"][0]
    others = small_league.game_lines.filter(pl.col("game_id") != game)
    line = pl.DataFrame([{"game_id": game, "spread_home": -3.5, "total": 250.0}], schema=others.schema)
    raw = replace(small_league, game_lines=pl.concat([others, line]))
    assert changed(raw, hashes, feature_set) == []
    accepting = replace(feature_set, accept_closing_game_lines=True)
    before = inputs_hashes(small_league, accepting, SETTINGS)
    assert changed(raw, before, accepting) == [day for day in before if day >= middle]


def _game_to_come(raw: RawFacts, n_days: int) -> tuple[date, pl.DataFrame]:
    """A game so many days after all that are known, and its date."""
    last = raw.games.sort("game_date").tail(1)
    day = last["game_date"].item() + timedelta(days=n_days)
    return day, last.with_columns(pl.lit(f"0022{n_days:06d}").alias("game_id"), pl.lit(day).alias("game_date"))


def _injury(raw: RawFacts, day: date, captured_at: object) -> pl.DataFrame:
    return raw.injuries.head(1).with_columns(
        pl.lit(day).alias("reported_on"),
        pl.lit("an entry of its own").alias("note"),
        (pl.lit(None) if captured_at is None else captured_at).cast(pl.Datetime("us", "UTC")).alias("captured_at"),
    )
