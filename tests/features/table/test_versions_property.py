"""Whatever happens to the raw facts, the code and the process: what a build said it says for ever, bit for bit."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from contracts import tables
from contracts.database import open_database, read_frame, writing
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.builders.compute import BUILDERS, compute
from features.raw.facts import read_raw
from features.table import backfill as backfill_module
from features.table import builds, units
from features.table.backfill import backfill
from features.table.builds import current_build
from features.table.diff import diff
from features.table.export import export
from features.table.rows import read_rows, read_rows_of_builds
from features.table.status import stale_dates, status
from features.table.versioned_rows import as_of, builder_table, columns_as_of, key_columns, payload_columns

N_EXAMPLES = 15
SEASON = (2022, 2022)


class KilledError(BaseException):
    """The process ends between two chunks."""


@dataclass
class World:
    """A database, what was exported of it when, and what happened since the last build."""

    engine: sa.Engine
    feature_set: FeatureSet
    folder: Path
    copies: dict[int, bytes] = field(default_factory=dict)
    n_recoded: int = 0

    def keep_copy(self) -> None:
        """Export the current build, once."""
        build = current_build(self.engine, self.feature_set)
        if build is not None and build.build_id not in self.copies:
            self.copies[build.build_id] = self.exported(build.build_id)

    def exported(self, build_id: int) -> bytes:
        export(self.engine, self.feature_set, self.folder / "rows.parquet", build_id=build_id)
        return (self.folder / "rows.parquet").read_bytes()


def correct(world: World, pick: Callable[[int], int]) -> None:
    """A box score is corrected."""
    box = tables.player_games
    with writing(world.engine) as connection:
        keys = connection.execute(sa.select(box.c.game_id, box.c.player_id).where(box.c.minutes > 0)).all()
        game, player = sorted(keys)[pick(len(keys))]
        connection.execute(
            sa.update(box)
            .where(box.c.game_id == game, box.c.player_id == player)
            .values(ftm=box.c.ftm + 1, fta=box.c.fta + 1, points=box.c.points + 1)
        )


def lose_results(world: World, pick: Callable[[int], int]) -> None:
    """The last date's box scores are taken back: its games are to come again."""
    box = tables.player_games
    with writing(world.engine) as connection:
        last = connection.execute(sa.select(sa.func.max(box.c.game_date))).scalar_one()
        connection.execute(sa.delete(box).where(box.c.game_date == last))


def play(world: World, pick: Callable[[int], int]) -> None:
    """A game to come is played, by who played for the teams last."""
    box, games = tables.player_games, tables.games
    with writing(world.engine) as connection:
        last = connection.execute(sa.select(sa.func.max(box.c.game_date))).scalar_one()
        to_come = sa.select(games).where(games.c.game_date > last).order_by(games.c.game_date, games.c.game_id)
        game = connection.execute(to_come).mappings().first()
        if game is None:
            return
        for team, other, is_home in (
            (game["home_team_id"], game["away_team_id"], True),
            (game["away_team_id"], game["home_team_id"], False),
        ):
            before = sa.select(sa.func.max(box.c.game_id)).where(box.c.team_id == team).scalar_subquery()
            rows = connection.execute(sa.select(box).where(box.c.team_id == team, box.c.game_id == before)).mappings()
            told = {name: game[name] for name in ("game_id", "season", "season_type", "game_date")}
            played = [dict(row) | told | {"opponent_id": other, "is_home": is_home} for row in rows]
            connection.execute(sa.insert(box), played)


def move(world: World, pick: Callable[[int], int]) -> None:
    """A game to come is put off by a day, or brought forward."""
    games, box = tables.games, tables.player_games
    with writing(world.engine) as connection:
        last = connection.execute(sa.select(sa.func.max(box.c.game_date))).scalar_one()
        to_come = connection.execute(
            sa.select(games.c.game_id, games.c.game_date).where(games.c.game_date > last)
        ).all()
        if to_come:
            game, day = sorted(to_come)[pick(len(to_come))]
            later = max(last, day + timedelta(days=pick(3) - 1))
            connection.execute(sa.update(games).where(games.c.game_id == game).values(game_date=later))


def add_line(world: World, pick: Callable[[int], int]) -> None:
    """A line of a book comes late."""
    lines = tables.points_lines
    with writing(world.engine) as connection:
        known = connection.execute(sa.select(lines).order_by(*lines.primary_key)).mappings().all()
        line = dict(known[pick(len(known))])
        connection.execute(sa.insert(lines).values(**line | {"book": f"late {len(known)}", "line": 33.5}))


def list_injured(world: World, pick: Callable[[int], int]) -> None:
    """An entry of the injury list comes late."""
    box, listed = tables.player_games, tables.injuries
    with writing(world.engine) as connection:
        rows = sorted(connection.execute(sa.select(box.c.game_date, box.c.player_id)).all())
        day, player = rows[pick(len(rows))]
        n_entries = connection.execute(sa.select(sa.func.count()).select_from(listed)).scalar_one()
        entry = {"player_id": player, "reported_on": day, "status": "out", "note": f"late {n_entries}"}
        connection.execute(sa.insert(listed).values(**entry, captured_at=None, entry=n_entries))


def recode(world: World, pick: Callable[[int], int]) -> None:
    """The builders' code changes."""
    world.n_recoded += 1


