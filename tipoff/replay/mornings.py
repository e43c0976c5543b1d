"""The mornings of past game dates: when each is predicted, and what was known by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from contracts.clock import LEAGUE_ZONE
from features.raw.facts import RawFacts

NOON = time(12, 0)
"""When a date is predicted whose tip-offs nobody knows, New York time."""
CLOSING = ("spread_home", "total")
UNDATED = ("shot_zones", "game_lines")
"""The raw tables that tell no date of their own."""


@dataclass(frozen=True)
class Morning:
    """A moment (aware), the game date that is predicted at it, and the last date whose games are on the schedule."""

    game_date: date
    moment: datetime
    schedule_to: date


def mornings(raw: RawFacts, first: date, last: date, line_cutoff_minutes: int) -> list[Morning]:
    """One for each date with games of the inclusive span, in order: the cut-off of its first tip-off.

    Tip-off is the schedule's, else the books'; where neither gives one, noon in New York.
    """
    books = raw.points_lines.group_by("game_id").agg(pl.col("tip_off_at").min().alias("at_books"))
    dated = raw.games.filter(pl.col("game_date").is_between(first, last)).join(books, on="game_id", how="left")
    firsts = dated.group_by("game_date").agg(pl.coalesce("tip_off_at", "at_books").min().alias("at")).sort("game_date")
    pause = timedelta(minutes=line_cutoff_minutes)
    return [Morning(day, at - pause if at is not None else _noon(day), day) for day, at in firsts.iter_rows()]


def morning_after(last: Morning) -> Morning:
    """Noon of the day after: what happened on the last date is known, and nothing is on the schedule."""
    day = last.game_date + timedelta(days=1)
    return Morning(day, _noon(day), last.game_date)


def news(raw: RawFacts, by: Morning, before: Morning | None) -> dict[str, pl.DataFrame]:
    """What was known `by` a morning and was not, or was otherwise, on the one `before` it (None: nothing was known).

    Known are: the schedule up to the date; results and shots of earlier dates; lines captured by then; injuries
    captured by then or, without a time, entered on an earlier day; closing game lines of earlier dates, of the date
    itself those of the morning alone. Raw tables by name; teams and players, which have no time, the first time only.
    """
    facts = {name: frame.filter(_is_known(name, by)) for name, frame in _dated(raw).items()}
    if before is None:
        facts |= {"teams": raw.teams, "players": raw.players}
    else:
        facts = {
            name: frame.filter(~_is_known(name, before) | _is_otherwise(name, before)) for name, frame in facts.items()
        }
    is_over = pl.col("game_date") < by.game_date
    closed = [pl.when(is_over).then(pl.col(name)).alias(name) for name in CLOSING]
    facts["game_lines"] = facts["game_lines"].with_columns(closed)
    return {name: frame.drop("game_date") if name in UNDATED else frame for name, frame in facts.items()}


def counts_by_kind(facts: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """How many of `facts` each kind of source would have brought."""
    tables = {
        "game-logs": "player_games",
        "schedule": "games",
        "shot-zones": "shot_zones",
        "points-lines": "points_lines",
        "injuries": "injuries",
        "game-lines": "game_lines",
    }
    counts = {kind: facts[table].height for kind, table in tables.items() if table in facts}
    if "players" in facts:
        counts["positions"] = facts["players"]["position"].count()
        counts["players"] = facts["players"]["birth_date"].count()
    return counts


def _dated(raw: RawFacts) -> dict[str, pl.DataFrame]:
    """The tables that grow with time, shots and game lines with their game_date."""
    appeared = raw.player_games.select("game_id", "player_id", "game_date")
    scheduled = raw.games.select("game_id", "game_date")
    return {
        "games": raw.games,
        "player_games": raw.player_games,
        "shot_zones": raw.shot_zones.join(appeared, on=["game_id", "player_id"], how="inner"),
        "points_lines": raw.points_lines,
        "injuries": raw.injuries,
        "game_lines": raw.game_lines.join(scheduled, on="game_id", how="inner"),
    }


def _is_known(table: str, by: Morning) -> pl.Expr:
    if table == "points_lines":
        return pl.col("captured_at") <= by.moment
    if table == "injuries":
        entered = pl.col("reported_on") < by.game_date
        return pl.when(pl.col("captured_at").is_null()).then(entered).otherwise(pl.col("captured_at") <= by.moment)
    last = by.schedule_to if table in ("games", "game_lines") else by.game_date - timedelta(days=1)
    return pl.col("game_date") <= last


def _is_otherwise(table: str, before: Morning) -> pl.Expr:
    """Of what was known `before`, the rows that have changed since: game lines that have closed."""
    return pl.col("game_date") >= before.game_date if table == "game_lines" else pl.lit(value=False)


def _noon(game_date: date) -> datetime:
    return datetime.combine(game_date, NOON, LEAGUE_ZONE).astimezone(UTC)
