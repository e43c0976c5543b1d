"""The slate, the injury list, the points lines and the row of the feature table, rule by rule."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.database import insert_frame, open_database, writing
from contracts.errors import RefusedError
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features.builders.compute import compute
from features.builders.slate import games_without_results
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts, read_raw

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Story

ME, HOME, AWAY = 7, 1, 2
FEATURE_SET = load_feature_set("v2_33features")
SIDE = {ME: {"minutes": 30, "points": 20}, 8: {"minutes": 210, "points": 80}}
OTHERS = {8: {"minutes": 240, "points": 80}}
TIP_OFF = "2022-12-02T00:30:00+00:00"  # the evening of 2022-12-01 in New York


def store(raw: RawFacts) -> pl.DataFrame:
    return compute(raw, FEATURE_SET, FeatureSettings())["ml_feature_store"]


def expected(story: Story, game: str, **frames: object) -> set[int]:
    rows = story.made(**frames).filter(pl.col("is_expected") & (pl.col("game_id") == game))
    return set(rows["player_id"])


def entry(story: Story, status: str, day: date, captured: datetime | None = None) -> dict[str, Any]:
    rows = [{"player_id": ME, "reported_on": day, "status": status, "note": "", "captured_at": captured, "entry": 0}]
    return {"injuries": story.rows("injuries", rows), "ingested": frozenset({"game-logs", "injuries"})}


def lines(story: Story, game: str, *snapshots: tuple[str, int, float], own_tip_off: bool = False) -> dict[str, Any]:
    """Snapshots (book, minutes before tip-off, line) of my points in the game."""
    tip_off = datetime.fromisoformat(TIP_OFF)
    rows = [
        {"game_id": game, "player_id": ME, "book": book, "captured_at": tip_off - timedelta(minutes=minutes)}
        | {"line": line, "tip_off_at": tip_off if own_tip_off else None}
        for book, minutes, line in snapshots
    ]
    return {"points_lines": story.rows("points_lines", rows), "ingested": frozenset({"game-logs", "points-lines"})}


# ---------------------------------------------------------------- the slate
def test_a_player_is_expected_for_30_days_after_his_latest_appearance(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    on_day_30 = story.game("2022-12-01", HOME, AWAY, OTHERS)
    on_day_31 = story.game("2022-12-02", HOME, AWAY, OTHERS)
    assert (ME in expected(story, on_day_30), ME in expected(story, on_day_31)) == (True, False)


def test_a_player_is_expected_for_10_games_of_his_team(story: Story) -> None:
    games = [story.game(f"2022-11-{n:02d}", HOME, AWAY, SIDE if n == 1 else OTHERS) for n in range(1, 13)]
    assert [ME in expected(story, game) for game in games] == [False] + [True] * 10 + [False]


def test_who_appears_unexpectedly_is_a_row_that_says_so(story: Story) -> None:
    row = story.row(story.game("2022-11-01", HOME, AWAY, SIDE), ME)
    assert (row["state"], row["is_expected"]) == ("played", False)


def test_a_traded_player_is_expected_by_his_former_team_until_he_appears(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    story.game("2022-11-03", 3, 4, SIDE)
    before, after = story.game("2022-11-03", HOME, AWAY, OTHERS), story.game("2022-11-05", HOME, AWAY, OTHERS)
    assert (ME in expected(story, before), ME in expected(story, after)) == (True, False)


def test_who_meets_his_former_team_first_is_one_row_of_his_new_team(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    game = story.game("2022-11-03", HOME, AWAY, OTHERS, {ME: {"minutes": 240, "points": 50}})
    rows = story.made().filter((pl.col("game_id") == game) & (pl.col("player_id") == ME))
    assert rows.select("team_id", "opponent_id", "state", "is_expected", "home_away").rows() == [
        (AWAY, HOME, "played", True, 0.0)
    ]


@pytest.mark.parametrize(
    ("status", "is_there"), [("out", False), ("doubtful", False), ("questionable", True), ("available", True)]
)
def test_who_is_listed_out_is_not_expected(story: Story, status: str, is_there: bool) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    game = story.game("2022-11-03", HOME, AWAY, OTHERS)
    assert (ME in expected(story, game, **entry(story, status, date(2022, 11, 2)))) is is_there


def test_games_without_results_are_counted_and_nobody_is_expected_in_them(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    called_off = story.game("2022-11-03", HOME, AWAY, played=False)
    story.game("2022-11-05", HOME, AWAY, SIDE)
    to_come = story.game("2022-11-07", HOME, AWAY, played=False)
    assert games_without_results(story.facts())["game_id"].to_list() == [called_off]
    assert expected(story, called_off) == set()
    assert expected(story, to_come) == {ME, 8, AWAY * 1000}
    assert story.row(to_come, ME)["state"] == "scheduled"
    assert story.row(to_come, ME)["minutes"] is None


def test_the_late_games_of_a_date_whose_early_games_are_over_stay_on_the_slate(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    late = story.game("2022-11-03", HOME, AWAY, played=False)
    story.game("2022-11-03", 3, 4, {3001: {"minutes": 240}})
    assert games_without_results(story.facts()).is_empty()
    assert expected(story, late) == {ME, 8, AWAY * 1000}


def test_of_the_games_to_come_only_those_of_the_next_date_are_on_the_slate(story: Story) -> None:
    before = story.game("2022-11-01", HOME, AWAY, SIDE)
    near, far = (story.game(day, HOME, AWAY, played=False) for day in ("2022-11-03", "2022-11-04"))
    assert (bool(expected(story, near)), bool(expected(story, far))) == (True, False)
    assert set(story.made("team_defense_zone_analysis")["game_id"]) == {before, near}


def test_the_next_game_date_is_on_the_slate_after_a_break_of_a_week(story: Story) -> None:
    story.game("2023-02-16", HOME, AWAY, SIDE)
    after_the_break = story.game("2023-02-24", HOME, AWAY, played=False)
    assert expected(story, after_the_break) == {ME, 8, AWAY * 1000}


def test_what_is_left_of_a_date_half_played_does_not_hide_the_next(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    story.game("2022-11-03", 3, 4, {3001: {"minutes": 240}})
    late, next_day, far = (story.game(f"2022-11-0{n}", HOME, AWAY, played=False) for n in (3, 4, 5))
    assert [bool(expected(story, game)) for game in (late, next_day, far)] == [True, True, False]


def test_a_wider_horizon_changes_no_row_of_the_nearer_dates(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    for n in (3, 4, 6, 7):
        story.game(f"2022-11-0{n}", HOME, AWAY, played=False)
    near, far = (
        compute(story.facts(), FEATURE_SET, FeatureSettings(coming_game_dates=n))["ml_feature_store"] for n in (1, 3)
    )
    assert far["game_date"].n_unique() == near["game_date"].n_unique() + 2
    assert far.filter(pl.col("game_date").is_in(near["game_date"].unique().implode())).equals(near)


def test_box_scores_without_a_schedule_row_are_refused_not_taken_for_0(story: Story) -> None:
    game = story.game("2022-11-01", HOME, AWAY, SIDE)
    story.games.clear()
    with pytest.raises(RefusedError, match=game):
        store(story.facts())


def test_box_scores_of_one_team_only_are_refused(story: Story) -> None:
    game = story.game("2022-11-01", HOME, AWAY, SIDE)
    story.box = [line for line in story.box if line["team_id"] == HOME]
    with pytest.raises(RefusedError, match=f"one team only: {game}"):
        store(story.facts())


def test_a_schedule_without_any_result_makes_rows_for_nobody(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, played=False)
    frames = compute(story.facts(), FEATURE_SET, FeatureSettings())
    assert frames["ml_feature_store"].is_empty()
    assert frames["team_defense_zone_analysis"].height == 2


# ---------------------------------------------------------------- the injury list
@pytest.mark.parametrize(
    ("status", "risk"),
    [("available", 0), ("probable", 1), ("questionable", 2), ("day_to_day", 2), ("doubtful", 3), ("out", 3)],
)
def test_injury_risk_is_his_status_at_the_cut_off(story: Story, status: str, risk: int) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    game = story.game("2022-11-03", HOME, AWAY, SIDE)
    assert story.row(game, ME, **entry(story, status, date(2022, 11, 2)))["injury_risk"] == risk


def test_an_entry_stamped_with_the_games_own_day_is_not_known(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    game = story.game("2022-11-03", HOME, AWAY, SIDE)
    assert story.row(game, ME, **entry(story, "out", date(2022, 11, 3)))["injury_risk"] == 0


@pytest.mark.parametrize(("minutes", "risk"), [(61, 3), (60, 3), (59, 0), (-5, 0)])
def test_an_entry_with_a_time_is_known_if_captured_by_the_cut_off(story: Story, minutes: int, risk: int) -> None:
    story.game("2022-11-28", HOME, AWAY, SIDE)
    game = story.game("2022-12-01", HOME, AWAY, SIDE, tip_off=TIP_OFF)
    captured = datetime.fromisoformat(TIP_OFF) - timedelta(minutes=minutes)
    assert story.row(game, ME, **entry(story, "out", date(2022, 12, 1), captured))["injury_risk"] == risk


@pytest.mark.parametrize(("hour", "risk"), [(4, 3), (5, 0)])
def test_without_a_tip_off_a_time_counts_from_the_leagues_next_day(story: Story, hour: int, risk: int) -> None:
    """Midnight in New York is 05:00 UTC in December."""
    story.game("2022-11-28", HOME, AWAY, SIDE)
    game = story.game("2022-12-01", HOME, AWAY, SIDE)
    captured = datetime(2022, 12, 1, hour, tzinfo=UTC)
    assert story.row(game, ME, **entry(story, "out", date(2022, 11, 30), captured))["injury_risk"] == risk


def test_the_later_entry_of_a_day_wins(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    game = story.game("2022-11-03", HOME, AWAY, SIDE)
    rows = [
        {"player_id": ME, "reported_on": date(2022, 11, 2), "status": status, "note": "", "entry": n}
        for n, status in ((5, "available"), (3, "out"))
    ]
    frames = {"injuries": story.rows("injuries", rows), "ingested": frozenset({"injuries"})}
    assert story.row(game, ME, **frames)["injury_risk"] == 0


# ---------------------------------------------------------------- the points lines
@pytest.mark.parametrize("own_tip_off", [False, True])
def test_a_line_captured_after_the_cut_off_is_ignored(story: Story, own_tip_off: bool) -> None:
    story.game("2022-11-28", HOME, AWAY, SIDE)
    game = story.game("2022-12-01", HOME, AWAY, SIDE, tip_off=None if own_tip_off else TIP_OFF)
    snapshots = (("a", 600, 18.5), ("a", 60, 20.5), ("a", 59, 30.5), ("a", -10, 40.5), ("b", 30, 50.5))
    row = story.row(game, ME, **lines(story, game, *snapshots, own_tip_off=own_tip_off))
    assert (row["vegas_points_line"], row["vegas_opening_line"], row["vegas_line_move"]) == (20.5, 18.5, 2)
    assert (row["has_vegas_line"], row["line"]) == (1, 20.5)


def test_without_a_tip_off_there_is_no_line(story: Story) -> None:
    story.game("2022-11-28", HOME, AWAY, SIDE)
    game = story.game("2022-12-01", HOME, AWAY, SIDE)
    row = story.row(game, ME, **lines(story, game, ("a", 600, 18.5)))
    assert (row["vegas_points_line"], row["has_vegas_line"], row["line"]) == (None, 0, None)
    assert "no_line:vegas_points_line,vegas_opening_line,vegas_line_move" in row["missing"]


def test_the_line_is_the_median_of_each_books_latest(story: Story) -> None:
    story.game("2022-11-28", HOME, AWAY, SIDE)
    game = story.game("2022-12-01", HOME, AWAY, SIDE, tip_off=TIP_OFF)
    snapshots = (("a", 500, 10.5), ("a", 100, 20.5), ("b", 400, 21.5), ("b", 400, 22.5), ("c", 90, 30.5))
    row = story.row(game, ME, **lines(story, game, *snapshots))
    assert (row["vegas_points_line"], row["vegas_opening_line"]) == (22, 22)  # b's two of one instant are 22
    row = story.row(game, ME, **lines(story, game, *snapshots[:4]))
    assert (row["vegas_points_line"], row["vegas_opening_line"]) == (21.25, 16.25)


def test_without_the_source_lines_are_absent(story: Story) -> None:
    story.game("2022-11-28", HOME, AWAY, SIDE)
    reasons = dict(
        part.split(":") for part in story.row(story.game("2022-12-01", HOME, AWAY, SIDE), ME)["missing"].split(";")
    )
    assert {"vegas_points_line", "vegas_opening_line", "vegas_line_move"} <= set(reasons["no_source"].split(","))


# ---------------------------------------------------------------- the row
def test_the_row_counts_the_games_its_windows_hold_and_names_its_latest_source(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, SIDE)
    story.game("2022-11-03", HOME, 3, OTHERS)
    row = story.row(story.game("2022-11-05", HOME, AWAY, SIDE), ME)
    assert json.loads(row["window_games"]) == {"last_5": 1, "last_10": 1, "season": 1, "team": 2, "opponent": 1}
    assert row["max_source_date"] == date(2022, 11, 3)


def test_playoffs_are_told_from_the_season_type(story: Story) -> None:
    story.game("2023-04-10", HOME, AWAY, SIDE)
    regular = story.game("2023-04-12", HOME, AWAY, SIDE)
    playoffs = story.game("2023-04-16", HOME, AWAY, SIDE, kind="playoffs")
    rows = [story.row(game, ME) for game in (regular, playoffs)]
    assert [row["playoff_game"] for row in rows] == [0, 1]
    assert rows[1]["n_active_games_season"] == 2


def test_every_frame_has_exactly_the_columns_of_its_table_and_fits_it(small_league: RawFacts, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'tipoff.db'}")
    table = tables.feature_table(FEATURE_SET)
    table.create(engine)
    own = {"row_hash": 1, "from_build": 1, "to_build": None}
    for name, frame in compute(small_league, FEATURE_SET, FeatureSettings()).items():
        made = table if name == "ml_feature_store" else tables.metadata.tables[name]
        own_of = {"settled_build": None, **own} if made is table else own
        assert [*frame.columns, *own_of] == [column.name for column in made.columns]
        with writing(engine) as connection:
            insert_frame(
                connection, made, frame.with_columns(pl.lit(1).alias("row_hash"), pl.lit(1).alias("from_build"))
            )
            assert connection.execute(sa.select(sa.func.count()).select_from(made)).scalar_one() == frame.height


def test_what_is_read_from_the_database_is_what_was_written(small_league: RawFacts, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'tipoff.db'}")
    names = ("games", "player_games", "shot_zones", "points_lines", "injuries", "players")
    with writing(engine) as connection:
        for name in names:
            insert_frame(connection, tables.metadata.tables[name], getattr(small_league, name))
        connection.execute(
            tables.ingests.insert(),
            [
                {"kind": kind, "source": "x", "sha256": "y", "n_rows": 1, "n_changed": 1, "n_rejected": 0}
                | {"ingested_at": datetime(2024, 1, 1, tzinfo=UTC)}
                for kind in (*small_league.ingested, "injuries")
            ],
        )
    with engine.connect() as connection:
        raw = read_raw(connection)
    assert raw.ingested == small_league.ingested
    for name in names:
        key = [column.name for column in tables.metadata.tables[name].primary_key]
        assert getattr(raw, name).sort(key).equals(getattr(small_league, name).sort(key)), name
    assert store(raw).equals(store(small_league))


def test_a_smaller_feature_set_has_its_columns_and_still_knows_the_line(small_league: RawFacts) -> None:
    smaller = FeatureSet("mine", tuple(FEATURE_SET.features[place] for place in (15, 0)))
    made = compute(small_league, smaller, FeatureSettings())["ml_feature_store"]
    whole = store(small_league)
    assert made.columns == [column.name for column in tables.feature_table(smaller).columns][: made.width]
    assert made.select("home_away", "points_avg_last_5", "line").equals(
        whole.select("home_away", "points_avg_last_5", "line")
    )


def test_nothing_ingested_makes_empty_frames(story: Story) -> None:
    assert all(frame.is_empty() for frame in compute(story.facts(), FEATURE_SET, FeatureSettings()).values())
