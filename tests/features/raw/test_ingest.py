"""What is ingested is true, what is refused says why, and a call does all or nothing."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.errors import TipoffError, UnavailableError, UsageError
from features.raw import ingest as ingest_module
from features.raw.ingest import IngestReport, ingest
from features.sources.files import Source, read_file

Rows = list[dict[str, Any]]
Put = Callable[..., IngestReport]
MakeGame = Callable[..., Rows]
Contents = Callable[..., Rows]

RAW_TABLES = (
    tables.games,
    tables.player_games,
    tables.teams,
    tables.players,
    tables.game_lines,
    tables.points_lines,
    tables.injuries,
    tables.shot_zones,
)
LISTED: dict[str, Any] = {
    "game_id": "0022300009",
    "season": "2023-24",
    "game_date": "2023-11-05",
    "home": "BOS",
    "away": "ATL",
    "spread_home": "-4.5",
    "total": "220",
    "spread_home_morning": None,
    "total_morning": None,
    "tip_off_at": "2023-11-06 00:30:00+00:00",
}
LINE: dict[str, Any] = {
    "game_id": "0022300001",
    "player_id": "371",
    "book": "betmgm",
    "captured_at": "2023-11-01T15:00:00Z",
    "tip_off_at": "2023-11-01T23:00:00Z",
    "line": "17.5",
    "over_price": "-110",
    "under_price": None,
}
INJURY: dict[str, Any] = {"date": "2023-11-01", "player_id": "371", "status": "out", "note": "sore knee"}


# ---------------------------------------------------------------- game logs
def test_a_box_score_fills_games_player_games_teams_and_players(put: Put, game: MakeGame, contents: Contents) -> None:
    report = put("game-logs", game())
    assert (report.rows, report.changed, report.rejected, report.repeated) == (6, 6, 0, 0)
    assert (report.games, report.player_games, report.reasons, report.rejects_path) == (1, 6, {}, None)
    (only_game,) = contents(tables.games)
    assert only_game == {
        "game_id": "0022300001",
        "season": 2023,
        "season_type": "regular",
        "game_date": date(2023, 11, 1),
        "home_team_id": 1610612737,
        "away_team_id": 1610612738,
        "tip_off_at": None,
    }
    first = contents(tables.player_games)[0]
    assert (first["player_id"], first["team_id"], first["opponent_id"]) == (371, 1610612737, 1610612738)
    assert (first["is_home"], first["won"], first["minutes"], first["points"]) == (True, True, 30, 17)
    assert (first["fg3a"], first["rebounds"], first["fouls"], first["plus_minus"]) == (5, 5, 3, 4)
    assert contents(tables.teams)[1] == {"team_id": 1610612738, "abbreviation": "BOS", "name": "Boston Celtics"}
    assert contents(tables.players)[0] == {"player_id": 371, "name": "ATL 1", "position": None, "birth_date": None}


def test_numbers_and_dates_of_a_typed_frame_mean_what_their_text_means(
    put: Put, game: MakeGame, contents: Contents
) -> None:
    text = pl.DataFrame(game())
    counts = [
        name for name in text.columns if name not in ("PLAYER_NAME", "TEAM_ABBREVIATION", "TEAM_NAME", "MATCHUP", "WL")
    ]
    typed = text.with_columns(
        pl.col(name).cast(pl.Float64 if name in ("MIN", "FG_PCT") else pl.Int64)
        for name in counts
        if name != "GAME_DATE"
    ).with_columns(pl.col("GAME_DATE").str.to_date(), pl.col("TEAM_NAME").cast(pl.Categorical))
    put("game-logs", text)
    before = contents(tables.player_games)
    assert put("game-logs", typed).changed == 0
    assert contents(tables.player_games) == before


@pytest.mark.parametrize(
    ("season_id", "season_type"),
    [("22023", "regular"), ("42023", "playoffs"), ("52023", "play_in"), ("62023", "cup_final")],
)
def test_the_first_digit_of_the_season_id_is_the_type_of_season(
    put: Put, game: MakeGame, contents: Contents, season_id: str, season_type: str
) -> None:
    put("game-logs", game(season_id=season_id))
    assert {row["season_type"] for row in contents(tables.player_games) + contents(tables.games)} == {season_type}


def test_an_id_that_lost_its_zeros_is_the_same_game(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    assert put("game-logs", game(game_id="22300001")).changed == 0
    assert [row["game_id"] for row in contents(tables.games)] == ["0022300001"]


def test_ingesting_twice_changes_nothing_and_both_are_in_the_book(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    before = [contents(table) for table in RAW_TABLES]
    again = put("game-logs", game())
    assert (again.rows, again.changed, again.rejected) == (6, 0, 0)
    assert [contents(table) for table in RAW_TABLES] == before
    assert [(row["n_rows"], row["n_changed"]) for row in contents(tables.ingests)] == [(6, 6), (6, 0)]


def test_a_corrected_row_replaces_the_one_with_its_key(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    corrected = game()[0] | {"AST": "9"}
    report = put("game-logs", [corrected])
    assert (report.rows, report.changed, report.rejected) == (1, 1, 0)
    assert [row["assists"] for row in contents(tables.player_games)] == [9, 3, 3, 3, 3, 3]


def test_a_correction_of_the_team_reaches_the_opponents_rows(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    chicago = [row | {"TEAM_ID": "1610612741"} for row in game()[:3]]
    assert put("game-logs", chicago).rejected == 0
    assert {(row["team_id"], row["opponent_id"]) for row in contents(tables.player_games)} == {
        (1610612741, 1610612738),
        (1610612738, 1610612741),
    }
    assert contents(tables.games)[0]["home_team_id"] == 1610612741


def test_the_same_file_twice_in_one_call_counts_as_repeated(put: Put, game: MakeGame) -> None:
    report = put("game-logs", game(), game() + game())
    assert (report.rows, report.changed, report.rejected, report.repeated) == (6, 6, 0, 12)


def test_rows_of_one_key_that_differ_are_all_rejected(put: Put, game: MakeGame, contents: Contents) -> None:
    report = put("game-logs", [*game(), game()[0] | {"AST": "9"}])
    assert (report.rows, report.rejected) == (5, 2)
    assert report.reasons == {"the same key with other values": 2}
    assert 371 not in {row["player_id"] for row in contents(tables.player_games)}


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"SEASON_ID": "12023"}, "preseason game", "SEASON_ID 12023"),
        ({"SEASON_ID": "32023"}, "all-star game", "SEASON_ID 32023"),
        ({"SEASON_ID": "72023"}, "unknown type of season", "type of season 7"),
        ({"SEASON_ID": "29999"}, "unknown season", "SEASON_ID 29999"),
        ({"SEASON_ID": "22021"}, "date outside its season", "GAME_DATE 2023-11-01 is outside"),
        ({"PTS": "18"}, "points do not add up", "2 x 6 FGM + 2 FG3M + 3 FTM is not 18 PTS"),
        ({"REB": "6"}, "rebounds do not add up", "1 OREB + 4 DREB is not 6 REB"),
        ({"FGA": "5", "FG3A": "5"}, "more fgm than fga", "6 FGM made of 5 FGA"),
        ({"FG3A": "1"}, "more fg3m than fg3a", "2 FG3M made of 1 FG3A"),
        ({"FTA": "2"}, "more ftm than fta", "3 FTM made of 2 FTA"),
        ({"FG3A": "13"}, "more fg3a than fga", "13 FG3A of 12 FGA"),
        ({"AST": "-1"}, "AST is negative", "AST -1 is negative"),
        ({"AST": "201"}, "AST is out of range", "AST 201 is more than 200"),
        ({"AST": "1e30"}, "AST is not a whole number", "AST '1e30'"),
        ({"AST": "9" * 40}, "AST is not a whole number", "AST '9999"),
        ({"AST": "2.5"}, "AST is not a whole number", "AST '2.5'"),
        ({"PTS": "abc"}, "PTS is not a whole number", "PTS 'abc'"),
        ({"MIN": None}, "MIN is missing", "MIN is missing"),
        ({"MIN": "34:12"}, "MIN is not a whole number", "MIN '34:12'"),
        ({"PLAYER_ID": "0"}, "PLAYER_ID is out of range", "PLAYER_ID 0"),
        ({"PLAYER_ID": str(2**31)}, "PLAYER_ID is out of range", "PLAYER_ID 2147483648"),
        ({"PLAYER_NAME": "  "}, "PLAYER_NAME is missing", "PLAYER_NAME is missing"),
        ({"GAME_DATE": "2023-02-30"}, "GAME_DATE is not a date (2024-03-01)", "GAME_DATE '2023-02-30'"),
        ({"GAME_DATE": "11/01/2023"}, "GAME_DATE is not a date (2024-03-01)", "GAME_DATE '11/01/2023'"),
        ({"GAME_ID": "20231101_BOS@ATL"}, "GAME_ID is not a 10-digit game id", "GAME_ID '20231101_BOS@ATL'"),
        ({"GAME_ID": "7"}, "GAME_ID is not a 10-digit game id", "GAME_ID '7'"),
        ({"MATCHUP": "ATL v BOS"}, "MATCHUP is not a matchup", "MATCHUP 'ATL v BOS'"),
        ({"WL": "T"}, "WL is not W or L", "WL 'T'"),
    ],
)
def test_a_faulty_row_is_kept_aside_with_its_reason_and_the_others_go_in(
    put: Put, game: MakeGame, contents: Contents, change: dict[str, str | None], reason: str, words: str
) -> None:
    rows = game()
    rows[1] |= change
    report = put("game-logs", rows)
    assert (report.rows, report.rejected, report.reasons) == (5, 1, {reason: 1})
    assert len(contents(tables.player_games)) == 5
    assert report.rejects_path is not None
    with report.rejects_path.open(newline="") as file:
        (kept,) = csv.DictReader(file)
    assert kept["rejected from"] == "source 1"
    assert kept["rejected row"] == "2"
    assert words in kept["rejected because"]
    name, value = next(iter(change.items()))
    assert kept[name] == (value or "")


def test_all_faults_of_a_row_stand_together(put: Put, game: MakeGame) -> None:
    rows = game()
    rows[0] |= {"PTS": "x", "AST": "-2", "WL": "?"}
    report = put("game-logs", rows)
    assert report.rejected == 1
    assert report.reasons == {"AST is negative": 1, "PTS is not a whole number": 1, "WL is not W or L": 1}
    assert report.rejects_path is not None
    assert report.rejects_path.read_text().count("; ") == 2


def test_the_same_rejects_are_the_same_file(put: Put, game: MakeGame) -> None:
    rows = game()
    rows[0] |= {"PTS": "x"}
    first, second = put("game-logs", rows), put("game-logs", rows)
    assert first.rejects_path == second.rejects_path
    assert first.rejects_path is not None
    assert [path.name for path in first.rejects_path.parent.iterdir()] == [first.rejects_path.name]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda rows: rows[:3], "rows of only one team"),
        (lambda rows: [*rows[:5], rows[5] | {"TEAM_ID": "1610612741"}], "rows of more than two teams"),
        (lambda rows: [*rows[:5], rows[5] | {"GAME_DATE": "2023-11-02"}], "a game on several dates"),
        (lambda rows: [*rows[:5], rows[5] | {"SEASON_ID": "42023"}], "a game of several seasons"),
        (lambda rows: [row | {"MATCHUP": "ATL vs. BOS"} for row in rows], "no one home and one away team"),
        (lambda rows: [row | {"WL": "W"} for row in rows], "no one winner"),
        (lambda rows: [*rows[:5], rows[5] | {"WL": "W"}], "no one winner"),
    ],
    ids=["one team", "three teams", "two dates", "two seasons", "two homes", "two winners", "a team in two minds"],
)
def test_a_game_whose_teams_do_not_agree_is_rejected_whole(
    put: Put, game: MakeGame, contents: Contents, spoil: Callable[[Rows], Rows], reason: str
) -> None:
    spoiled = spoil(game())
    report = put("game-logs", spoiled, game(game_id="0022300002", date="2023-11-03"))
    assert (report.rows, report.rejected) == (6, len(spoiled))
    assert report.reasons == {reason: len(spoiled)}
    assert {row["game_id"] for row in contents(tables.player_games)} == {"0022300002"}
    assert {row["game_id"] for row in contents(tables.games)} == {"0022300002"}


def test_a_game_that_contradicts_what_is_known_of_it_leaves_that_alone(
    put: Put, game: MakeGame, contents: Contents
) -> None:
    put("game-logs", game())
    before = contents(tables.player_games)
    assert put("game-logs", [game()[0] | {"GAME_DATE": "2023-11-02"}]).reasons == {"a game on several dates": 1}
    assert contents(tables.player_games) == before


def test_a_game_without_a_result_has_no_winner_rather_than_a_loser(
    put: Put, game: MakeGame, contents: Contents
) -> None:
    put("game-logs", [row | {"WL": None, "PLUS_MINUS": ""} for row in game()])
    assert {(row["won"], row["plus_minus"]) for row in contents(tables.player_games)} == {(None, None)}


def test_names_are_those_of_the_latest_game_and_an_old_file_brings_no_old_name_back(
    put: Put, game: MakeGame, contents: Contents
) -> None:
    old = [row | {"PLAYER_NAME": "Old", "TEAM_NAME": "Old"} for row in game()]
    new = game(game_id="0022300002", date="2023-12-01")
    new[0] |= {"PLAYER_NAME": "Dāvis Bertāns"}
    put("game-logs", old)
    assert put("game-logs", new).changed == 6
    assert put("game-logs", old).changed == 0
    assert contents(tables.players)[0]["name"] == "Dāvis Bertāns"
    assert {row["name"] for row in contents(tables.teams)} == {"Atlanta Hawks", "Boston Celtics"}


def test_a_name_alone_can_be_corrected_and_that_is_a_change(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    report = put("game-logs", [game()[0] | {"PLAYER_NAME": "Renamed"}])
    assert report.changed == 1
    assert contents(tables.players)[0]["name"] == "Renamed"


def test_a_name_never_erases_position_and_birth_date(put: Put, game: MakeGame, contents: Contents) -> None:
    put("positions", [{"PLAYER_ID": "371", "POSITION": "G"}])
    put("players", [{"PLAYER_ID": "371", "PLAYER_NAME": None, "BIRTH_DATE": "1999-05-01"}])
    put("game-logs", game())
    assert contents(tables.players)[0] == {
        "player_id": 371,
        "name": "ATL 1",
        "position": "G",
        "birth_date": date(1999, 5, 1),
    }


# ---------------------------------------------------------------- schedule and game lines
def test_game_lines_are_the_schedule_of_games_not_yet_played(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    report = put("game-lines", [LISTED, LISTED | {"game_id": "0022300001", "game_date": "2023-11-01", "home": "ATL",
                                                  "away": "BOS", "tip_off_at": "2023-11-01T23:00:00Z"}])  # fmt: skip
    assert (report.rows, report.changed, report.rejected, report.games) == (2, 2, 0, 2)
    played, scheduled = contents(tables.games)
    assert played["tip_off_at"] == datetime(2023, 11, 1, 23, tzinfo=UTC)
    assert scheduled == {
        "game_id": "0022300009",
        "season": 2023,
        "season_type": "regular",
        "game_date": date(2023, 11, 5),
        "home_team_id": 1610612738,
        "away_team_id": 1610612737,
        "tip_off_at": datetime(2023, 11, 6, 0, 30, tzinfo=UTC),
    }
    assert contents(tables.game_lines)[1]["spread_home"] == -4.5
    assert contents(tables.game_lines)[1]["total_morning"] is None
    assert put("game-lines", [LISTED]).changed == 0
    assert put("game-lines", [LISTED | {"total": "221.5"}]).changed == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"game_id": "20200817_PHI@BOS"}, "game_id is not a 10-digit game id"),
        ({"game_id": "0012300009"}, "preseason game"),
        ({"game_id": "0032300009"}, "all-star game"),
        ({"season": "2023"}, "season is not a season"),
        ({"season": "2023-25"}, "season is not a season"),
        ({"season": "2021-22"}, "date outside its season"),
        ({"home": "XYZ"}, "home team is unknown"),
        ({"away": "XYZ"}, "away team is unknown"),
        ({"away": "BOS"}, "home and away are one team"),
        ({"total": "22"}, "total is out of range"),
        ({"spread_home": "inf"}, "spread_home is out of range"),
        ({"spread_home": "pick"}, "spread_home is not a number"),
        ({"tip_off_at": "2023-11-06 20:30"}, "tip_off_at is not a time with its zone (2024-03-02T00:30:00Z)"),
        ({"tip_off_at": "2023-11-07T00:30:00Z"}, "tip_off_at is on another day"),
    ],
)
def test_a_faulty_game_line_is_rejected(
    put: Put, game: MakeGame, contents: Contents, change: dict[str, str], reason: str
) -> None:
    put("game-logs", game())
    assert put("game-lines", [LISTED | change]).reasons == {reason: 1}
    assert contents(tables.game_lines) == []
    assert len(contents(tables.games)) == 1


def test_a_line_of_other_teams_than_the_box_scores_is_rejected(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    swapped = LISTED | {"game_id": "0022300001", "game_date": "2023-11-01", "tip_off_at": None}
    assert put("game-lines", [swapped]).reasons == {"home and away are not the box scores'": 1}
    assert contents(tables.game_lines) == []


def test_a_postponed_game_takes_the_box_scores_date_and_loses_the_tip_off_of_the_old_day(
    put: Put, game: MakeGame, contents: Contents
) -> None:
    put("game-logs", game())
    put("game-lines", [LISTED])
    put("game-logs", game(game_id="0022300009", date="2023-12-20", home="BOS", away="ATL"))
    moved = contents(tables.games)[1]
    assert (moved["game_date"], moved["tip_off_at"]) == (date(2023, 12, 20), None)
    assert put("game-lines", [LISTED]).changed == 0
    assert contents(tables.games)[1] == moved


def test_box_scores_keep_the_tip_off_that_was_known(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    put("game-lines", [LISTED])
    put("game-logs", game(game_id="0022300009", date="2023-11-05", home="BOS", away="ATL"))
    assert contents(tables.games)[1]["tip_off_at"] == datetime(2023, 11, 6, 0, 30, tzinfo=UTC)


def test_a_schedule_names_its_season_in_the_game_id(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    names = ("game_id", "game_date", "home", "away", "tip_off_at")
    row = {name: LISTED[name] for name in names} | {
        "game_id": "0042300101",
        "game_date": "2024-04-20",
        "tip_off_at": None,
    }
    report = put("schedule", [row])
    assert (report.rows, report.changed, report.games) == (1, 1, 1)
    assert (contents(tables.games)[1]["season"], contents(tables.games)[1]["season_type"]) == (2023, "playoffs")
    assert put("schedule", [row]).changed == 0
    moved = put("schedule", [row | {"game_date": "2024-04-21", "tip_off_at": "2024-04-21T19:00:00.000000+0000"}])
    assert moved.changed == 1
    assert contents(tables.games)[1]["tip_off_at"] == datetime(2024, 4, 21, 19, tzinfo=UTC)


def test_lines_before_any_team_is_known_say_what_to_ingest_first(put: Put) -> None:
    report = put("game-lines", [LISTED])
    assert report.rows == 0
    assert report.rejects_path is not None
    assert "home team 'BOS' is unknown: ingest game logs first" in report.rejects_path.read_text()


# ---------------------------------------------------------------- points lines
def test_a_points_line_keeps_book_capture_and_prices_and_needs_no_game(put: Put, contents: Contents) -> None:
    report = put("points-lines", [LINE, LINE | {"captured_at": "2023-11-01T10:00:00-05:00", "line": 18.5}])
    assert (report.rows, report.changed, report.games, report.player_games) == (2, 2, 1, 1)
    assert contents(tables.points_lines)[0] == {
        "game_id": "0022300001",
        "player_id": 371,
        "book": "betmgm",
        "captured_at": datetime(2023, 11, 1, 15, tzinfo=UTC),
        "line": 17.5,
        "tip_off_at": datetime(2023, 11, 1, 23, tzinfo=UTC),
        "over_price": -110.0,
        "under_price": None,
    }
    assert put("points-lines", [LINE]).changed == 0
    assert put("points-lines", [LINE | {"over_price": "-115"}]).changed == 1
    assert len(contents(tables.points_lines)) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"captured_at": None}, "captured_at is missing"),
        ({"captured_at": "2023-11-01"}, "captured_at is not a time with its zone (2024-03-02T00:30:00Z)"),
        ({"captured_at": "2023-11-01T15:00:00"}, "captured_at is not a time with its zone (2024-03-02T00:30:00Z)"),
        ({"line": "0"}, "line is out of range"),
        ({"line": "100"}, "line is out of range"),
        ({"line": "nan"}, "line is not a number"),
        ({"line": None}, "line is missing"),
        ({"book": ""}, "book is missing"),
        ({"over_price": "1.91"}, "over_price is not an American price"),
    ],
)
def test_a_faulty_points_line_is_rejected(
    put: Put, contents: Contents, change: dict[str, str | None], reason: str
) -> None:
    report = put("points-lines", [LINE | change, LINE | {"player_id": "372"}])
    assert (report.rows, report.reasons) == (1, {reason: 1})
    assert len(contents(tables.points_lines)) == 1


def test_a_column_of_times_without_a_zone_is_rejected_row_by_row(put: Put) -> None:
    frame = pl.DataFrame([LINE | {"captured_at": datetime(2023, 11, 1, 15)}])  # noqa: DTZ001 the fault that is planted
    assert put("points-lines", frame).reasons == {"captured_at is not a time with its zone (2024-03-02T00:30:00Z)": 1}


# ---------------------------------------------------------------- injuries, positions, players, shot zones
@pytest.mark.parametrize(
    ("status", "note", "kept"),
    [
        ("returned", "activated", "available"),
        ("out", "sore knee (DTD)", "day_to_day"),
        ("out", "torn ligament (out for season)", "out"),
        *((name, "", name) for name in ("probable", "questionable", "doubtful", "available", "day_to_day")),
        ("probable", "sore knee (DTD)", "probable"),
    ],
)
def test_a_status_as_published_is_kept_as_ours(put: Put, contents: Contents, status: str, note: str, kept: str) -> None:
    assert put("injuries", [INJURY | {"status": status, "note": note}]).rejected == 0
    assert [row["status"] for row in contents(tables.injuries)] == [kept]


def test_an_unknown_status_is_rejected(put: Put) -> None:
    assert put("injuries", [INJURY | {"status": "fine"}]).reasons == {"status is unknown": 1}


def _places(contents: Contents) -> dict[str, int]:
    return {row["note"]: row["entry"] for row in contents(tables.injuries)}


def test_entries_of_a_day_keep_the_order_of_the_source_and_a_repeated_one_stands_where_it_stood_last(
    put: Put, contents: Contents
) -> None:
    out, back = INJURY | {"note": "out"}, INJURY | {"status": "returned", "note": "back"}
    report = put("injuries", [out, back, INJURY | {"date": "2023-11-02", "note": "next day"}, out])
    assert (report.rows, report.repeated, report.rejected) == (3, 1, 0)
    assert _places(contents) == {"back": 0, "out": 1, "next day": 0}


def test_entries_that_come_later_stand_later_and_an_older_file_does_not_move_them(put: Put, contents: Contents) -> None:
    first, second, third = (INJURY | {"note": note} for note in ("first", "second", "third"))
    put("injuries", [first])
    assert put("injuries", [first, second]).changed == 1
    assert put("injuries", [third]).changed == 1
    assert _places(contents) == {"first": 0, "second": 1, "third": 2}
    assert put("injuries", [first]).changed == 0
    assert put("injuries", [third, second, first]).changed == 2
    assert _places(contents) == {"third": 0, "second": 1, "first": 2}


def test_an_entry_seen_again_is_known_since_its_first_capture(put: Put, contents: Contents) -> None:
    at = [f"2023-11-01T{hour}:00:00Z" for hour in ("12", "15", "18")]
    put("injuries", [INJURY | {"captured_at": at[1]}, INJURY | {"captured_at": at[2]}])
    assert put("injuries", [INJURY | {"captured_at": at[2]}]).changed == 0
    assert put("injuries", [INJURY]).changed == 0
    assert contents(tables.injuries)[0]["captured_at"] == datetime(2023, 11, 1, 15, tzinfo=UTC)
    assert put("injuries", [INJURY | {"captured_at": at[0]}]).changed == 1
    assert contents(tables.injuries)[0]["captured_at"] == datetime(2023, 11, 1, 12, tzinfo=UTC)


def test_positions_and_birth_dates_meet_in_one_player(put: Put, contents: Contents) -> None:
    put("positions", [{"PLAYER_ID": 1, "POSITION": "C"}, {"PLAYER_ID": 2, "POSITION": "G-F"}])
    report = put("players", [{"PLAYER_ID": 1, "PLAYER_NAME": "Jokić", "BIRTH_DATE": "1995-02-19T00:00:00"}])
    assert (report.rows, report.changed, report.games, report.player_games) == (1, 1, 0, 0)
    assert contents(tables.players) == [
        {"player_id": 1, "name": "Jokić", "position": "C", "birth_date": date(1995, 2, 19)}
    ]
    assert put("players", [{"PLAYER_ID": 1, "PLAYER_NAME": None, "BIRTH_DATE": None}]).changed == 0


def test_shot_zones_count_attempts_and_makes(put: Put, contents: Contents) -> None:
    row = {"GAME_ID": 22300001, "PLAYER_ID": 371, "PAINT_FGA": 5, "PAINT_FGM": 3, "MID_RANGE_FGA": 2,
           "MID_RANGE_FGM": 1, "THREE_FGA": 4, "THREE_FGM": 2}  # fmt: skip
    report = put("shot-zones", [row, row | {"PLAYER_ID": 372, "PAINT_FGM": 6}])
    assert (report.rows, report.rejected, report.player_games) == (1, 1, 1)
    assert report.reasons == {"more paint_made than paint_attempts": 1}
    stored = contents(tables.shot_zones)[0]
    assert (stored["game_id"], stored["paint_attempts"], stored["paint_made"], stored["three_made"]) == (
        "0022300001",
        5,
        3,
        2,
    )


# ---------------------------------------------------------------- usage
def test_every_missing_column_of_every_source_is_named(put: Put, game: MakeGame) -> None:
    rows = pl.DataFrame(game())
    with pytest.raises(UsageError) as refusal:
        put("game-logs", rows.drop("PTS", "WL"), rows.drop("MIN"))
    assert "source 1 lacks the columns WL, PTS; source 2 lacks the column MIN" in refusal.value.message
    assert "A game-logs source has SEASON_ID, PLAYER_ID" in str(refusal.value.remedy)


def test_a_source_of_another_kind_is_recognised(put: Put) -> None:
    with pytest.raises(UsageError, match="It has the columns of points-lines"):
        put("game-logs", [LINE])


def test_an_unknown_kind_is_refused_with_those_there_are(put: Put) -> None:
    with pytest.raises(UsageError, match=r"'box-scores' is not a kind of source\. Choose one of game-logs, game-lines"):
        put("box-scores", [LINE])


def test_a_header_without_rows_and_a_call_without_sources_are_refused(put: Put, game: MakeGame) -> None:
    with pytest.raises(UsageError, match="source 2: a header but no rows"):
        put("game-logs", game(), pl.DataFrame(game()).clear())
    with pytest.raises(UsageError, match="nothing to ingest"):
        put("game-logs")


def test_nested_values_are_refused(put: Put) -> None:
    with pytest.raises(UsageError, match="the column line holds List"):
        put("points-lines", [LINE | {"line": [17.5]}])


def test_columns_that_are_not_used_may_hold_anything(put: Put, game: MakeGame) -> None:
    rows = game()
    rows[0] |= {"PTS": "x"}
    report = put("game-logs", pl.DataFrame(rows).with_columns(pl.lit([1, 2]).alias("shots"), pl.lit(b"x").alias("raw")))
    assert (report.rows, report.rejected) == (5, 1)


# ---------------------------------------------------------------- all or nothing
def _nothing_is_there(contents: Contents, folder: Path) -> bool:
    stored = [row for table in (*RAW_TABLES, tables.ingests) for row in contents(table)]
    return not stored and not list((folder / "rejects").glob("*"))


def test_an_ingest_that_dies_in_the_middle_leaves_nothing(
    put: Put, game: MakeGame, contents: Contents, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ingest_module, "_record", die)
    rows = game()
    rows[0] |= {"PTS": "x"}
    with pytest.raises(KeyboardInterrupt):
        put("game-logs", rows)
    assert _nothing_is_there(contents, tmp_path)


def test_a_row_that_the_database_refuses_is_an_error_and_nothing_is_written(
    put: Put, game: MakeGame, contents: Contents, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The checks of the tables are the last line: they hold even where ours are gone."""
    monkeypatch.setattr(ingest_module, "row_checks", lambda _layout: [])
    rows = game()
    rows[0] |= {"PTS": "18"}
    with pytest.raises(TipoffError, match=r"The database refused a row: .*points_add_up.* nothing of the game-logs"):
        put("game-logs", rows)
    assert _nothing_is_there(contents, tmp_path)


