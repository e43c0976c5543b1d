"""Box scores go in whole and true, or not at all, each refusal with its reason."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from contracts import tables
from features.raw.ingest import IngestReport

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
    assert (report.rows, report.rejected) == (0, 7)
    assert report.reasons == {"of a game with faulty rows": 5, "the same key with other values": 2}
    assert contents(tables.player_games) == []


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
def test_a_game_with_a_faulty_row_is_kept_aside_whole_and_the_other_games_go_in(
    put: Put, game: MakeGame, contents: Contents, change: dict[str, str | None], reason: str, words: str
) -> None:
    rows = game()
    rows[1] |= change
    report = put("game-logs", rows, game(game_id="0022300002", date="2023-11-03"))
    assert (report.rows, report.rejected) == (6, 6)
    assert report.reasons == {reason: 1, "of a game with faulty rows": 5}
    assert {row["game_id"] for row in contents(tables.player_games)} == {"0022300002"}
    assert report.rejects_path is not None
    with report.rejects_path.open(newline="") as file:
        kept = {line["rejected row"]: line for line in csv.DictReader(file)}["2"]
    assert kept["rejected from"] == "source 1"
    assert words in kept["rejected because"]
    name, value = next(iter(change.items()))
    assert kept[name] == (value or "")


def test_all_faults_of_a_row_stand_together(put: Put, game: MakeGame) -> None:
    rows = game()
    rows[0] |= {"PTS": "x", "AST": "-2", "WL": "?"}
    report = put("game-logs", rows)
    assert report.rejected == 6
    assert report.reasons == {
        "of a game with faulty rows": 5,
        "AST is negative": 1,
        "PTS is not a whole number": 1,
        "WL is not W or L": 1,
    }
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
