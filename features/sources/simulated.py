"""The simulated league: invented seasons in the layouts of real files, the same for the same seed."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from contracts.errors import UsageError
from features.sources.files import Source
from features.sources.league.frames import to_frames
from features.sources.league.names import TEAMS
from features.sources.league.oracle import Knowledge, OracleError, oracle_errors, true_medians
from features.sources.league.parameters import LeagueParameters
from features.sources.league.people import World, found, summer
from features.sources.league.season import Season, play_season

KINDS = (
    *("game-logs", "schedule", "game-lines", "points-lines"),
    *("injuries", "shot-zones", "positions", "players"),
)
"""What a simulated league consists of, by the names that `tipoff ingest` knows."""


def simulate_league(
    n_seasons: int,
    seed: int,
    first_season: int = 2022,
    n_teams: int = 30,
    regular_games: int = 82,
    parameters: LeagueParameters | None = None,
) -> dict[str, pl.DataFrame]:
    """Kind (one of KINDS) -> frame, for `n_seasons` seasons from the one that starts in year `first_season` on.

    `n_teams` is even, 4 to 30; `regular_games` (2 to 82) are those of each team before the playoffs. The same
    arguments give the same frames, and fewer seasons give the first ones of more (positions and players aside, which
    know everybody who comes). Layouts are those of the real files; nobody and nothing in them exists.
    Raises UsageError where an argument is outside its bounds.
    """
    parameters = parameters or LeagueParameters()
    seasons, world = _play_seasons(n_seasons, seed, first_season, n_teams, regular_games, parameters)
    return to_frames(seasons, world, parameters)


def oracle_mae(
    n_seasons: int,
    seed: int,
    first_season: int = 2022,
    n_teams: int = 30,
    regular_games: int = 82,
    parameters: LeagueParameters | None = None,
    replays: int = 100,
    knowledge: Knowledge = Knowledge.LINEUP,
) -> dict[str, OracleError]:
    """Population -> the lowest mean absolute error that anybody can reach on the last season of that league, points.

    It is that of the true medians: of each player's points given all that is settled before tip-off, or with another
    `knowledge` what those can know of it who read lines, or none. They are found by playing every game of the season
    `replays` times more (about 10 s for 100), and are kept nowhere.
    Raises UsageError where an argument is outside its bounds.
    """
    parameters = parameters or LeagueParameters()
    seasons, world = _play_seasons(n_seasons, seed, first_season, n_teams, regular_games, parameters)
    frames = to_frames(seasons, world, parameters)
    logs, lines = frames["game-logs"], frames["points-lines"]
    return oracle_errors(seasons[-1].played, logs, lines, parameters, replays=replays, seed=seed, knowledge=knowledge)


def oracle_medians(
    n_seasons: int,
    seed: int,
    first_season: int = 2022,
    n_teams: int = 30,
    regular_games: int = 82,
    replays: int = 100,
    knowledge: Knowledge = Knowledge.LINEUP,
) -> pl.DataFrame:
    """What `oracle_mae` is made of, row by row, for whoever holds a system against the very same rows of that season.

    GAME_ID, PLAYER_ID and the true medians: the columns of features.sources.league.oracle.true_medians, and `realized`
    tells their error. Made anew with each call, and kept nowhere.
    Raises UsageError where an argument is outside its bounds.
    """
    parameters = LeagueParameters()
    seasons, _ = _play_seasons(n_seasons, seed, first_season, n_teams, regular_games, parameters)
    return true_medians(seasons[-1].played, parameters, replays=replays, seed=seed, knowledge=knowledge)


def league_sources(
    n_seasons: int, seed: int, first_season: int = 2022, n_teams: int = 30, regular_games: int = 82
) -> dict[str, Source]:
    """The same league as sources, ready for `ingest`: kind -> Source, in the order in which to ingest them.

    A source's name begins with "simulated" and says how to make it again; its SHA-256 is that of its rows as CSV.
    Raises UsageError where an argument is outside its bounds.
    """
    frames = simulate_league(n_seasons, seed, first_season, n_teams, regular_games)
    league = f"seasons={n_seasons}, seed={seed}, first={first_season}, teams={n_teams}, games={regular_games}"
    return {
        kind: Source(f"simulated {kind} ({league})", frame, hashlib.sha256(frame.write_csv().encode()).hexdigest())
        for kind, frame in frames.items()
    }


def _play_seasons(
    n_seasons: int, seed: int, first_season: int, n_teams: int, regular_games: int, parameters: LeagueParameters
) -> tuple[list[Season], World]:
    _check(n_seasons, seed, first_season, n_teams, regular_games)
    founding, *years = np.random.SeedSequence(seed).spawn(n_seasons + 1)
    world = found(n_teams, first_season, parameters, np.random.default_rng(founding))
    seasons = []
    for number, seeds in enumerate(years):
        summer_seeds, season_seeds = seeds.spawn(2)
        if number:
            world = summer(world, first_season + number, parameters, np.random.default_rng(summer_seeds))
        season, world = play_season(world, first_season + number, regular_games, parameters, season_seeds)
        seasons.append(season)
    return seasons, world


def _check(n_seasons: int, seed: int, first_season: int, n_teams: int, regular_games: int) -> None:
    faults = [
        f"{name} = {value} (allowed: {allowed})"
        for name, value, allowed, is_right in (
            ("seasons", n_seasons, "1 to 50", 1 <= n_seasons <= 50),
            ("seed", seed, "0 or more", seed >= 0),
            ("first season", first_season, "1950 to 2090", 1950 <= first_season <= 2090),
            ("teams", n_teams, f"4 to {len(TEAMS)}, even", 4 <= n_teams <= len(TEAMS) and n_teams % 2 == 0),
            ("regular games", regular_games, "2 to 82", 2 <= regular_games <= 82),
        )
        if not is_right
    ]
    if faults:
        raise UsageError(
            f"No league can be simulated with {', '.join(faults)}.", remedy="`tipoff ingest simulated --help`"
        )
