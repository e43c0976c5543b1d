"""The simulated league is as hard to predict as the real one, and nobody beats the one who knows its truth."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from benchmarks.league_calibration import (
    DATA,
    TOLERANCE,
    figures,
    real_figures,
    recency,
    simulated_figures,
    table,
)
from features.sources.league.oracle import Knowledge, centres, realized
from features.sources.league.parameters import LeagueParameters
from features.sources.league.populations import tell_populations
from features.sources.league.slate import another_evening
from features.sources.simulated import _play_seasons, oracle_mae, simulate_league

N_SEASONS = 4
real_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data in {DATA} (TIPOFF_TEST_DATA)")


@pytest.fixture(scope="module")
def real() -> dict[str, float]:
    return real_figures()


@pytest.fixture(scope="module")
def simulated() -> dict[str, float]:
    return simulated_figures(N_SEASONS)


@real_data
def test_every_figure_of_the_league_is_within_5_percent_of_the_real_one(
    real: dict[str, float], simulated: dict[str, float]
) -> None:
    """`pytest -s` prints both columns; the real one is computed here, from the files."""
    sys.stdout.write("\n".join(["", *table(real, simulated), ""]))
    assert simulated == pytest.approx(real, rel=TOLERANCE)
    assert 5.0 <= simulated["MAE of the line, lined"] <= 5.25


@real_data
def test_the_line_is_better_than_the_season_average_and_not_by_much(
    real: dict[str, float], simulated: dict[str, float]
) -> None:
    for found in (real, simulated):
        assert 0.93 < found["MAE of the line, lined"] / found["MAE of the season average, lined"] < 0.98


# ---------------------------------------------------------------- the oracle
SMALL = {"n_teams": 6, "regular_games": 30}


def test_whoever_knows_the_truth_beats_the_season_average_and_the_line_in_every_population() -> None:
    oracle = oracle_mae(1, 3, **SMALL, replays=60)
    league = simulate_league(1, 3, **SMALL)
    rows = tell_populations(league["game-logs"], league["points-lines"])
    assert set(oracle) == {"played", "rotation", "early", "lined"}
    for name in ("played", "rotation", "lined"):
        members = rows.filter(name)
        off = members.select((pl.col("PTS") - pl.col("average")).abs().mean()).item()
        assert oracle[name].n == members.height
        assert 0.85 < oracle[name].mae / off < 0.98
    lined = rows.filter("lined").select((pl.col("PTS") - pl.col("line")).abs().mean()).item()
    assert oracle["lined"].mae < lined


def test_what_the_oracle_expects_is_what_came_to_pass() -> None:
    """By the chance of one season, that is, and not of the replays."""
    played = oracle_mae(1, 3, **SMALL, replays=60)["played"]
    assert played.realized == pytest.approx(played.mae, rel=0.06)


def test_the_realized_error_is_free_of_the_chance_of_the_replays() -> None:
    """Of points normal about 10 with deviation 5 the least error is 5 x sqrt(2 / pi), however few the replays."""
    rng = np.random.default_rng(7)
    replays, points = rng.normal(10, 5, (20, 50_000)), rng.normal(10, 5, 50_000)
    parts = {"median": replays, "first_half": replays[0::2], "second_half": replays[1::2]}
    rows = pl.DataFrame({name: np.median(part, axis=0) for name, part in parts.items()} | {"PTS": points})
    least = 5 * np.sqrt(2 / np.pi)
    assert rows.select(realized(pl.col("PTS")).mean()).item() == pytest.approx(least, rel=0.01)
    assert rows.select((pl.col("PTS") - pl.col("median")).abs().mean()).item() > 1.02 * least


@pytest.mark.slow
def test_who_knows_less_of_the_lineup_is_further_off_and_still_nearer_than_whoever_does_not_know_the_truth() -> None:
    """In a league where one man in five stays away unannounced, so that it shows beyond the noise of 60 replays."""
    absent = LeagueParameters(unlisted_absence=0.2)
    by = {each: oracle_mae(1, 3, **SMALL, replays=60, knowledge=each, parameters=absent) for each in Knowledge}
    rows = tell_populations(simulate_league(1, 3, **SMALL, parameters=absent)["game-logs"])
    for name in ("played", "rotation"):
        off = rows.filter(name).select((pl.col("PTS") - pl.col("average")).abs().mean()).item()
        lineup, lines, lists = (by[each][name].mae for each in (Knowledge.LINEUP, Knowledge.LINES, Knowledge.LISTS))
        assert lineup < lines + 0.02
        assert max(lineup, lines) + 0.05 < lists < off


def test_another_evening_keeps_the_injured_out_and_lets_as_many_stay_away() -> None:
    seasons, _ = _play_seasons(1, 3, 2022, 6, 30, LeagueParameters())
    lineup = seasons[0].played[0].lineup
    evenings = [another_evening(lineup, LeagueParameters(), np.random.default_rng(seed)) for seed in range(20)]
    shares = [evening.available.mean() for evening in evenings]
    assert np.mean(shares) == pytest.approx(lineup.available.mean(), abs=0.01)
    assert len(set(shares)) > 10
    enough = (lineup.available & ~lineup.out).sum(axis=-1) > 12  # else some of the injured may be called back
    assert enough.mean() > 0.3
    assert not any((evening.available & lineup.out)[enough].any() for evening in evenings)


def test_the_same_seed_gives_the_same_oracle() -> None:
    one, again, other = (oracle_mae(1, seed, n_teams=4, regular_games=8, replays=20) for seed in (3, 3, 4))
    assert one == again
    assert one != other


def test_a_known_distribution_has_its_own_median_and_distance() -> None:
    """Points 0, 1, 2, ..., 10 equally likely: median 5, and 30 / 11 points from it on average."""
    points = np.tile(np.repeat(np.arange(11), 2), 20)[:, None]
    median, expected = centres(points)
    assert median == [5.0]
    assert expected == pytest.approx(30 / 11)


def test_games_that_he_sits_out_say_nothing_of_his_points() -> None:
    points = np.array([10_000, 10_000, 4, 8] * 20)[:, None]
    median, expected = centres(points)
    assert median == [6.0]
    assert expected == pytest.approx((0 + 4 + 4 + 0) / 4)
    assert np.isnan(centres(np.full((20, 1), 10_000))[1])


def test_no_frame_of_the_league_holds_the_truth() -> None:
    """The oracle's medians are in no column that features could be made of."""
    league = simulate_league(1, 3, n_teams=4, regular_games=8)
    columns = {name for frame in league.values() for name in frame.columns}
    assert not {name for name in columns if any(word in name.lower() for word in ("median", "expected", "oracle"))}


