"""Stored feature rows for player-games and for a slate, or why there is none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.feature_set import FeatureSet
from contracts.populations import population
from contracts.tables import build_units, games, player_games, players
from features.table.builds import Build, code_hash, current_build
from features.table.rows import read_rows
from serving.faults import NoGamesError
from serving.predictor import FeatureRow, RowFault

Key = tuple[str, int]
"""(game_id, player_id)."""

KEYS = ("game_id", "player_id", "game_date")
BACKFILL = "`tipoff features backfill`"
STALE = "The rows of {} were made by other facts, code or definitions than these: " + BACKFILL + " builds them again."


@dataclass(frozen=True)
class StoredRows:
    """A row or a fault for each player-game, in order, and the game dates of those that are in the feature table."""

    rows: list[FeatureRow | RowFault]
    game_dates: dict[Key, date]


def find_rows(
    engine: sa.Engine, feature_set: FeatureSet, keys: Sequence[Key], stale: Collection[date] = ()
) -> StoredRows:
    """The current build's rows for `keys`; a fault for each key that has none, or whose date is stale.

    `stale` names dates whose facts have changed; those of other code or definitions are found here.
    """
    wanted = sorted(set(keys))
    build = current_build(engine, feature_set)
    frame = _read(engine, feature_set, build, wanted)
    found = _by_key(frame, feature_set, build, _stale_dates(engine, feature_set, build, frame).union(stale))
    absent = [key for key in wanted if key not in found]
    if absent:
        found |= _faults(engine, feature_set, absent)
    return StoredRows([found[key] for key in keys], _dates(frame))


def find_slate(engine: sa.Engine, feature_set: FeatureSet, game_date: date, stale: Collection[date] = ()) -> StoredRows:
    """The rows of the player-games expected on `game_date`, by game and player; `stale` as for `find_rows`.

    Raises NoGamesError where there are none.
    """
    build = current_build(engine, feature_set)
    frame = pl.DataFrame()
    if build is not None:
        rows = read_rows(engine, feature_set, build_id=build.build_id, date_from=game_date, date_to=game_date)
        frame = rows.filter(population("expected")).sort("game_id", "player_id")
    if frame.is_empty():
        raise _no_slate(engine, feature_set, game_date)
    all_stale = _stale_dates(engine, feature_set, build, frame).union(stale)
    return StoredRows(list(_by_key(frame, feature_set, build, all_stale).values()), _dates(frame))


def _no_slate(engine: sa.Engine, feature_set: FeatureSet, game_date: date) -> NoGamesError:
    """Nobody stands on the slate: the schedule has no game, or one that is too far ahead, or nothing was built."""
    message = f"No player-games are expected on {game_date.isoformat()} in the feature table of {feature_set.name}."
    scheduled = sa.select(sa.func.count()).where(games.c.game_date == game_date)
    latest_result = sa.select(sa.func.max(player_games.c.game_date))
    with engine.connect() as connection:
        n_games = connection.execute(scheduled).scalar_one()
        latest = connection.execute(latest_result).scalar()
    if n_games and latest is not None and game_date > latest:
        message += f" {n_games} games are scheduled, after the latest results of {latest.isoformat()}."
        remedy = (
            f"Run {BACKFILL}: it builds the next dates with games, as many as the setting features.coming_game_dates "
            "says. If this date is further ahead, ingest the results before it, or raise the setting."
        )
    else:
        remedy = f"Choose a date with games, or build it: {BACKFILL}."
    return NoGamesError(message, remedy=remedy)


def _read(engine: sa.Engine, feature_set: FeatureSet, build: Build | None, keys: list[Key]) -> pl.DataFrame:
    if build is None or not keys:
        return pl.DataFrame()
    columns = [*KEYS, "line", *feature_set.names]
    return read_rows(engine, feature_set, build_id=build.build_id, player_games=keys, columns=columns)


def _by_key(
    frame: pl.DataFrame, feature_set: FeatureSet, build: Build | None, stale: set[date]
) -> dict[Key, FeatureRow | RowFault]:
    if build is None or frame.is_empty():
        return {}
    names = feature_set.names
    return {
        (game_id, player_id): RowFault("stale_features", STALE.format(game_date), player_id, game_id)
        if game_date in stale
        else FeatureRow(
            values=dict(zip(names, values, strict=True)),
            player_id=player_id,
            game_id=game_id,
            build_id=build.build_id,
            feature_set_hash=build.feature_set_hash,
            known_line=line,
        )
        for game_id, player_id, game_date, line, *values in frame.select(*KEYS, "line", *names).rows()
    }


def _stale_dates(engine: sa.Engine, feature_set: FeatureSet, build: Build | None, frame: pl.DataFrame) -> set[date]:
    """The dates of `frame` whose rows other code or other definitions made.

    Where a build that is not done has written a date anew, what is known of its present rows is the code of `build`.
    """
    if build is None or frame.is_empty():
        return set()
    unit = build_units.c
    query = sa.select(unit.game_date, unit.code_hash, unit.feature_set_hash, unit.build_id).where(
        unit.feature_set == feature_set.name, unit.game_date.in_(frame["game_date"].unique().to_list())
    )
    now = (code_hash(), feature_set.hash)
    with engine.connect() as connection:
        units = connection.execute(query).all()
    return {
        row.game_date
        for row in units
        if ((build.code_hash, build.feature_set_hash) if row.build_id > build.build_id else (row[1], row[2])) != now
    }


def _faults(engine: sa.Engine, feature_set: FeatureSet, keys: Sequence[Key]) -> dict[Key, RowFault]:
    known = _known_players(engine, {player_id for _, player_id in keys})
    return {key: _fault(feature_set, key, is_known=key[1] in known) for key in keys}


def _fault(feature_set: FeatureSet, key: Key, *, is_known: bool) -> RowFault:
    game_id, player_id = key
    if not is_known:
        return RowFault("unknown_player", f"No player {player_id} was ever ingested.", player_id, game_id)
    message = f"{feature_set.name} has no row for player {player_id} in game {game_id}: check both, or run {BACKFILL}."
    return RowFault("no_features", message, player_id, game_id)


def _known_players(engine: sa.Engine, player_ids: set[int]) -> set[int]:
    wanted = sorted(player_ids)
    with engine.connect() as connection:
        named = connection.execute(sa.select(players.c.player_id).where(players.c.player_id.in_(wanted))).scalars()
        appeared = connection.execute(
            sa.select(player_games.c.player_id).where(player_games.c.player_id.in_(wanted)).distinct()
        ).scalars()
        return {*named, *appeared}


def _dates(frame: pl.DataFrame) -> dict[Key, date]:
    if frame.is_empty():
        return {}
    rows = frame.select(KEYS).rows()
    return {(game_id, player_id): game_date for game_id, player_id, game_date in rows}