def test_a_database_that_cannot_be_written_is_an_error(put: Put, game: MakeGame, engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def read_only(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA query_only=ON")

    engine.dispose()
    with pytest.raises(UnavailableError, match="could not be written"):
        put("game-logs", game())


def test_a_rejects_folder_that_cannot_be_made_ingests_nothing(
    put: Put, game: MakeGame, contents: Contents, tmp_path: Path
) -> None:
    (tmp_path / "rejects").write_text("a file in the way")
    rows = game()
    rows[0] |= {"PTS": "x"}
    with pytest.raises(UsageError, match="cannot be kept"):
        put("game-logs", rows)
    assert contents(tables.player_games) == []


INGEST_IN_A_PROCESS = """
import sys
from pathlib import Path
from contracts.database import open_database
from features.raw.ingest import ingest
from features.sources.files import read_file
url, path, rejects = sys.argv[1:]
engine = open_database(url)
source = read_file(Path(path))
print("ready", flush=True)
sys.stdin.readline()
print(ingest(engine, "game-logs", [source], Path(rejects)).changed)
"""


def _changed_by_two_at_once(url: str, folder: Path, rows: Rows) -> list[int]:
    path = folder / "logs.csv"
    pl.DataFrame(rows).write_csv(path)
    arguments = [sys.executable, "-c", INGEST_IN_A_PROCESS, url, str(path), str(folder / "rejects")]
    processes = [
        subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return sorted(int(process.communicate(timeout=60)[0]) for process in processes)


def test_two_processes_ingest_one_file_at_once_and_one_of_them_finds_it_done(
    engine: sa.Engine, game: MakeGame, contents: Contents, tmp_path: Path
) -> None:
    rows = [row for number in range(1, 200) for row in game(game_id=f"0022300{number:03}")]
    assert _changed_by_two_at_once(str(engine.url), tmp_path, rows) == [0, len(rows)]
    assert len(contents(tables.player_games)) == len(rows)


# ---------------------------------------------------------------- PostgreSQL
def test_postgresql_ends_with_the_same_rows_as_sqlite(
    put: Put, game: MakeGame, contents: Contents, postgres: sa.Engine
) -> None:
    corrected = game()
    corrected[0] |= {"AST": "9", "WL": None}
    calls: list[tuple[str, Rows]] = [
        ("game-logs", game()),
        ("game-logs", corrected),
        ("game-lines", [LISTED, LISTED | {"game_id": "x"}]),
        ("points-lines", [LINE, LINE | {"line": "18.5"}]),
        ("points-lines", [LINE | {"over_price": "-120"}]),
        ("injuries", [INJURY, INJURY | {"captured_at": "2023-11-01T12:00:00Z", "note": None}]),
        ("positions", [{"PLAYER_ID": 371, "POSITION": "G"}]),
        ("players", [{"PLAYER_ID": 371, "PLAYER_NAME": None, "BIRTH_DATE": "1999-05-01"}]),
    ]
    for kind, rows in calls:
        assert put(kind, rows, into=postgres) == put(kind, rows)
        assert put(kind, rows, into=postgres).changed == 0
    for table in RAW_TABLES:
        assert contents(table, postgres) == contents(table)


def test_postgresql_refuses_a_row_and_keeps_nothing(
    put: Put, game: MakeGame, contents: Contents, postgres: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "row_checks", lambda _layout: [])
    with pytest.raises(TipoffError, match=r"refused a row: .*points_add_up"):
        put("game-logs", [game()[0] | {"PTS": "18"}, *game()[1:]], into=postgres)
    assert contents(tables.player_games, postgres) == []


def test_two_processes_at_once_on_postgresql(
    postgres: sa.Engine, game: MakeGame, contents: Contents, tmp_path: Path
) -> None:
    rows = [row for number in range(1, 50) for row in game(game_id=f"0022300{number:03}")]
    url = postgres.url.render_as_string(hide_password=False)
    assert _changed_by_two_at_once(url, tmp_path, rows) == [0, len(rows)]
    assert len(contents(tables.player_games, postgres)) == len(rows)


# ---------------------------------------------------------------- the real seasons
def test_a_real_season_and_all_else_go_in_whole(engine: sa.Engine, real_data: Path, tmp_path: Path) -> None:
    def run(kind: str, name: str) -> IngestReport:
        source: Source = read_file(real_data / name)
        first = ingest(engine, kind, [source], tmp_path / "rejects")
        assert ingest(engine, kind, [source], tmp_path / "rejects").changed == 0
        return first

    logs = run("game-logs", "player_game_logs/2023-24.csv.gz")
    assert (logs.rows, logs.games, logs.rejected) == (28_086, 1_312, 0)
    lines = run("game-lines", "game_lines.parquet")
    assert (lines.rows, lines.rejected) == (6_167, 83)
    points = run("points-lines", "points_lines.parquet")
    assert (points.rows, points.player_games, points.rejected) == (175_170, 6_819, 0)
    assert (run("positions", "positions.csv").rows, run("injuries", "injuries.csv.gz").rows) == (532, 12_529)
    with engine.connect() as connection:
        query = sa.select(sa.func.max(tables.player_games.c.points)).where(
            tables.player_games.c.game_date == date(2024, 1, 26)
        )
        assert connection.execute(query).scalar() == 73
        missing = sa.select(sa.func.count()).where(tables.games.c.season == 2023, tables.games.c.tip_off_at.is_(None))
        assert connection.execute(missing).scalar() == 0
