"""What happens to players and games, told in small files through the whole path: ingest, backfill, rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.errors import UsageError
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from features.raw.ingest import IngestReport
from features.table.backfill import backfill

Rows = list[dict[str, Any]]
Put = Callable[..., IngestReport]
MakeGame = Callable[..., Rows]
Built = Callable[[], dict[tuple[str, int], dict[str, Any]]]

FEATURES = load_feature_set("v2_33features")
STORE = f"ml_feature_store_{FEATURES.name}"
DAYS = ("2023-11-01", "2023-11-03", "2023-11-05")
COMING = {"game_id": "0022300009", "game_date": "2023-11-07", "home": "ATL", "away": "BOS", "tip_off_at": None}


@pytest.fixture
def built(engine: sa.Engine) -> Built:
    """built() -> the rows of the feature table after a backfill, by (game_id, player_id)."""

    def run(table: str = STORE) -> dict[tuple[str, int], dict[str, Any]]:
        backfill(engine, FEATURES, Settings(), accept_quality="three players a side")
        with engine.connect() as connection:
            made = sa.Table(table, sa.MetaData(), autoload_with=connection)
            found = connection.execute(sa.select(made).where(made.c.to_build.is_(None)))
            return {(row["game_id"], row["player_id"]): dict(row) for row in found.mappings()}

    return run


@pytest.fixture
def three_games(game: MakeGame) -> Rows:
    """Atlanta against Boston on three days of November 2023: games ...01 to ...03."""
    return [row for number, day in enumerate(DAYS, start=1) for row in game(f"002230000{number}", day)]


def _of(rows: Rows, player: int, **changes: str) -> Rows:
    """The rows with one player's changed."""
    return [row | changes if row["PLAYER_ID"] == str(player) else row for row in rows]


# ---------------------------------------------------------------- coming games
def test_a_coming_game_has_its_slate_and_its_result_changes_no_feature(
    put: Put, game: MakeGame, built: Built, three_games: Rows
) -> None:
    put("game-logs", three_games)
    put("schedule", [COMING])
    before = {key: row for key, row in built().items() if key[0] == COMING["game_id"]}
    assert {row["state"] for row in before.values()} == {"scheduled"}
    assert {player for _, player in before} == {371, 372, 373, 381, 382, 383}
    assert {row["points_avg_last_5"] for row in before.values()} == {17.0}
    played = [row for row in game(COMING["game_id"], COMING["game_date"]) if row["PLAYER_ID"] != "372"]
    put("game-logs", _of(played, 373, MIN="0", PTS="0", FGM="0", FG3M="0", FTM="0"))
    after = built()
    assert {player: after[COMING["game_id"], player]["state"] for player in (371, 372, 373)} == {
        371: "played",
        372: "absent",
        373: "under_30_seconds",
    }
    told_before = (*FEATURES.names, "is_expected", "missing", "window_games", "max_source_date", "line")
    for key, row in before.items():
        assert {name: after[key][name] for name in told_before} == {name: row[name] for name in told_before}
        assert row["points"] is None


def test_a_postponed_game_leaves_its_old_date_and_stands_on_the_new_one(
    put: Put, built: Built, three_games: Rows
) -> None:
    put("game-logs", three_games)
    put("schedule", [COMING])
    built()
    put("schedule", [COMING | {"status": "postponed"}])
    assert len(built()) == 18
    put("schedule", [COMING | {"game_date": "2023-11-12", "status": "scheduled"}])
    moved = [row for key, row in built().items() if key[0] == COMING["game_id"]]
    assert {row["game_date"] for row in moved} == {date(2023, 11, 12)}
    assert len(moved) == 6


def test_the_box_scores_date_wins_over_the_schedules(put: Put, game: MakeGame, built: Built, three_games: Rows) -> None:
    put("game-logs", three_games)
    put("schedule", [COMING])
    built()
    put("game-logs", game(COMING["game_id"], "2023-11-08"))
    assert put("schedule", [COMING]).changed == 0
    assert {row["game_date"] for key, row in built().items() if key[0] == COMING["game_id"]} == {date(2023, 11, 8)}


# ---------------------------------------------------------------- players
def test_a_traded_player_takes_his_windows_along_and_plays_for_his_new_team_the_day_after(
    put: Put, game: MakeGame, built: Built, three_games: Rows
) -> None:
    """He is tired, his new team is not; its win share is not the old one's; he is expected there from then on."""
    chicago = game("0022300004", "2023-11-06", home="CHI", away="BOS")
    as_bull = {name: chicago[0][name] for name in ("TEAM_ID", "TEAM_ABBREVIATION", "TEAM_NAME", "MATCHUP", "WL")}
    moved = chicago[0] | as_bull | {"PLAYER_ID": "371", "PLAYER_NAME": "ATL 1"}
    put("game-logs", _of(three_games, 371, PTS="18", FTM="4"), [*chicago, moved])
    put("schedule", [COMING, COMING | {"game_id": "0022300010", "home": "CHI"} | {"away": "BOS"}])
    rows = built()
    first = rows["0022300004", 371]
    assert (first["team_id"], first["state"], bool(first["is_expected"])) == (1610612741, "played", False)
    assert (first["points_avg_last_5"], first["games_in_last_7_days"], first["fatigue_score"]) == (18.0, 3.0, 85.0)
    assert (first["team_win_pct"], first["back_to_back"]) == (None, 0.0)
    assert ("0022300009", 371) not in rows
    assert rows["0022300010", 371]["points_avg_last_5"] == pytest.approx((3 * 18 + 17) / 4)
    assert ("0022300009", 372) in rows


