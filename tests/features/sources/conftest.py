"""A stand-in for stats.nba.com: the real response shapes over local HTTP, and every fault that it has shown."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

LOG_HEADERS = [
    *("SEASON_ID", "PLAYER_ID", "PLAYER_NAME", "TEAM_ID", "TEAM_ABBREVIATION", "TEAM_NAME", "GAME_ID", "GAME_DATE"),
    *("MATCHUP", "WL", "MIN", "FGM", "FGA", "FG_PCT", "FG3M", "FG3A", "FG3_PCT", "FTM", "FTA", "FT_PCT", "OREB"),
    *("DREB", "REB", "AST", "STL", "BLK", "TOV", "PF", "PTS", "PLUS_MINUS", "FANTASY_PTS", "VIDEO_AVAILABLE"),
]
SHOT_HEADERS = [
    *("GRID_TYPE", "GAME_ID", "GAME_EVENT_ID", "PLAYER_ID", "PLAYER_NAME", "TEAM_ID", "TEAM_NAME", "PERIOD"),
    *("MINUTES_REMAINING", "SECONDS_REMAINING", "EVENT_TYPE", "ACTION_TYPE", "SHOT_TYPE", "SHOT_ZONE_BASIC"),
    *("SHOT_ZONE_AREA", "SHOT_ZONE_RANGE", "SHOT_DISTANCE", "LOC_X", "LOC_Y", "SHOT_ATTEMPTED_FLAG"),
    *("SHOT_MADE_FLAG", "GAME_DATE", "HTM", "VTM"),
]
DEN, LAL = (1610612743, "DEN", "Denver Nuggets"), (1610612747, "LAL", "Los Angeles Lakers")
GAMES = {"0022300061": "2023-10-24", "0022300200": "2023-11-20"}
"""Of 2023-24: game id -> date, all at Denver, one man a side with five shots, three of them made."""

SHOTS = (
    ("2PT Field Goal", "Restricted Area", 1),
    ("2PT Field Goal", "In The Paint (Non-RA)", 0),
    ("2PT Field Goal", "Above the Break 3", 1),
    ("3PT Field Goal", "Mid-Range", 1),
    ("3PT Field Goal", "Backcourt", 0),
)
"""Type, zone and made; the third and fourth lie on the wrong side of the line as drawn."""


def log_row(game_id: str, day: str, side: int) -> list[Any]:
    (team_id, abbreviation, name), other = (DEN, LAL) if side == 0 else (LAL, DEN)
    matchup = f"{abbreviation} {'vs.' if side == 0 else '@'} {other[1]}"
    player = (203999 + side, ("Nikola Jokić", "Anthony Davis")[side])
    box = (36, 3, 5, 0.6, 1, 2, 0.5, 2, 4, 0.5, 3, 10, 13, 11, 1, 1, 2, 2, 9, 15 - 30 * side, 66.1, 1)
    return ["22023", *player, team_id, abbreviation, name, game_id, day, matchup, "WL"[side], *box]


def shot_rows(game_id: str, day: str) -> list[list[Any]]:
    return [
        [
            *("Shot Chart Detail", game_id, number, 203999 + side, "", (DEN, LAL)[side][0], "", 1, 0, 0, "", ""),
            *(kind, zone, "", "", 0, 0, 0, 1, made, day.replace("-", ""), "DEN", "LAL"),
        ]
        for side in (0, 1)
        for number, (kind, zone, made) in enumerate(SHOTS)
    ]


def listed(game_id: str, day: str, hour: str = "23:30", **changes: Any) -> dict[str, Any]:
    """A game of ScheduleLeagueV2 (the keys that matter, and some that do not)."""
    sides = {
        side: {"teamId": team[0], "teamName": team[2], "teamTricode": team[1], "wins": 0, "score": 0}
        for side, team in (("homeTeam", DEN), ("awayTeam", LAL))
    }
    times = {
        "gameDateEst": f"{day}T00:00:00Z",
        "gameTimeEst": "1900-01-01T18:30:00Z",
        "gameDateTimeEst": f"{day}T18:30:00Z",
        "gameDateTimeUTC": f"{day}T{hour}:00Z",
    }
    status = {"gameStatus": 1, "gameStatusText": "7:30 pm ET", "postponedStatus": "A", "isNeutral": False}
    return {"gameId": game_id, **times, **status, **sides, "broadcasters": {}, "pointsLeaders": []} | changes


class StandIn(ThreadingHTTPServer):
    """Answers leaguegamelog, scheduleleaguev2 and shotchartdetail of 2023-24 from its tables.

    `faults` are given first, one a request: (status, body, headers), or a number of seconds to say nothing.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: list[tuple[int, str, dict[str, str]] | float | None] = []
        self.asked: list[str] = []
        self.queries: list[dict[str, str]] = []
        self.logs = [log_row(game_id, day, side) for game_id, day in GAMES.items() for side in (0, 1)]
        self.log_headers = list(LOG_HEADERS)
        self.shots = {day: shot_rows(game_id, day) for game_id, day in GAMES.items()}
        self.games = [listed(game_id, day) for game_id, day in GAMES.items()]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/stats"

    def answer(self, endpoint: str, query: dict[str, str]) -> dict[str, Any]:
        is_ours = query["Season"] == "2023-24"
        if endpoint == "scheduleleaguev2":
            days = [{"gameDate": "", "games": [game]} for game in self.games if is_ours]
            return {"meta": {}, "leagueSchedule": {"seasonYear": query["Season"], "leagueId": "00", "gameDates": days}}
        is_regular = is_ours and query["SeasonType"] == "Regular Season"
        if endpoint == "leaguegamelog":
            return _results("LeagueGameLog", self.log_headers, self.logs if is_regular else [])
        month = query["DateFrom"][-4:] + "-" + query["DateFrom"][:2]
        shots = [row for day, rows in self.shots.items() if day.startswith(month) for row in rows]
        return _results("Shot_Chart_Detail", SHOT_HEADERS, shots if is_regular else [])


def _results(name: str, headers: list[str], rows: list[list[Any]]) -> dict[str, Any]:
    return {"resource": name, "parameters": {}, "resultSets": [{"name": name, "headers": headers, "rowSet": rows}]}


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        address = urlparse(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        endpoint = address.path.rpartition("/")[2]
        self.server.asked.append(" ".join((endpoint, query["Season"], query.get("SeasonType", ""))).strip())
        self.server.queries.append(query)
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, float):
            time.sleep(fault)
            return
        status, body, headers = fault or (200, json.dumps(self.server.answer(endpoint, query)), {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
