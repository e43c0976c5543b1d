"""A player by his id or by his name."""

from __future__ import annotations

import sqlalchemy as sa

from contracts.errors import UsageError
from contracts.tables import player_games, players

MOST_CANDIDATES = 10


def find_player(engine: sa.Engine, asked: str) -> tuple[int, str]:
    """(player_id, name) of the player whose id, whole name or part of a name `asked` is; capitals do not count.

    Raises UsageError where nobody is, or several are: it lists them.
    """
    with engine.connect() as connection:
        if asked.strip().isdecimal():
            return _by_id(connection, int(asked))
        rows = connection.execute(sa.select(players.c.player_id, players.c.name).where(players.c.name.is_not(None)))
        known = [(row.player_id, row.name) for row in rows.all()]
    wanted = asked.strip().casefold()
    found = [each for each in known if each[1].casefold() == wanted]
    found = found or [each for each in known if wanted and wanted in each[1].casefold()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"Nobody is called {asked!r}.", remedy="Write his id, his name or a part of it.")
    listed = ", ".join(f"{player_id} ({name})" for player_id, name in sorted(found)[:MOST_CANDIDATES])
    more = f" and {len(found) - MOST_CANDIDATES} more" if len(found) > MOST_CANDIDATES else ""
    raise UsageError(f"{len(found)} players are called {asked!r}: {listed}{more}.", remedy="Give the id of one.")


def _by_id(connection: sa.Connection, player_id: int) -> tuple[int, str]:
    name = connection.execute(sa.select(players.c.name).where(players.c.player_id == player_id)).one_or_none()
    appeared = sa.select(player_games.c.player_id).where(player_games.c.player_id == player_id).limit(1)
    if name is None and connection.execute(appeared).first() is None:
        raise UsageError(f"There is no player {player_id}.", remedy="Write his id, his name or a part of it.")
    return player_id, (name.name if name is not None and name.name else f"player {player_id}")
