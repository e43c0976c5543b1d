"""One league a database: a made-up one is mixed neither with the real one nor with another made-up one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa

from contracts import tables
from contracts.errors import RefusedError
from features.sources.files import Source
from features.sources.league.names import FIRST_TEAM_ID, TEAMS

REMEDY = "Set TIPOFF_HOME (or TIPOFF_DATABASE_URL) to a place of its own for each league."


def refuse_other_league(connection: sa.Connection, sources: Sequence[Source], rows: pl.DataFrame) -> None:
    """Nothing, where the box scores `rows` of `sources` are of the league that is known, or none is known yet.

    Raises RefusedError where made-up and real teams would stand side by side, or two made-up leagues: they share ids
    of games and of teams, so that one would overwrite the other and every figure of the league be of neither.
    """
    known = set(connection.execute(sa.select(tables.teams.c.team_id)).scalars())
    given = set(rows["team_id"].to_list())
    kinds = {_is_made_up(team_id) for team_id in known | given}
    if len(kinds) > 1:
        there, news = ("a made-up", "real") if any(map(_is_made_up, known)) else ("a real", "made-up")
        raise RefusedError(f"The database holds {there} league; {news} games would mix with it.", remedy=REMEDY)
    _refuse_other_seed(connection, sources)


def _refuse_other_seed(connection: sa.Connection, sources: Sequence[Source]) -> None:
    """Seasons may be added to a simulated league; its seed, first season and size may not change."""
    query = sa.select(tables.ingests.c.source).where(tables.ingests.c.kind == "game-logs", tables.ingests.c.n_rows > 0)
    known = {league for name in connection.execute(query).scalars() if (league := _simulated(name))}
    given = {league for source in sources if (league := _simulated(source.name))}
    if known and given - known:
        raise RefusedError(
            f"The database holds the simulated league of {'; '.join(sorted(known))}; "
            f"that of {'; '.join(sorted(given - known))} has the same ids of games and teams.",
            remedy=REMEDY,
        )


def _simulated(source: str) -> str | None:
    """'seed=7, first=2022, ...' of a simulated source's name, None of any other."""
    match = re.fullmatch(r"simulated \S+ \(seasons=\d+, (.*)\)", source)
    return match[1] if match else None


def _is_made_up(team_id: int) -> bool:
    return FIRST_TEAM_ID <= team_id < FIRST_TEAM_ID + len(TEAMS)
