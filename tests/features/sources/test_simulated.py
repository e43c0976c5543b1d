"""The simulated league holds the rules of a real one, and is the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts.database import open_database
from contracts.errors import UsageError
from features.raw.ingest import ingest
from features.sources.simulated import KINDS, league_sources, simulate_league

Frames = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def league() -> Frames:
    """One season of thirty teams."""
    return simulate_league(1, seed=7)


@pytest.fixture(scope="module")
def small() -> Frames:
    """Two seasons of six teams."""
    return simulate_league(2, seed=3, n_teams=6, regular_games=20)


@pytest.fixture(scope="module")
def logs(league: Frames) -> pl.DataFrame:
    return league["game-logs"].with_columns(
        pl.col("GAME_DATE").str.to_date(), pl.col("MATCHUP").str.contains("vs.", literal=True).alias("is_home")
    )


@pytest.fixture(scope="module")
def team_games(logs: pl.DataFrame) -> pl.DataFrame:
    """One row a team and game."""
    return logs.group_by("GAME_ID", "TEAM_ID").agg(
        pl.first("SEASON_ID", "GAME_DATE", "is_home", "WL"),
        pl.len().alias("players"),
        pl.sum("PTS", "MIN", "PLUS_MINUS"),
    )


# ---------------------------------------------------------------- box scores
def test_box_scores_add_up(logs: pl.DataFrame) -> None:
    rules = {
        "points": pl.col("PTS") == 2 * pl.col("FGM") + pl.col("FG3M") + pl.col("FTM"),
        "rebounds": pl.col("REB") == pl.col("OREB") + pl.col("DREB"),
        "made of attempted": (pl.col("FGM") <= pl.col("FGA"))
        & (pl.col("FG3M") <= pl.col("FG3A"))
        & (pl.col("FTM") <= pl.col("FTA")),
        "threes are shots": (pl.col("FG3M") <= pl.col("FGM")) & (pl.col("FG3A") <= pl.col("FGA")),
        "six fouls": pl.col("PF") <= 6,
        "no percentage without a shot": pl.col("FG_PCT").is_null() == (pl.col("FGA") == 0),
        "percentage": (pl.col("FT_PCT") - pl.col("FTM") / pl.col("FTA")).abs().fill_nan(0).fill_null(0) < 0.001,
    }
    broken = logs.select(**{name: (~rule).sum() for name, rule in rules.items()}).row(0, named=True)
    assert broken == dict.fromkeys(rules, 0)


def test_whole_minutes_of_a_team_are_240_and_25_more_an_overtime(team_games: pl.DataFrame) -> None:
    overtimes = ((pl.col("MIN") - 240) / 25).round()
    off = team_games.select((pl.col("MIN") - 240 - 25 * overtimes).abs().max()).item()
    n_overtimes = team_games.select(overtimes.alias("n")).group_by("n").len().sort("n")
    assert off <= 5, "whole minutes of a dozen players round to within five of the team's"
    assert n_overtimes["n"].min() == 0
    assert n_overtimes["n"].max() >= 1


def test_a_few_rows_have_no_whole_minute(logs: pl.DataFrame) -> None:
    assert 0.001 < (logs["MIN"] == 0).mean() < 0.01


def test_both_teams_have_rows_and_the_one_with_more_points_won(team_games: pl.DataFrame) -> None:
    pairs = team_games.group_by("GAME_ID").agg(
        pl.len(),
        pl.sum("is_home"),
        pl.col("TEAM_ID").n_unique().alias("teams"),
        pl.col("WL").sort_by("PTS").alias("results"),
        pl.col("PTS").n_unique().alias("scores"),
    )
    assert pairs.select("len", "is_home", "teams", "scores").unique().rows() == [(2, 1, 2, 2)]
    assert pairs["results"].list.join("").unique().to_list() == ["LW"]


def test_plus_minus_of_a_team_is_five_times_its_margin(team_games: pl.DataFrame) -> None:
    other = team_games.select("GAME_ID", pl.col("TEAM_ID").alias("other"), pl.col("PTS").alias("theirs"))
    both = team_games.join(other, on="GAME_ID").filter(pl.col("TEAM_ID") != pl.col("other"))
    assert both.filter(pl.col("PLUS_MINUS") != 5 * (pl.col("PTS") - pl.col("theirs"))).is_empty()


def test_shot_zones_are_the_shots_of_the_box_score(league: Frames) -> None:
    zones = league["shot-zones"].join(league["game-logs"], on=["GAME_ID", "PLAYER_ID"], how="full", coalesce=True)
    for kind, box in (("A", "FGA"), ("M", "FGM")):
        total = pl.sum_horizontal(f"PAINT_FG{kind}", f"MID_RANGE_FG{kind}", f"THREE_FG{kind}")
        assert zones.filter((total != pl.col(box)).fill_null(True)).is_empty()
        assert zones.filter(pl.col(f"THREE_FG{kind}") != pl.col(f"FG3{kind}")).is_empty()


# ---------------------------------------------------------------- calendar
def test_every_team_plays_its_regular_games_half_of_them_at_home(logs: pl.DataFrame, team_games: pl.DataFrame) -> None:
    regular = team_games.filter(pl.col("SEASON_ID") == 22022).group_by("TEAM_ID").agg(pl.len(), pl.sum("is_home"))
    assert regular["len"].to_list() == [82] * 30
    assert regular["is_home"].is_between(38, 44).all()


def test_nobody_plays_twice_on_a_date(logs: pl.DataFrame, small: Frames) -> None:
    for games in (logs, small["game-logs"]):
        assert not games.select("PLAYER_ID", "GAME_DATE").is_duplicated().any()


def test_teams_play_back_to_backs_but_never_three_days_in_a_row(team_games: pl.DataFrame) -> None:
    regular = team_games.filter(pl.col("SEASON_ID") == 22022).sort("TEAM_ID", "GAME_DATE")
    gap = pl.col("GAME_DATE").diff().dt.total_days().over("TEAM_ID")
    repeated = regular.with_columns((gap == 1).alias("repeated"))
    back_to_backs = repeated.group_by("TEAM_ID").agg(pl.sum("repeated"))["repeated"]
    assert back_to_backs.is_between(8, 16).all()
    assert 11 <= float(back_to_backs.mean() or 0) <= 15
    third_day = pl.col("repeated") & pl.col("repeated").shift(1).over("TEAM_ID")
    assert repeated.filter(third_day).is_empty()
    assert regular.select(gap.max()).item() >= 6, "nobody plays during the all-star break"


def test_a_season_runs_from_october_to_april_with_at_most_15_games_an_evening(logs: pl.DataFrame) -> None:
    regular = logs.filter(pl.col("SEASON_ID") == 22022)
    assert str(regular["GAME_DATE"].min()) == "2022-10-18"
    assert "2023-03-31" < str(regular["GAME_DATE"].max()) < "2023-04-20"
    assert regular.group_by("GAME_DATE").agg(pl.col("GAME_ID").n_unique())["GAME_ID"].max() <= 15


@pytest.mark.parametrize(("which", "n_series"), [("league", 15), ("small", 3)])
def test_playoff_series_are_best_of_seven(which: str, n_series: int, request: pytest.FixtureRequest) -> None:
    logs = request.getfixturevalue(which)["game-logs"].filter(pl.col("SEASON_ID") == 42022)
    won = logs.filter(pl.col("WL") == "W").select("GAME_ID", "TEAM_ID").unique()
    series = won.group_by(pl.col("GAME_ID").str.slice(0, 9)).agg(
        pl.len().alias("games"), pl.col("TEAM_ID").unique_counts().max().alias("most"), pl.col("TEAM_ID").n_unique()
    )
    assert series.height == n_series
    assert series["most"].to_list() == [4] * n_series
    assert series["games"].is_between(4, 7).all()
    assert "0042200101" in won["GAME_ID"].to_list()


def test_the_schedule_has_every_game_with_a_tip_off_on_its_league_date(league: Frames, logs: pl.DataFrame) -> None:
    schedule = league["schedule"]
    assert schedule["game_id"].str.len_chars().unique().to_list() == [10]
    assert not schedule["game_id"].is_duplicated().any()
    assert set(schedule["game_id"]) == set(logs["GAME_ID"]) == set(league["game-lines"]["game_id"])
    local = schedule["tip_off_at"].dt.convert_time_zone("America/New_York")
    assert (local.dt.date() == schedule["game_date"]).all()
    homes = logs.filter("is_home").select("GAME_ID", "TEAM_ABBREVIATION").unique()
    assert homes.join(schedule, left_on=["GAME_ID", "TEAM_ABBREVIATION"], right_on=["game_id", "home"]).height == len(
        homes
    )


# ---------------------------------------------------------------- people
def test_some_players_are_traded_and_some_come_and_go_between_seasons(small: Frames) -> None:
    logs = small["game-logs"].with_columns((pl.col("SEASON_ID") % 10000).alias("season"))
    teams = logs.group_by("season", "PLAYER_ID").agg(pl.col("TEAM_ID").n_unique())
    assert (teams["TEAM_ID"] > 1).any()
    first, second = (set(logs.filter(pl.col("season") == season)["PLAYER_ID"]) for season in (2022, 2023))
    assert first - second, "somebody retired"
    assert second - first, "somebody is new"


def test_everybody_has_a_name_of_his_own_a_birth_date_and_a_position(small: Frames) -> None:
    players, positions = small["players"], small["positions"]
    assert set(small["game-logs"]["PLAYER_ID"]) <= set(players["PLAYER_ID"])
    assert not players["PLAYER_NAME"].is_duplicated().any()
    assert players["BIRTH_DATE"].str.to_date().is_not_null().all()
    assert set(positions["POSITION"]) == {"G", "F", "C"}
    assert positions["PLAYER_ID"].to_list() == players["PLAYER_ID"].to_list()


def test_who_is_listed_out_before_a_game_seldom_plays(league: Frames, logs: pl.DataFrame) -> None:
    entries = league["injuries"].select(pl.col("date").str.to_date(), "player_id", "status", "note").sort("date")
    before = logs.with_columns((pl.col("GAME_DATE").cast(pl.Date) - pl.duration(days=1)).cast(pl.Date).alias("eve"))
    known = before.sort("eve").join_asof(entries, left_on="eve", right_on="date", by_left="PLAYER_ID",
                                         by_right="player_id", check_sortedness=False)  # fmt: skip
    listed = known.filter(pl.col("status") == "out", ~pl.col("note").str.contains("DTD"))
    assert 0 < listed.height / logs.height < 0.06, "returns of the day itself are unknown before it"


def test_injuries_are_movements_out_and_back_some_of_them_day_to_day(league: Frames) -> None:
    entries = league["injuries"]
    assert set(entries["status"]) == {"out", "returned"}
    daily = entries.filter(pl.col("note").str.contains("(DTD)", literal=True))
    assert set(daily["status"]) == {"out"}
    assert 0.05 < daily.height / entries.height < 0.5
    assert entries["date"].is_sorted()


# ---------------------------------------------------------------- books
def test_lines_open_early_and_some_are_taken_in_the_last_hour_or_after_tip_off(league: Frames) -> None:
    lines = league["points-lines"].with_columns((pl.col("tip_off_at") - pl.col("captured_at")).alias("before"))
    hours = lines["before"].dt.total_minutes() / 60
    assert hours.max() > 20
    assert 0.005 < (hours < 0).mean() < 0.05
    assert 0.01 < hours.is_between(0, 1).mean() < 0.10
    first = lines.group_by("game_id", "player_id", "book").agg(pl.max("before"))
    assert (first["before"].dt.total_minutes() > 60).all()


def test_lines_are_half_points_of_several_books_with_american_prices(league: Frames) -> None:
    lines = league["points-lines"]
    assert (lines["line"] % 1 == 0.5).all()
    assert lines["book"].n_unique() >= 3
    assert not lines.select("game_id", "player_id", "book", "captured_at").is_duplicated().any()
    prices = lines.select(pl.col("over_price", "under_price").abs().is_between(100, 150).all()).row(0)
    assert prices == (True, True)
    assert 0 < lines["under_price"].null_count() < 0.02 * lines.height


def test_books_move_their_lines_and_some_lined_players_do_not_appear(league: Frames, logs: pl.DataFrame) -> None:
    lines = closing_lines(league["points-lines"])
    assert 0.1 < (lines["line"] != lines["opening"]).mean() < 0.6
    appeared = logs.select(game_id="GAME_ID", player_id="PLAYER_ID")
    void = lines.join(appeared, on=["game_id", "player_id"], how="anti")
    assert 0.02 < void.height / lines.height < 0.12


def test_a_line_taken_after_tip_off_has_seen_the_game(league: Frames) -> None:
    """Whoever lets such a line in gets better figures than anybody can: tests of the cut-off rely on it."""
    after = pl.col("captured_at") > pl.col("tip_off_at")
    points = league["game-logs"].select(game_id="GAME_ID", player_id="PLAYER_ID", points="PTS")
    lines = league["points-lines"].join(points, on=["game_id", "player_id"])
    error = (pl.col("line") - pl.col("points")).abs().mean()
    assert lines.filter(after).select(error).item() < 0.7 * lines.filter(~after).select(error).item()


# ---------------------------------------------------------------- the same for the same seed
def test_the_same_seed_gives_the_same_league(small: Frames) -> None:
    again = simulate_league(2, seed=3, n_teams=6, regular_games=20)
    assert tuple(again) == KINDS
    for kind in KINDS:
        assert_frame_equal(again[kind], small[kind])


def test_another_seed_gives_another_league(small: Frames) -> None:
    other = simulate_league(2, seed=4, n_teams=6, regular_games=20)
    for kind in KINDS:
        assert not other[kind].equals(small[kind])


def test_a_longer_league_begins_with_the_shorter_one(small: Frames) -> None:
    shorter = simulate_league(1, seed=3, n_teams=6, regular_games=20)
    for kind in KINDS:
        assert_frame_equal(shorter[kind], small[kind].head(shorter[kind].height))


@pytest.mark.parametrize("seed", range(4))
def test_small_leagues_of_every_size_can_be_played(seed: int) -> None:
    n_teams = (4, 6, 8, 12)[seed]
    logs = simulate_league(1, seed, n_teams=n_teams, regular_games=6 + seed)["game-logs"]
    assert logs["TEAM_ID"].n_unique() == n_teams
    assert logs.filter(pl.col("SEASON_ID") == 42022).height > 0


def test_what_cannot_be_simulated_is_refused_with_all_its_faults() -> None:
    with pytest.raises(UsageError, match=r"seasons = 0.*seed = -1.*teams = 7.*regular games = 1 ") as refusal:
        simulate_league(0, seed=-1, n_teams=7, regular_games=1)
    assert refusal.value.exit_code == 2


# ---------------------------------------------------------------- through the same door as files
def test_a_league_is_ingested_without_a_reject(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'tipoff.db'}")
    sources = league_sources(1, seed=3, n_teams=6, regular_games=20)
    reports = {kind: ingest(engine, kind, [source], tmp_path / "rejects") for kind, source in sources.items()}
    assert {kind: report.rejected for kind, report in reports.items()} == dict.fromkeys(KINDS, 0)
    assert {kind: report.rows for kind, report in reports.items()} == {
        kind: source.frame.height for kind, source in sources.items()
    }
    assert all(source.name.startswith("simulated") for source in sources.values())


def test_equal_leagues_have_equal_digests_and_others_do_not() -> None:
    one, again, other = (league_sources(1, seed, n_teams=4, regular_games=4) for seed in (1, 1, 2))
    assert [source.sha256 for source in one.values()] == [source.sha256 for source in again.values()]
    assert all(one[kind].sha256 != other[kind].sha256 for kind in KINDS)


def closing_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Per game and player the median over books of the last (`line`) and first (`opening`) line an hour ahead."""
    known = lines.filter(pl.col("captured_at") <= pl.col("tip_off_at") - pl.duration(minutes=60)).sort("captured_at")
    books = known.group_by("game_id", "player_id", "book").agg(pl.last("line"), pl.first("line").alias("opening"))
    return books.group_by("game_id", "player_id").agg(pl.median("line", "opening"))
