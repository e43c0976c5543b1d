"""One season from opening night to the last playoff game."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from features.sources.league.arrays import Bools, Ints
from features.sources.league.books import GameLines, PointsLines, quote_games, quote_players
from features.sources.league.boxes import Boxes, write_boxes
from features.sources.league.calendar import Calendar, make_calendar, tip_off
from features.sources.league.form import Form, end_of_season, make_form
from features.sources.league.games import play
from features.sources.league.parameters import LeagueParameters
from features.sources.league.people import World
from features.sources.league.playoffs import Bracket, n_playoff_teams
from features.sources.league.slate import Lineup, Slate, line_up

_PLAYOFF_DAYS = 90
"""Days that the form reaches beyond the regular season: four rounds of seven games fit in."""


@dataclass(frozen=True)
class Played:
    """Games that were played: ids and times as lists, one entry a game, and everything that came of them."""

    game_ids: list[str]
    dates: list[date]
    tip_offs: list[datetime]
    slate: Slate
    lineup: Lineup
    boxes: Boxes
    game_lines: GameLines
    points_lines: PointsLines

    @property
    def home_won(self) -> Bools:
        """Whether the home team won, shape (n,)."""
        score = self.boxes.points.sum(axis=-1)
        return np.asarray(score[:, 0] > score[:, 1])


@dataclass(frozen=True)
class Season:
    """A season's start year, its form and its games: the regular season first, then each day of the playoffs."""

    season: int
    start: date
    form: Form
    played: list[Played]


def play_season(
    world: World, season: int, n_games: int, parameters: LeagueParameters, seeds: np.random.SeedSequence
) -> tuple[Season, World]:
    """The season that starts in year `season`, and the world it leaves behind."""
    calendar_rng, form_rng, rng = (np.random.default_rng(child) for child in seeds.spawn(3))
    calendar = make_calendar(season, len(world.rosters), n_games, parameters, calendar_rng)
    form = make_form(world, calendar.n_days, calendar.n_days + _PLAYOFF_DAYS, parameters, form_rng)
    stage = _Stage(season, calendar, form, parameters, rng)
    regular = stage.play_games(
        calendar.day, calendar.teams, [f"002{season % 100:02d}{n + 1:05d}" for n in range(len(calendar.day))]
    )
    played = [regular, *_play_off(stage, regular)]
    last_day = max(int(games.slate.day[-1]) for games in played)
    return Season(season, calendar.start, form, played), end_of_season(form, last_day)


def _play_off(stage: _Stage, regular: Played) -> list[Played]:
    """The playoffs, one entry a day of the bracket."""
    n_teams = len(stage.form.world.rosters)
    bracket = Bracket(_wins(regular, n_teams), n_playoff_teams(n_teams), first_day=int(regular.slate.day[-1]) + 6)
    days = []
    while (evening := bracket.next_games()) is not None:
        ids = [f"004{stage.season % 100:02d}{code:05d}" for code in evening.codes]
        days.append(stage.play_games(evening.day, evening.teams, ids, is_playoff=True))
        bracket.note(evening, days[-1].home_won)
    return days


@dataclass
class _Stage:
    """What stays the same from game to game of a season, and when each team last played."""

    season: int
    calendar: Calendar
    form: Form
    parameters: LeagueParameters
    rng: np.random.Generator

    def __post_init__(self) -> None:
        self.last_day = np.full(len(self.form.world.rosters), -1, dtype=np.int64)

    def play_games(self, day: Ints, teams: Ints, game_ids: list[str], *, is_playoff: bool = False) -> Played:
        """These games, in order of day, and what the books said of them."""
        slate = Slate(day, teams, self._rest(day, teams), np.full(len(day), is_playoff))
        lineup = line_up(slate, self.form, self.parameters, self.rng)
        tally = play(lineup, self.parameters, self.rng)
        dates = [self.calendar.start + timedelta(int(number)) for number in day]
        return Played(
            game_ids=game_ids,
            dates=dates,
            tip_offs=[tip_off(on, self.rng) for on in dates],
            slate=slate,
            lineup=lineup,
            boxes=write_boxes(tally, lineup, self.form.world.people, self.rng),
            game_lines=quote_games(lineup, self.parameters, self.rng),
            points_lines=quote_players(lineup, tally, self.parameters, self.rng),
        )

    def _rest(self, day: Ints, teams: Ints) -> Ints:
        """Days of rest of both teams before each game; -1 before a team's first."""
        rest = np.empty(teams.shape, dtype=np.int64)
        for row, (today, pair) in enumerate(zip(day, teams, strict=True)):
            last = self.last_day[pair]
            rest[row] = np.where(last < 0, -1, today - last - 1)
            self.last_day[pair] = today
        return rest


def _wins(played: Played, n_teams: int) -> Ints:
    winner = np.where(played.home_won, played.slate.teams[:, 0], played.slate.teams[:, 1])
    return np.asarray(np.bincount(winner, minlength=n_teams), dtype=np.int64)
