"""Every number that the simulated league stands on, with its unit."""

from __future__ import annotations

from dataclasses import dataclass

ROSTER_SIZE = 15
"""Players under contract with a team at any time."""

ZONES = ("paint", "mid_range", "three")
"""The order of the last axis wherever shots are counted by zone."""


@dataclass(frozen=True)
class LeagueParameters:
    """The league's model. A `logit` shifts the log-odds of a made shot: 0.04 is about one percentage point.

    The defaults are measured against real seasons: `python -m benchmarks.league_calibration` prints both. A player's
    hidden form wanders little and his nights differ much, so that, as in the real league, whoever knows everything
    beforehand is only some 6 % closer than his season average.
    """

    # ---- calendar
    weekday_share: tuple[float, ...] = (0.56, 0.44, 0.72, 0.22, 0.70, 0.47, 0.45)
    """Share of the teams that play on a Monday, Tuesday, ...: half the league on an average day."""
    break_days: int = 7
    """Days without a game around the all-star weekend, three quarters into the season."""
    max_back_to_backs: int = 15
    """A team's games on the day after a game, in a season of 82; fewer in a shorter one."""

    # ---- people
    role_minutes: tuple[float, ...] = (36.6, 35.1, 33.1, 30.5, 27.6, 24, 20.5, 17.1, 13.5, 10, 7.5, 5, 3.5, 2.5, 2)
    """Minutes that the best to the last man of a roster would get on an ordinary night."""
    # fmt: off
    role_usage: tuple[float, ...] = (
        1.62, 1.38, 1.16, 1.0, 0.9, 0.95, 0.92, 0.87, 0.83, 0.8, 0.8, 0.78, 0.76, 0.75, 0.75,
    )
    # fmt: on
    """How often a man of that role ends a play while on the floor, 1 = an even fifth."""
    full_minutes: float = 41.0
    """Minutes that a standing of plus infinity would get; a standing is the logit of wanted minutes / this."""
    standing_sd: float = 0.40
    """Spread of standings within a role, logit."""
    usage_sd: float = 0.16
    """Spread of usage within a role, log."""
    shooting_sd: float = 0.09
    """Spread of shooting skill, logit."""
    free_agents_per_team: int = 2
    """Players without a contract at the season's start who may be signed during it."""

    # ---- what moves
    standing_daily_sd: float = 0.015
    """The walk of a player's standing, logit a day; it stays."""
    standing_swing_sd: float = 0.12
    """Spells in and out of the coach's favour, logit; forgotten after about `swing_days`."""
    usage_daily_sd: float = 0.005
    """The walk of a player's usage, log a day."""
    usage_swing_sd: float = 0.04
    """Spells of a larger or smaller part in the offence, log."""
    shooting_daily_sd: float = 0.003
    """The walk of a player's shooting skill, logit a day."""
    shooting_swing_sd: float = 0.01
    """Spells of good and bad shooting, logit."""
    swing_days: float = 18.0
    """Days after which a spell is forgotten."""
    summer_standing_sd: float = 0.50
    """A summer's step of a standing, logit."""
    summer_usage_sd: float = 0.11
    """A summer's step of usage, log."""
    summer_shooting_sd: float = 0.04
    """A summer's step of shooting skill, logit."""
    summer_move_share: float = 0.16
    """Players who change teams in a summer."""
    traded_share: float = 0.10
    """Players traded during a season, on three days of it."""
    signed_share: float = 0.05
    """Players replaced by a free agent on each of these three days: the last men of a roster."""

    # ---- who is there
    injuries_per_season: float = 2.1
    """Spells on the injury list per player and 174 days."""
    injury_days_median: float = 7.0
    """Median length of a spell; lengths are lognormal."""
    injury_days_sigma: float = 1.15
    """Sigma of the log of that length: a few spells take months."""
    unlisted_absence: float = 0.035
    """Chance of missing a game that no list announced."""
    rest_absence: float = 0.12
    """Chance that a man of 30 minutes or more sits out the second night of a back-to-back, unannounced."""
    fewest_players: int = 8
    """Men a team always fields: those nearest to their return play hurt."""

    # ---- minutes
    rotation_sizes: tuple[int, ...] = (8, 9, 9, 10, 10, 10, 10, 11)
    """Men a coach uses while the game is open: one of these a night."""
    minutes_noise: float = 0.26
    """A night's noise of a standing, logit."""
    tired_standing: float = -0.12
    """What a back-to-back takes from a standing, logit."""
    playoff_tilt: float = 0.22
    """How much further apart the standings of stars and bench are in the playoffs, share."""
    restlessness: float = 0.75
    """How much more the standing of a man of no minutes moves and varies than a star's, logit per logit."""
    early_exit: float = 0.02
    """Chance that a man leaves early: an injury, six fouls."""
    most_share: float = 0.92
    """Most of a stretch of time that one man plays."""
    garbage_lead: float = 12.0
    """Points of lead after three quarters from which the bench gets a part of the last one."""
    garbage_full_lead: float = 24.0
    """Points of lead from which it gets nearly all of it."""
    cameo: float = 0.06
    """Chance per team and game that a man comes in for a few seconds."""

    # ---- plays
    possessions: float = 99.6
    """A team's possessions in 48 minutes."""
    team_possessions_sd: float = 2.4
    """Spread between teams."""
    game_possessions_sd: float = 3.3
    """Spread between games of the same two teams."""
    playoff_possessions: float = -3.0
    """What the playoffs add to a team's possessions."""
    second_chance: float = 0.105
    """Offensive rebounds per possession; each is one more play."""
    turnover: float = 0.119
    """Plays that end in a turnover, share."""
    free_throw_trip: float = 0.082
    """Plays that end in two free throws, share."""
    and_one: float = 0.08
    """Free throws per made two-point shot."""
    zone_share: tuple[float, float, float] = (0.477, 0.123, 0.40)
    """Shots by zone."""
    zone_made: tuple[float, float, float] = (0.588, 0.429, 0.373)
    """Shots made by zone, before everything that shifts them."""
    involvement_sd: float = 0.145
    """A night's part in the offence, log."""
    touch_sd: float = 0.095
    """A night's touch, logit."""
    game_shooting_sd: float = 0.02
    """What both teams of a game share (officials, tempo), logit."""
    home: float = 0.036
    """Home floor, logit for the home team; the visitors get as much less."""
    tired: float = -0.045
    """Second night of a back-to-back, logit."""
    playoff_shot: float = -0.06
    """What the playoffs add to every shot, logit: defences prepare for one opponent."""
    rested: float = 0.012
    """Two or more days of rest, logit."""
    offence_sd: float = 0.065
    """Spread of team offence beyond its players, logit."""
    defence_sd: tuple[float, float, float] = (0.105, 0.07, 0.05)
    """Spread of team defence by zone, logit."""
    defence_daily_sd: float = 0.003
    """The walk of a team's defence, logit a day."""
    par: float = 1.137
    """Points per possession that nobody adjusts to."""
    adjustment: float = 0.12
    """Share of a team's points above par that the defence takes back per quarter."""
    easing: float = 0.10
    """Share of a lead given back per quarter besides: leaders ease off, trailers press."""
    last_shot: float = 0.155
    """Chance that whoever is one to three points behind ties the game in its last seconds."""

    # ---- books
    books: tuple[str, ...] = ("oakline", "riverbet", "northbook")
    """The invented books."""
    market_sd: float = 0.05
    """What no book knows about a player's expected points, log."""
    opening_sd: float = 0.02
    """What they learn about him between opening and closing besides news, log."""
    book_sd: float = 0.30
    """A book's own opinion, points."""
    skew: float = 0.6
    """Mean minus median of a player's points: books set the median."""
    lined_points: float = 7.5
    """Projected points from which a book usually offers a line."""
    market_points_sd: float = 1.3
    """What the books do not know of a team's expected score, points."""
