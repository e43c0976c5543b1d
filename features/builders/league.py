"""What the rows of every player look at beyond his own facts: the teams, the league, and team-mates listed out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import partial

import polars as pl

from contracts.settings import FeatureSettings
from features.builders import team_defense_zone_analysis
from features.builders.player_composite_factors import stars_listed_out
from features.builders.results import refuse_broken, total_team_games
from features.builders.slate import refuse_unscheduled, team_schedule
from features.builders.spread import Spread
from features.builders.team_form import team_form
from features.raw.facts import RawFacts


@dataclass(frozen=True)
class League:
    """Frames a team and game, small beside the players' rows: prepared once, the same for all players.

    schedule: slate.team_schedule; team_games: results.Results.team_games; defense: the builder
    team_defense_zone_analysis; form: team_form.team_form; stars_out: player_composite_factors.stars_listed_out.
    """

    schedule: pl.DataFrame
    team_games: pl.DataFrame
    defense: pl.DataFrame
    form: pl.DataFrame
    stars_out: pl.DataFrame


def prepare_league(raw: RawFacts, settings: FeatureSettings, dates: Collection[date] | None, spread: Spread) -> League:
    """The league as the games of `dates` (None: all) may look at it.

    Two stages are spread: the sums over a game's players, by game, and the stars listed out, by player. What is made of
    their results, one row a team and game, is made in one piece: the league's figures need every team.

    Raises RefusedError where box scores lack their schedule row or are of one team only.
    """
    team_games = spread(total_team_games, raw, "game_id", ("game_date", "game_id", "team_id"))
    refuse_broken(team_games)
    refuse_unscheduled(raw)
    schedule = team_schedule(raw, dates)
    find_stars = partial(stars_listed_out, schedule=schedule, line_cutoff_minutes=settings.line_cutoff_minutes)
    return League(
        schedule=schedule,
        team_games=team_games,
        defense=team_defense_zone_analysis.build(schedule, team_games, has_shot_zones="shot-zones" in raw.ingested),
        form=team_form(schedule, team_games),
        stars_out=spread(find_stars, raw, "player_id", ("game_id", "team_id", "player_id")),
    )
