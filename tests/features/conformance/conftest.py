"""One story told to SQLite and to a real PostgreSQL by the platform's public functions, and what each made of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.database import open_database, read_frame, writing
from contracts.errors import TipoffError
from contracts.feature_set import FeatureSet
from contracts.settings import Settings, load_settings
from features.builders.compute import BUILDERS
from features.feature_sets import load_feature_set
from features.raw.ingest import ingest
from features.sources.files import Source
from features.sources.simulated import league_sources
from features.table.backfill import backfill
from features.table.diff import diff
from features.table.export import export
from features.table.prune import prune
from features.table.status import status
from features.table.versioned_rows import builder_table, key_columns, payload_columns
from features.verify.verify import verify

DATABASES = ("sqlite", "postgresql")
GAMES = ("game-logs", "shot-zones")
"""The kinds that come after the games."""


@dataclass
class World:
    """A database and what was told of it: reports as plain values, frames, and refusals as their messages."""

    engine: sa.Engine
    folder: Path
    feature_set: FeatureSet
    settings: Settings
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)

    def ingest(self, name: str, kind: str, source: Source) -> None:
        """Ingest one source."""
        self._keep(name, ingest(self.engine, kind, [source], self.folder / "rejects"), "rejects_path")

    def backfill(self, name: str, **how: Any) -> int:
        """Backfill, and keep every builder's current rows; the build."""
        report = backfill(self.engine, self.feature_set, self.settings, **how)
        self._keep(name, report, "seconds")
        for builder in BUILDERS:
            self.frames[f"{name}: {builder}"] = self.current(builder)
        return report.build_id

    def export(self, name: str, build_id: int | None = None) -> None:
        """Export a build as parquet, and keep what is in the file."""
        path = self.folder / "rows.parquet"
        self._keep(name, export(self.engine, self.feature_set, path, build_id=build_id), "path")
        self.frames[name] = pl.read_parquet(path)

    def verify(self, name: str) -> None:
        """Verify every row."""
        self._keep(name, verify(self.engine, self.feature_set, self.settings, n_rows=0), "seconds")

    def status(self, name: str) -> None:
        """What status says."""
        self._keep(name, status(self.engine, self.settings, self.feature_set))

    def diff(self, name: str, a: int, b: int) -> None:
        """What differs between two builds, and why."""
        found = diff(self.engine, a, b, feature_set=self.feature_set)
        self.reports[name] = {key: value for key, value in asdict(found).items() if key not in ("a", "b")}

    def prune(self, name: str) -> None:
        """Prune what nobody needs."""
        self._keep(name, prune(self.engine), "bytes")

    def refused(self, name: str, call: Callable[[], object]) -> None:
        """Keep the message of an error of ours that `call` must raise, without the clock's minute."""
        with pytest.raises(TipoffError) as refused:
            call()
        self.refusals[name] = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME", str(refused.value))

    def current(self, builder: str) -> pl.DataFrame:
        """The builder's current rows with their hashes and the builds that they are from."""
        table = builder_table(builder, self.feature_set)
        names = (*payload_columns(table), "row_hash", "from_build")
        with self.engine.connect() as connection:
            rows = read_frame(
                connection, sa.select(*(table.c[name] for name in names)).where(table.c.to_build.is_(None))
            )
        return rows.sort(key_columns(table))

    def _keep(self, name: str, report: Any, *own: str) -> None:
        """A report without what is this database's own: its folder, its clock."""
        self.reports[name] = {key: value for key, value in asdict(report).items() if key not in own}


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory, new_postgres: Callable[[], str]) -> dict[str, World]:
    """The whole story, told to each database."""
    folders = {name: tmp_path_factory.mktemp(name) for name in DATABASES}
    addresses = {"sqlite": f"sqlite:///{folders['sqlite'] / 'tipoff.db'}", "postgresql": new_postgres()}
    made = {}
    for name in DATABASES:
        engine = open_database(addresses[name])
        made[name] = World(engine, folders[name], load_feature_set("v2_33features"), load_settings())
        tell(made[name])
        engine.dispose()
    return made


def tell(world: World) -> None:
    """A season is built, one more date comes, a box score is corrected, rows go, a bad build is refused, all pruned."""
    sources = league_sources(1, 7, n_teams=6, regular_games=30)
    last = sources["game-logs"].frame["GAME_DATE"].max()
    early, late = (_of_dates(sources, is_late=is_late, last=last) for is_late in (False, True))
    world.refused("export of nothing", lambda: world.export("nothing"))
    for kind, source in (sources | early).items():
        world.ingest(f"ingest {kind}", kind, source)
    world.ingest("the same again", "points-lines", sources["points-lines"])
    first = world.backfill("first backfill")
    world.export("first build")

    for kind in GAMES:
        world.ingest(f"one more date of {kind}", kind, late[kind])
    world.status("status with a stale date")
    second = world.backfill("one more date")
    world.ingest("a correction", "game-logs", _corrected(sources["game-logs"]))
    world.backfill("after the correction")
    world.export("newest build")
    world.export("first build, later", first)
    world.diff("diff", second, second + 1)
    world.verify("verify")
    world.status("status")

    _lose_rows(world)
    world.status("status with lost rows")
    world.backfill("after the loss")
    world.refused("another season", lambda: world.backfill("unknown", seasons=(1999, 1999)))
    world.refused("bad build", lambda: _build_of_one_score(world))
    world.export("newest build after a refusal")
    world.prune("prune")
    world.refused("export of a pruned build", lambda: world.export("pruned", first))
    world.export("newest build after pruning")


def _of_dates(sources: dict[str, Source], *, is_late: bool, last: str) -> dict[str, Source]:
    """The sources of what comes after the games, of the last date or of those before it."""
    logs = sources["game-logs"].frame
    games = logs.filter((pl.col("GAME_DATE") == last) == is_late)["GAME_ID"].unique()
    return {
        kind: Source(kind, sources[kind].frame.filter(pl.col("GAME_ID").is_in(games.implode())), "0" * 64)
        for kind in GAMES
    }


def _corrected(logs: Source) -> Source:
    """One player of a game in the middle made a free throw more."""
    row = logs.frame.with_row_index("row").filter(pl.col("MIN") > 20)
    place = row["row"][row.height // 2]
    one_more = [
        pl.when(pl.col("row") == place).then(pl.col(name) + 1).otherwise(name).alias(name)
        for name in ("FTM", "FTA", "PTS")
    ]
    frame = logs.frame.with_row_index("row").with_columns(one_more).filter(pl.col("row") == place).drop("row")
    return Source("correction", frame, "1" * 64)


def _lose_rows(world: World) -> None:
    """One date's rows of one builder go, behind everybody's back."""
    table = builder_table("player_daily_cache", world.feature_set)
    day: date = world.current("player_daily_cache")["game_date"].sort()[500]
    with writing(world.engine) as connection:
        connection.execute(sa.delete(table).where(table.c.game_date == day))


def _build_of_one_score(world: World) -> None:
    """Everybody always scores 2, from the line: the rows are refused, and the facts are put back."""
    box = tables.player_games
    same = dict.fromkeys(tables.BOX_COUNTS, 0) | {"ftm": 2, "fta": 2, "points": 2, "minutes": 20}
    with writing(world.engine) as connection:
        kept = read_frame(connection, sa.select(box)).to_dicts()
        connection.execute(sa.update(box).values(**same))
    try:
        world.backfill("bad build")
    finally:
        with writing(world.engine) as connection:
            connection.execute(sa.delete(box))
            connection.execute(sa.insert(box), kept)