def test_two_players_of_one_name_are_two_players(put: Put, built: Built, three_games: Rows) -> None:
    named = _of(_of(three_games, 371, PLAYER_NAME="John Smith", PTS="18", FTM="4"), 381, PLAYER_NAME="John Smith")
    put("game-logs", named)
    put("injuries", [{"date": "2023-11-06", "player_id": "371", "status": "out", "note": "knee"}])
    put("schedule", [COMING])
    rows = built()
    assert (COMING["game_id"], 371) not in rows
    assert rows[COMING["game_id"], 381]["points_avg_last_5"] == 17.0
    assert rows["0022300003", 371]["points_avg_last_5"] == 18.0


@pytest.mark.parametrize("kind", ["injuries", "points-lines", "players", "positions", "shot-zones"])
def test_a_file_that_names_players_without_ids_is_refused_rather_than_guessed_at(put: Put, kind: str) -> None:
    with pytest.raises(UsageError, match=r"(?i)lacks the columns?.* player_id"):
        put(kind, [{"player_name": "John Smith", "date": "2023-11-06", "status": "out", "note": ""}])


# ---------------------------------------------------------------- games
def test_overtime_counts_by_its_minutes(put: Put, game: MakeGame, built: Built) -> None:
    """Atlanta and Boston play 30 minutes a man, Chicago and Boston 35 with the same counts: the pace is 30/35."""
    regular = [row for number in (1, 2, 3) for row in game(f"002230000{number}", f"2023-11-0{number}")]
    longer = [
        row | {"MIN": "35"}
        for number in (4, 5, 6)
        for row in game(f"002230000{number}", f"2023-11-0{number}", home="CHI", away="BOS")
    ]
    put("game-logs", regular, longer)
    put("schedule", [COMING, COMING | {"game_id": "0022300010", "home": "CHI"}])
    rows = built("player_daily_cache")
    paces = [rows[game_id, player]["team_pace_last_10"] for game_id, player in
             (("0022300009", 371), ("0022300010", 411))]  # fmt: skip
    assert paces[1] == pytest.approx(paces[0] * 30 / 35)


def test_the_correction_that_comes_last_counts_also_where_its_file_is_the_older_one(
    put: Put, built: Built, three_games: Rows
) -> None:
    older, newer = three_games, _of(three_games, 371, PTS="18", FTM="4")
    seen = []
    for rows, n_changed in ((older, 18), (newer, 3), (newer, 0), (older, 3)):
        assert put("game-logs", rows).changed == n_changed
        seen.append(built()["0022300003", 371]["points_avg_last_5"])
    assert seen == [17.0, 18.0, 18.0, 17.0]


def test_a_game_corrected_twice_in_one_file_is_refused_and_what_stood_stays(
    put: Put, built: Built, three_games: Rows
) -> None:
    put("game-logs", three_games)
    before = built()
    twice = _of(three_games, 371, PTS="18", FTM="4") + _of(three_games, 371, PTS="16", FTM="2")
    report = put("game-logs", twice)
    assert (report.rows, report.reasons["the same key with other values"]) == (0, 6)
    assert built() == before


def test_files_in_any_order_make_the_same_rows(put: Put, built: Built, three_games: Rows, engine: sa.Engine) -> None:
    for number in (3, 1, 2):
        put("game-logs", [row for row in three_games if row["GAME_ID"].endswith(str(number))])
        stepwise = built()
    put("game-logs", three_games, three_games)
    with engine.begin() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(tables.player_games)) == 18
    told = (*FEATURES.names, "state", "max_source_date")
    first = {key[1]: row for key, row in stepwise.items() if key[0] == "0022300003"}
    assert {row["points_avg_last_5"] for row in first.values()} == {17.0}
    assert {row["max_source_date"] for row in first.values()} == {date.fromisoformat(DAYS[1])}
    assert {key: [row[name] for name in told] for key, row in built().items()} == {
        key: [row[name] for name in told] for key, row in stepwise.items()
    }


def test_a_row_whose_game_cannot_be_read_takes_its_teams_game_of_the_day_with_it(put: Put, three_games: Rows) -> None:
    spoiled = [row | {"GAME_ID": "?"} if number == 0 else row for number, row in enumerate(three_games)]
    report = put("game-logs", spoiled)
    assert (report.rows, report.games) == (12, 2)
    assert report.reasons == {"GAME_ID is not a 10-digit game id": 1, "of a game with faulty rows": 5}


def test_a_faulty_correction_leaves_the_game_as_it_stood(put: Put, three_games: Rows, engine: sa.Engine) -> None:
    put("game-logs", three_games)
    put("game-logs", _of(_of(three_games, 371, PTS="99"), 372, AST="9"))
    with engine.connect() as connection:
        assert set(connection.scalars(sa.select(tables.player_games.c.assists))) == {3}
        assert set(connection.scalars(sa.select(tables.games.c.game_date))) == {date.fromisoformat(day) for day in DAYS}
