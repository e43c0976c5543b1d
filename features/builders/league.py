"""What the rows of every player look at beyond his own facts: the teams, the league, and team-mates listed out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import partial

import polars as pl

from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features.builders import team_defense_zone_analysis
from features.builders.books import list_lines
from features.builders.player_composite_factors import stars_listed_out
from features.builders.results import refuse_broken, total_team_games
from features.builders.slate import refuse_unscheduled, team_schedule
from features.builders.spread import Spread
from features.builders.team_form import team_form
from features.builders.team_mates import list_team_mates
from features.definitions_v3 import BOOKS, LISTED_TEAM_MATES, TEAM_MATES, is_named
from features.raw.facts import RawFacts

_MATE = ("game_id", "team_id", "player_id")
_LINE = ("game_date", "game_id", "player_id")


@dataclass(frozen=True)
class League:
    """What is prepared once and is the same for all players; frames a team and game, small beside the players' rows.

    schedule: slate.team_schedule; team_games: results.Results.team_games; defense: the builder
    team_defense_zone_analysis; form: team_form.team_form; stars_out: player_composite_factors.stars_listed_out.
    Of one row a player and game: team_mates: team_mates.list_team_mates; lines: books.list_lines (None: the feature
    set needs none).
    """

    schedule: pl.DataFrame
    team_games: pl.DataFrame
    defense: pl.DataFrame
    form: pl.DataFrame
    stars_out: pl.DataFrame
    team_mates: pl.DataFrame | None
    lines: pl.DataFrame | None


def prepare_league(
    raw: RawFacts,
    feature_set: FeatureSet,
    settings: FeatureSettings,
    dates: Collection[date] | None,
    spread: Spread,
) -> League:
    """The league as the games of `dates` (None: all) may look at it.

    Spread are the sums over a game's players, by game, and, by player, the stars listed out and, where `feature_set`
    needs them, the team-mates and the points lines. What is made of their results, one row a team and game, is made in
    one piece: the league's figures need every team.

    Raises RefusedError where box scores lack their schedule row or are of one team only.
    """
    team_games = spread(total_team_games, raw, "game_id", ("game_date", "game_id", "team_id"))
    refuse_broken(team_games)
    refuse_unscheduled(raw)
    schedule = team_schedule(raw, settings, dates)
    cutoff = settings.line_cutoff_minutes
    find_stars = partial(stars_listed_out, schedule=schedule, line_cutoff_minutes=cutoff)
    list_mates = partial(list_team_mates, schedule=schedule, team_games=team_games, line_cutoff_minutes=cutoff)
    needs_lines = is_named(BOOKS, feature_set)
    needs_mates = needs_lines or is_named((*TEAM_MATES, *LISTED_TEAM_MATES), feature_set)
    return League(
        schedule=schedule,
        team_games=team_games,
        defense=team_defense_zone_analysis.build(schedule, team_games, has_shot_zones="shot-zones" in raw.ingested),
        form=team_form(schedule, team_games),
        stars_out=spread(find_stars, raw, "player_id", _MATE),
        team_mates=spread(list_mates, raw, "player_id", _MATE) if needs_mates else None,
        lines=spread(partial(list_lines, line_cutoff_minutes=cutoff), raw, "player_id", _LINE) if needs_lines else None,
    )
