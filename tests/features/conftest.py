"""Raw facts for the tests of the builders: the real seasons, read with a loader of our own, and a small league."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.clock import SEASON_TYPES
from contracts.feature_set import FeatureSet
from contracts.frames import polars_type
from contracts.settings import FeatureSettings
from features.builders.compute import compute
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts

BOX = {
    "minutes": "MIN", "points": "PTS", "fgm": "FGM", "fga": "FGA", "fg3m": "FG3M", "fg3a": "FG3A", "ftm": "FTM",
    "fta": "FTA", "oreb": "OREB", "dreb": "DREB", "rebounds": "REB", "assists": "AST", "steals": "STL", "blocks": "BLK",
    "turnovers": "TOV", "fouls": "PF", "plus_minus": "PLUS_MINUS",
}  # fmt: skip
STATUS = {"out": "out", "returned": "available"}
DATA = Path(os.environ.get("TIPOFF_TEST_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")


def empty(table: sa.Table) -> pl.DataFrame:
    """No rows of `table`, in its types."""
    return pl.DataFrame(schema={column.name: polars_type(column.type) for column in table.columns})


def real_player_games(*seasons: str) -> pl.DataFrame:
    logs = pl.concat(pl.read_csv(DATA / "player_game_logs" / f"{season}.csv.gz") for season in seasons)
    teams = dict(logs.select("TEAM_ABBREVIATION", "TEAM_ID").unique().iter_rows())
    return logs.select(
        pl.col("GAME_ID").cast(pl.String).str.zfill(10).alias("game_id"),
        pl.col("PLAYER_ID").alias("player_id"),
        (pl.col("SEASON_ID") % 10000).alias("season"),
        (pl.col("SEASON_ID") // 10000).replace_strict(SEASON_TYPES, return_dtype=pl.String).alias("season_type"),
        pl.col("GAME_DATE").str.slice(0, 10).str.to_date().alias("game_date"),
        pl.col("TEAM_ID").alias("team_id"),
        pl.col("MATCHUP").str.slice(-3).replace_strict(teams, return_dtype=pl.Int64).alias("opponent_id"),
        pl.col("MATCHUP").str.contains("vs.", literal=True).alias("is_home"),
        (pl.col("WL") == "W").alias("won"),
        *(pl.col(column).alias(name) for name, column in BOX.items()),
    ).select(tables.player_games.columns.keys())


def games_of(player_games: pl.DataFrame) -> pl.DataFrame:
    """The schedule that box scores imply: one row a game, no tip-off time."""
    team = pl.when("is_home").then("team_id").otherwise("opponent_id")
    away = pl.when("is_home").then("opponent_id").otherwise("team_id")
    return (
        player_games.select(
            "game_id", "season", "season_type", "game_date", team.alias("home_team_id"), away.alias("away_team_id")
        )
        .unique()
        .with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("tip_off_at"))
        .sort("game_date", "game_id")
    )


def facts(player_games: pl.DataFrame, **frames: object) -> RawFacts:
    """RawFacts of these box scores; every other frame empty unless given."""
    parts: dict[str, object] = {
        "games": games_of(player_games),
        "player_games": player_games,
        "ingested": frozenset({"game-logs"}),
    }
    for name in ("shot_zones", "points_lines", "injuries", "players", "teams", "game_lines"):
        parts[name] = empty(tables.metadata.tables[name])
    return RawFacts(**(parts | frames))  # type: ignore[arg-type]


def real_facts(*seasons: str) -> RawFacts:
    box = real_player_games(*seasons)
    tips = pl.read_parquet(DATA / "game_lines.parquet").select(
        "game_id",
        pl.col("tip_off_at")
        .str.slice(0, 19)
        .str.replace("T", " ")
        .str.to_datetime("%Y-%m-%d %H:%M:%S", time_zone="UTC"),
    )
    games = games_of(box).drop("tip_off_at").join(tips, on="game_id", how="left")
    return facts(
        box,
        games=games,
        points_lines=pl.read_parquet(DATA / "points_lines.parquet").select(tables.points_lines.columns.keys()),
        injuries=_real_injuries(),
        ingested=frozenset({"game-logs", "game-lines", "points-lines", "injuries"}),
    )


def _real_injuries() -> pl.DataFrame:
    return pl.read_csv(DATA / "injuries.csv.gz", try_parse_dates=True).with_row_index("entry").select(
        "player_id",
        pl.col("date").alias("reported_on"),
        pl.when(pl.col("note").str.contains("DTD")).then(pl.lit("day_to_day"))
        .otherwise(pl.col("status").replace_strict(STATUS)).alias("status"),
        "note",
        pl.lit(None, pl.Datetime("us", "UTC")).alias("captured_at"),
        pl.col("entry").cast(pl.Int64),
    )  # fmt: skip


@pytest.fixture(scope="session")
def real_seasons() -> RawFacts:
    """2022-23 and 2023-24 as they were."""
    if not (DATA / "player_game_logs").is_dir():
        pytest.skip(f"no real data at {DATA}: set TIPOFF_TEST_DATA")
    return real_facts("2022-23", "2023-24")


@pytest.fixture(scope="session")
def small_league() -> RawFacts:
    """Four teams over two short seasons with everything that a league throws at the builders.

    Back-to-backs, playoffs, a trade, rows of MIN = 0, players who come and go, lists of injuries stamped with days and
    with times, lines of three books early and late, games without tip-off, without results, and still to come.
    """
    return League(seed=11).facts()


@pytest.fixture(scope="session")
def bare_league(small_league: RawFacts) -> RawFacts:
    """The same games with box scores as the only source."""
    return facts(small_league.player_games, games=small_league.games)


class League:
    """The small league's maker: every draw comes from one seed."""

    TEAMS = (101, 102, 103, 104)
    BOOKS = ("ask", "bid", "close")
    SEASONS = ((2021, date(2021, 10, 20), 26), (2022, date(2022, 10, 20), 34))

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.rosters = {team: [team * 10 + i for i in range(9)] for team in self.TEAMS}
        self.skill = {p: (27.0 if p % 10 < 2 else 11.0 - p % 10) for roster in self.rosters.values() for p in roster}
        self.games: list[dict[str, Any]] = []
        self.box: list[dict[str, Any]] = []
        self.shots: list[dict[str, Any]] = []

    def facts(self) -> RawFacts:
        for season, first, n_days in self.SEASONS:
            self._play_season(season, first, n_days)
        games = pl.DataFrame(self.games, schema=empty(tables.games).schema)
        box = pl.DataFrame(self.box, schema=empty(tables.player_games).schema)
        return facts(
            box,
            games=games,
            shot_zones=pl.DataFrame(self.shots, schema=empty(tables.shot_zones).schema),
            points_lines=self._lines(games),
            injuries=self._injuries(),
            players=pl.DataFrame(
                [
                    {"player_id": p, "name": None, "position": None, "birth_date": date(1985 + p % 17, 1 + p % 12, 25)}
                    for p in self.skill
                    if p % 5
                ],
                schema=empty(tables.players).schema,
            ),
            game_lines=self._game_lines(games),
            ingested=frozenset(
                {"game-logs", "game-lines", "points-lines", "injuries", "shot-zones", "players", "schedule"}
            ),
        )

    def _play_season(self, season: int, first: date, n_days: int) -> None:
        day = first
        for number in range(n_days):
            if season == 2022 and number == 15:
                self._trade(1011, 101, 102)
            order = [int(team) for team in self.random.permutation(self.TEAMS)]
            kind = "playoffs" if number >= n_days - 4 else "regular"
            state = "played"
            if number == 7:
                state = "called off"
            elif season == 2022 and number >= n_days - 2:
                state = "to come"
            for place in (0, 2) if self.random.random() < 0.65 else (0,):
                self._play(season, kind, day, order[place], order[place + 1], number * 10 + place, state)
            day += timedelta(days=int(self.random.choice([1, 1, 2, 2, 3, 5])))

    def _trade(self, player: int, old: int, new: int) -> None:
        self.rosters[old].remove(player)
        self.rosters[new].append(player)

    def _play(self, season: int, kind: str, day: date, home: int, away: int, number: int, state: str) -> None:
        game_id = f"00{'4' if kind == 'playoffs' else '2'}{season % 100}{number:05d}"
        tip_off = datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC) if number % 3 else None
        self.games.append(
            {"game_id": game_id, "season": season, "season_type": kind, "game_date": day}
            | {"home_team_id": home, "away_team_id": away, "tip_off_at": tip_off}
        )
        if state != "played":
            return
        rows = [self._box(game_id, season, kind, day, *sides) for sides in ((home, away, True), (away, home, False))]
        totals = [sum(row["points"] for row in side) for side in rows]
        for side, is_winner in zip(rows, (totals[0] > totals[1], totals[1] > totals[0]), strict=True):
            self.box.extend(row | {"won": is_winner} for row in side)

    def _box(
        self, game_id: str, season: int, kind: str, day: date, team: int, opponent: int, is_home: bool
    ) -> list[dict[str, Any]]:
        there = [player for player in self.rosters[team] if self.random.random() < 0.8] or self.rosters[team][:1]
        base = {"game_id": game_id, "season": season, "season_type": kind, "game_date": day}
        base |= {"team_id": team, "opponent_id": opponent, "is_home": is_home}
        return [base | {"player_id": player} | self._counts(game_id, player) for player in there]

    def _counts(self, game_id: str, player: int) -> dict[str, int | None]:
        draw = self.random
        minutes = 0 if draw.random() < 0.04 else int(draw.integers(6, 44))
        if minutes == 0:
            return dict.fromkeys(tables.BOX_COUNTS, 0) | {"plus_minus": None}
        fga = int(draw.poisson(self.skill[player] * 0.9))
        fg3a, fta = int(draw.binomial(fga, 0.1 + 0.1 * (player % 6))), int(draw.poisson(self.skill[player] * 0.2))
        fg3m, twos = int(draw.binomial(fg3a, 0.35)), int(draw.binomial(fga - fg3a, 0.5))
        ftm, oreb, dreb = int(draw.binomial(fta, 0.75)), int(draw.poisson(1)), int(draw.poisson(3))
        if draw.random() < 0.9:
            self._shoot(game_id, player, fga - fg3a, twos, fg3a, fg3m)
        return {
            "minutes": minutes, "points": 2 * twos + 3 * fg3m + ftm, "fgm": twos + fg3m, "fga": fga, "fg3m": fg3m,
            "fg3a": fg3a, "ftm": ftm, "fta": fta, "oreb": oreb, "dreb": dreb, "rebounds": oreb + dreb,
            "assists": int(draw.poisson(3)), "steals": int(draw.poisson(1)), "blocks": int(draw.poisson(1)),
            "turnovers": int(draw.poisson(2)), "fouls": int(draw.poisson(2)), "plus_minus": 0,
        }  # fmt: skip

    def _shoot(self, game_id: str, player: int, twos: int, made: int, threes: int, threes_made: int) -> None:
        paint = int(self.random.binomial(twos, 0.2 + 0.15 * (player % 5)))
        paint_made = int(self.random.hypergeometric(made, twos - made, paint)) if twos else 0
        self.shots.append(
            {"game_id": game_id, "player_id": player, "paint_attempts": paint, "paint_made": paint_made}
            | {"mid_range_attempts": twos - paint, "mid_range_made": made - paint_made}
            | {"three_attempts": threes, "three_made": threes_made}
        )

    def _lines(self, games: pl.DataFrame) -> pl.DataFrame:
        rows = []
        for game in games.filter(pl.col("season") == 2022).iter_rows(named=True):
            tip_off = datetime.combine(game["game_date"], time(23, 30), tzinfo=UTC)
            roster = self.rosters[game["home_team_id"]] + self.rosters[game["away_team_id"]]
            for player, book in itertools.product(roster[::2], self.BOOKS):
                for _ in range(int(self.random.integers(0, 5))):
                    minutes = int(self.random.choice([-30, 0, 45, 59, 60, 61, 120, 600]))
                    rows.append(
                        {"game_id": game["game_id"], "player_id": player, "book": book, "over_price": -110.0}
                        | {"captured_at": tip_off - timedelta(minutes=minutes), "under_price": None}
                        | {"line": float(self.random.integers(4, 60)) / 2}
                        | {"tip_off_at": tip_off if game["game_date"].day % 4 else None}
                    )
        frame = pl.DataFrame(rows, schema=empty(tables.points_lines).schema)
        return frame.unique(["game_id", "player_id", "book", "captured_at", "line"], maintain_order=True)

    def _game_lines(self, games: pl.DataFrame) -> pl.DataFrame:
        """Closing lines of most games, some without a spread; of draws of their own."""
        draw = np.random.default_rng(5)
        rows = [
            {"game_id": game_id, "spread_home": float(draw.integers(-20, 21)) / 2 if draw.random() < 0.9 else None}
            | {"total": float(draw.integers(400, 480)) / 2}
            for game_id in games["game_id"]
            if draw.random() < 0.9
        ]
        return pl.DataFrame(rows, schema=empty(tables.game_lines).schema)

    def _injuries(self) -> pl.DataFrame:
        statuses = ("available", "probable", "questionable", "day_to_day", "doubtful", "out")
        days = sorted({game["game_date"] for game in self.games})
        rows = []
        for player, _ in itertools.product(self.skill, range(8)):
            day = days[int(self.random.integers(len(days)))] - timedelta(days=int(self.random.integers(0, 2)))
            captured = datetime.combine(day, time(int(self.random.integers(8, 24)), 30), tzinfo=UTC)
            rows.append(
                {"player_id": player, "reported_on": day, "status": str(self.random.choice(statuses)), "note": ""}
                | {"captured_at": captured if self.random.random() < 0.4 else None, "entry": len(rows)}
            )
        frame = pl.DataFrame(rows, schema=empty(tables.injuries).schema)
        return frame.unique(["player_id", "reported_on", "status", "note"], maintain_order=True)