EVENTS = (correct, correct, lose_results, play, play, move, add_line, list_injured, recode)
EVENT = st.sampled_from(EVENTS)
STEP = st.tuples(
    st.lists(EVENT, min_size=1, max_size=3), st.sampled_from(["build", "build", "rebuild", "kill", "season"])
)


@pytest.mark.slow
@hypothesis.given(steps=st.lists(STEP, min_size=2, max_size=6), data=st.data())
@hypothesis.settings(max_examples=N_EXAMPLES, suppress_health_check=list(hypothesis.HealthCheck))
def test_what_a_build_said_it_says_for_ever(steps, data, built_file, feature_set, tmp_path_factory):
    _live_through(steps, data, built_file, feature_set, tmp_path_factory.mktemp("world"))


def _live_through(steps: list[Any], data: Any, file: Path, feature_set: FeatureSet, folder: Path) -> None:
    shutil.copy(file, folder / "league.db")
    world = World(open_database(f"sqlite:///{folder / 'league.db'}"), feature_set, folder)
    settings = Settings()
    world.keep_copy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfill_module, "CHUNK_DATES", 10)
        genuine = builds.code_hash()
        for module in (builds, units):
            patch.setattr(module, "code_hash", lambda: f"{world.n_recoded:02d}{genuine}"[:64])
        for events, way in steps:
            for event in events:
                event(world, lambda n: data.draw(st.integers(0, n - 1)))
            _build(world, settings, way, data)
            world.keep_copy()
            for build_id, copy in world.copies.items():
                assert world.exported(build_id) == copy, f"build {build_id} is not what it was"
            _assert_many_builds_read_as_one_by_one(world)
        _build(world, settings, "build", data)
        _assert_it_is_true(world, settings)
    world.engine.dispose()


def _assert_many_builds_read_as_one_by_one(world: World) -> None:
    key = ["game_id", "player_id", "build_id"]
    each = pl.concat(
        read_rows(world.engine, world.feature_set, build_id=build_id).with_columns(build_id=pl.lit(build_id))
        for build_id in world.copies
    )
    columns = [name for name in each.columns if name not in key]
    at_once = read_rows_of_builds(world.engine, world.feature_set, each, columns)
    assert_frame_equal(at_once.sort(key), each.select(*key, *columns).sort(key), check_exact=True)


def _build(world: World, settings: Settings, way: str, data: Any) -> None:
    """One backfill; the rows that it changed are those whose values changed, and no others."""
    before = current_build(world.engine, world.feature_set)
    if way == "kill":
        n_chunks = data.draw(st.integers(0, 3))

        def die(done: int, _total: int) -> None:
            if done >= n_chunks * backfill_module.CHUNK_DATES:
                raise KilledError

        with contextlib.suppress(KilledError):
            backfill(world.engine, world.feature_set, settings, progress=die)
        return
    asked = {"rebuild": way == "rebuild", "seasons": SEASON if way == "season" else None}
    report = backfill(world.engine, world.feature_set, settings, **asked)
    if report.build_id != before.build_id:
        _assert_only_changes_were_written(world, before.build_id, report.build_id)


def _assert_only_changes_were_written(world: World, before: int, now: int) -> None:
    """A row of the table that both builds have is one row where its values are the same, and two where not."""
    for builder in BUILDERS:
        table = builder_table(builder, world.feature_set)
        old, new = (_rows(world, table, build_id) for build_id in (before, now))
        values = payload_columns(table)
        same_values = new.join(old, on=values, how="semi", nulls_equal=True)
        same_row = new.join(old, on=[*key_columns(table), "from_build"], how="semi")
        # what an unfinished build wrote and the next took back may be written anew
        rewritten = same_values.height - same_values.join(same_row, on=key_columns(table), how="semi").height
        assert rewritten == 0 or _was_unfinished(world, before, now)
        changed = same_row.join(same_values, on=key_columns(table), how="anti")
        assert changed.is_empty() or set(changed["state"]) & {"played", "under_30_seconds", "absent"}


def _was_unfinished(world: World, before: int, now: int) -> bool:
    return now - before > 1


def _rows(world: World, table: sa.Table, build_id: int) -> pl.DataFrame:
    columns = [*columns_as_of(table, payload_columns(table), build_id), table.c.from_build]
    with world.engine.connect() as connection:
        return read_frame(connection, sa.select(*columns).where(as_of(table, build_id)))


def _assert_it_is_true(world: World, settings: Settings) -> None:
    """What stands there is what the builders say of the facts, nothing is stale, and the diff adds up."""
    assert stale_dates(world.engine, world.feature_set, settings) == []
    assert status(world.engine, settings).complete
    with world.engine.connect() as connection:
        raw = read_raw(connection)
    computed = compute(raw, world.feature_set, settings.features)[BUILDERS[-1]]
    stored = read_rows(world.engine, world.feature_set)
    assert_frame_equal(stored, computed.select(stored.columns), check_exact=True)
    first, last = min(world.copies), current_build(world.engine, world.feature_set).build_id
    found = diff(world.engine, first, last)
    old, new = (read_rows(world.engine, world.feature_set, build_id=build_id) for build_id in (first, last))
    key = ["game_id", "player_id"]
    assert found.only_in_a == old.join(new, on=key, how="anti").height
    assert found.only_in_b == new.join(old, on=key, how="anti").height
    both = new.join(old, on=key, how="semi")
    assert found.changed_rows == both.join(old, on=both.columns, how="anti", nulls_equal=True).height
    assert "unexplained" not in found.causes
