"""A window ends before the row's date, whatever is asked of it, and says what plain Python says."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.builders.windows import Past, pairs_with_latest

FIRST = date(2020, 2, 27)


@dataclass(frozen=True)
class Event:
    """One result of `key` on `day`."""

    key: int
    day: date
    points: int
    pace: float


days = st.integers(0, 800).map(lambda n: FIRST + timedelta(days=n))
near = st.integers(0, 20).map(lambda n: FIRST + timedelta(days=n))
keys = st.integers(1, 3)
events = st.lists(
    st.builds(Event, keys, st.one_of(days, near), st.integers(0, 70), st.floats(80, 120).map(lambda x: x / 3)),
    max_size=40,
    unique_by=lambda event: (event.key, event.day),
)
rows = st.lists(st.tuples(st.integers(1, 4), st.one_of(days, near)), min_size=1, max_size=12)


def past_of(results: list[Event], asked: list[tuple[int, date]]) -> Past:
    schema = {"key": pl.Int64, "game_date": pl.Date, "points": pl.Int64, "pace": pl.Float64}
    frame = pl.DataFrame([(e.key, e.day, e.points, e.pace) for e in results], schema=schema, orient="row")
    frame = frame.with_columns((pl.col("points") ** 2).alias("squares"))
    wanted = pl.DataFrame(asked, schema={"key": pl.Int64, "game_date": pl.Date}, orient="row")
    return Past(frame, wanted, ["key"])


def seen(results: list[Event], key: int, day: date) -> list[Event]:
    """The naive way: everything of the key before the day, oldest first."""
    return sorted((e for e in results if e.key == key and e.day < day), key=lambda e: e.day)


@given(events, rows, st.integers(1, 12), st.integers(0, 4))
@settings(max_examples=80, deadline=None)
def test_last_n_is_what_plain_python_says(
    results: list[Event], asked: list[tuple[int, date]], n: int, skip: int
) -> None:
    window = past_of(results, asked).last(n, within_days=365, skip=skip)
    for place, (key, day) in enumerate(asked):
        known = [e for e in seen(results, key, day) if e.day >= day - timedelta(days=365)]
        chosen = known[: max(len(known) - skip, 0)][-n:]
        points = [e.points for e in chosen]
        assert window.n_games[place] == len(chosen)
        assert window.sum("points")[place] == sum(points)
        assert window.mean("points")[place] == (sum(points) / len(points) if points else None)
        assert window.max_source_date[place] == max((e.day for e in chosen), default=None)
        total = 0.0
        for event in chosen:
            total += event.pace
        assert window.sum("pace")[place] == total  # to the last bit
        spread = statistics.stdev(points) if len(points) > 1 else None
        assert window.sample_std("points", "squares")[place] == (None if spread is None else pytest.approx(spread))


@given(events, rows, st.integers(1, 12))
@settings(max_examples=80, deadline=None)
def test_the_middle_and_the_ends_of_a_window_are_what_plain_python_says(
    results: list[Event], asked: list[tuple[int, date]], n: int
) -> None:
    window = past_of(results, asked).last(n)
    for place, (key, day) in enumerate(asked):
        chosen = seen(results, key, day)[-n:]
        points = [e.points for e in chosen]
        assert window.median("points")[place] == (statistics.median(points) if points else None)
        assert window.largest("points")[place] == max(points, default=None)
        assert window.smallest("points")[place] == min(points, default=None)
        assert window.earliest("game_date")[place] == (chosen[0].day if chosen else None)


@given(events, rows, st.sampled_from([2, 5, 40]))
@settings(max_examples=80, deadline=None)
def test_a_decayed_mean_is_what_plain_python_says(
    results: list[Event], asked: list[tuple[int, date]], half_life: int
) -> None:
    means = past_of(results, asked).decayed_mean("points", half_life)
    for place, (key, day) in enumerate(asked):
        points = [e.points for e in reversed(seen(results, key, day))]
        weights = [0.5 ** (age / half_life) for age in range(len(points))]
        expected = sum(w * p for w, p in zip(weights, points, strict=True)) / sum(weights) if points else None
        assert means[place] == (None if expected is None else pytest.approx(expected, abs=1e-9))


@given(events, rows)
@settings(max_examples=80, deadline=None)
def test_a_decayed_mean_of_a_key_has_the_same_bits_without_the_other_keys(
    results: list[Event], asked: list[tuple[int, date]]
) -> None:
    means = past_of(results, asked).decayed_mean("pace", 5)
    for place, (key, day) in enumerate(asked):
        alone = past_of([e for e in results if e.key == key and e.day < day], [(key, day)])
        assert alone.decayed_mean("pace", 5)[0] == means[place]


@given(events, rows, st.integers(1, 400))
@settings(max_examples=80, deadline=None)
def test_days_whole_and_latest_are_what_plain_python_says(
    results: list[Event], asked: list[tuple[int, date]], n: int
) -> None:
    past = past_of(results, asked)
    for place, (key, day) in enumerate(asked):
        known = seen(results, key, day)
        recent = [e.points for e in known if e.day >= day - timedelta(days=n)]
        assert past.days(n).sum("points")[place] == sum(recent)
        assert past.days(n).n_games[place] == len(recent)
        assert past.whole().n_games[place] == len(known)
        assert past.latest("points")[place] == (known[-1].points if known else None)
        assert past.last(5).values("points", 1)[place] == (known[-2].points if len(known) > 1 else None)


@given(events, rows, st.integers(1, 12), st.integers(1, 900))
@settings(max_examples=80, deadline=None)
def test_no_window_sees_the_own_date_or_later(
    results: list[Event], asked: list[tuple[int, date]], n: int, span: int
) -> None:
    """Whatever happens on the day of the earliest row and after it, no window of that day says otherwise."""
    first = min(day for _, day in asked)
    today = [(key, day) for key, day in asked if day == first]
    before = [e for e in results if e.day < first]
    rewritten = [Event(e.key, e.day, e.points + 99, e.pace * 2) for e in results if e.day >= first]
    own = [Event(key, first, 1000, 1000.0) for key in {key for key, _ in today}]
    own = [e for e in own if (e.key, e.day) not in {(r.key, r.day) for r in rewritten}]
    worlds = [past_of(world, today) for world in (before, before + rewritten + own)]
    for ask in (
        lambda past: past.last(n),
        lambda past: past.last(n, within_days=span, skip=1),
        lambda past: past.days(span),
        lambda past: past.whole(),
    ):
        answers = [[ask(p).n_games, ask(p).sum("points"), ask(p).sum("pace"), ask(p).max_source_date] for p in worlds]
        assert [a.to_list() for a in answers[0]] == [a.to_list() for a in answers[1]]
        assert all(day is None or day < first for day in answers[1][3])


@given(events, rows)
@settings(max_examples=50, deadline=None)
def test_a_subset_of_whole_keys_gives_the_same_bits(results: list[Event], asked: list[tuple[int, date]]) -> None:
    whole = past_of(results, asked).last(15).mean("pace")
    for key in (1, 2, 3, 4):
        part = [row for row in asked if row[0] == key]
        if part:
            alone = past_of([e for e in results if e.key == key], part).last(15).mean("pace")
            assert alone.to_list() == [value for value, row in zip(whole, asked, strict=True) if row[0] == key]


def test_a_window_that_would_begin_after_the_date_is_empty() -> None:
    later = past_of([Event(1, FIRST + timedelta(days=n), 10, 90.0) for n in range(9)], [(1, FIRST + timedelta(days=3))])
    window = later.since(pl.Series([FIRST + timedelta(days=6)]))
    assert (window.n_games[0], window.sum("points")[0], window.max_source_date[0]) == (0, 0, None)


def test_a_missing_count_is_refused_not_taken_for_0() -> None:
    frame = pl.DataFrame({"key": [1], "game_date": [FIRST], "points": [None]}, schema_overrides={"points": pl.Int64})
    asked = pl.DataFrame({"key": [1], "game_date": [FIRST + timedelta(days=1)]})
    with pytest.raises(ValueError, match="have no points"):
        Past(frame, asked, ["key"]).whole().sum("points")


appearances = st.lists(
    st.tuples(st.integers(1, 4), keys, near), max_size=30, unique_by=lambda a: (a[0], a[2])
)  # player, team, day


@given(appearances, st.lists(st.tuples(keys, near), max_size=12), st.integers(1, 15))
@settings(max_examples=80, deadline=None)
def test_a_player_is_paired_with_the_team_he_appeared_for_last(
    appeared: list[tuple[int, int, date]], games: list[tuple[int, date]], limit: int
) -> None:
    paired = pairs_with_latest(
        pl.DataFrame(appeared, schema={"player": pl.Int64, "team": pl.Int64, "game_date": pl.Date}, orient="row"),
        pl.DataFrame(games, schema={"team": pl.Int64, "game_date": pl.Date}, orient="row"),
        subject="player",
        key=["team"],
        until=pl.col("game_date") + pl.duration(days=limit),
    )
    naive = []
    for team, day in games:
        for player in (1, 2, 3, 4):
            known = sorted((a[2], a[1]) for a in appeared if a[0] == player and a[2] < day)
            if known and known[-1][1] == team and (day - known[-1][0]).days <= limit:
                naive.append((team, day, player, known[-1][0]))
    assert sorted(paired.select("team", "game_date", "player", "latest_date").rows()) == sorted(naive)


def test_the_latest_appearance_of_a_retired_player_stays_with_his_team_only() -> None:
    """Without a limit the last date is the year 9999, which must not reach into the next team's games."""
    appeared = pl.DataFrame({"player": [7], "team": [1], "game_date": [FIRST]})
    games = pl.DataFrame({"team": [1, 2], "game_date": [FIRST + timedelta(days=900)] * 2})
    assert pairs_with_latest(appeared, games, subject="player", key=["team"])["team"].to_list() == [1]