class Story:
    """A league told game by game: each side is {player: {"minutes": .., "points": .., other counts}}.

    Points not otherwise explained are twos and a free throw; a side left out is one player of 240 minutes.
    """

    def __init__(self) -> None:
        self.games: list[dict[str, Any]] = []
        self.box: list[dict[str, Any]] = []
        self._told = ""
        self._made: dict[str, pl.DataFrame] = {}

    def game(
        self,
        day: str,
        home: int,
        away: int,
        home_side: dict[int, dict[str, int]] | None = None,
        away_side: dict[int, dict[str, int]] | None = None,
        *,
        season: int = 2022,
        kind: str = "regular",
        tip_off: str | None = None,
        played: bool = True,
    ) -> str:
        """Adds a game and returns its id."""
        game_id = f"00{'4' if kind == 'playoffs' else '2'}{season % 100}{len(self.games):05d}"
        when = datetime.fromisoformat(tip_off) if tip_off else None
        base = {"game_id": game_id, "season": season, "season_type": kind, "game_date": date.fromisoformat(day)}
        self.games.append(base | {"home_team_id": home, "away_team_id": away, "tip_off_at": when})
        for team, other, side in ((home, away, home_side), (away, home, away_side)):
            rows = side or {team * 1000: {"minutes": 240, "points": 100}}
            for player, counts in rows.items() if played else ():
                self.box.append(
                    base
                    | {"team_id": team, "opponent_id": other, "is_home": team == home, "player_id": player}
                    | dict.fromkeys(tables.BOX_COUNTS, 0)
                    | self._points(counts.get("points", 0))
                    | counts
                    | {"won": None, "plus_minus": None}
                )
        return game_id

    def facts(self, **frames: object) -> RawFacts:
        return facts(
            pl.DataFrame(self.box, schema=empty(tables.player_games).schema),
            games=pl.DataFrame(self.games, schema=empty(tables.games).schema),
            **frames,
        )

    def made(
        self, builder: str = "ml_feature_store", *, feature_set: FeatureSet | None = None, **frames: object
    ) -> pl.DataFrame:
        """The builder's frame (None: v2_33features); without `frames` it is computed once for the games told so far."""
        chosen = feature_set or load_feature_set("v2_33features")
        told = repr((self.games, self.box, chosen.name))
        if frames or told != self._told:
            self._made = compute(self.facts(**frames), chosen, FeatureSettings())
            self._told = "" if frames else told
        return self._made[builder]

    def row(
        self,
        game_id: str,
        player_id: int,
        builder: str = "ml_feature_store",
        *,
        feature_set: FeatureSet | None = None,
        **frames: object,
    ) -> dict[str, Any]:
        """The builder's row of that player-game."""
        made = self.made(builder, feature_set=feature_set, **frames)
        return made.row(by_predicate=(pl.col("game_id") == game_id) & (pl.col("player_id") == player_id), named=True)

    @staticmethod
    def rows(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
        """A raw table's frame; what a row leaves out is NULL."""
        return pl.DataFrame(rows, schema=empty(tables.metadata.tables[table]).schema)

    @staticmethod
    def _points(points: int) -> dict[str, int]:
        return {"fgm": points // 2, "fga": points // 2 + 2, "ftm": points % 2, "fta": points % 2}


@pytest.fixture
def story() -> Story:
    return Story()
