"""What is ingested is true, what is refused says why, and a call does all or nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
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
    assert (report.rows, report.rejected) == (0, 6)


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