# ---------------------------------------------------------------- populations by hand
def test_populations_are_told_from_what_came_before_the_game() -> None:
    days = 12
    logs = pl.DataFrame(
        {
            "SEASON_ID": [22023] * days,
            "PLAYER_ID": [1] * days,
            "GAME_ID": [f"{n:010}" for n in range(days)],
            "GAME_DATE": [f"2024-01-{n + 1:02}" for n in range(days)],
            "MIN": [20, 20, 20, 20, 20, 0, 20, 5, 5, 5, 5, 5],
            "PTS": [10, 20, 30, 40, 50, 99, 0, 0, 0, 0, 0, 0],
        }
    )
    rows = tell_populations(logs)
    assert rows.height == 11, "a game of no whole minute is no row"
    assert rows["played"].to_list() == [False] * 5 + [True] * 6
    assert rows["early"].to_list() == [True] * 5 + [False] * 6
    assert rows["average"].to_list()[5:7] == [30.0, 25.0]
    assert rows["rotation"].to_list()[5:] == [True] * 5 + [False], "14 minutes on average before the last"
    assert rows["days_since_last"].to_list()[:7] == [None, 1, 1, 1, 1, 2, 1]
    assert not rows["lined"].any()


def test_recent_games_tell_more_where_a_role_has_changed() -> None:
    """Ten games of 10 minutes and 5 points, then ten of 30 and 15; `played` from the sixth on."""
    days, early = 20, 10
    logs = pl.DataFrame(
        {
            "SEASON_ID": [22023] * days,
            "PLAYER_ID": [1] * days,
            "GAME_ID": [f"{n:010}" for n in range(days)],
            "GAME_DATE": [f"2024-01-{n + 1:02}" for n in range(days)],
            "MIN": [10] * early + [30] * (days - early),
            "PTS": [5] * early + [15] * (days - early),
        }
    )
    found = recency(logs)
    by_season = [20 - 20 * after / (early + after) for after in range(days - early)]
    by_last_5 = [20, 16, 12, 8, 4]
    n = days - 5
    assert found["MAE of minutes by the season average, played"] == pytest.approx(sum(by_season) / n)
    assert found["MAE of minutes by the last 5 average, played"] == pytest.approx(sum(by_last_5) / n)
    assert found["MAE of points by the last 5 average, played"] == pytest.approx(sum(by_last_5) / 2 / n)


def test_figures_are_those_of_the_whole_frame() -> None:
    league = simulate_league(1, 3, n_teams=4, regular_games=12)
    found = figures(league["game-logs"])
    assert found["points of a player-game"] == pytest.approx(league["game-logs"]["PTS"].mean())
    assert 0 <= found["share of games with overtime"] < 0.3
