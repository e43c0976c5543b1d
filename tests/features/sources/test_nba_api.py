"""stats.nba.com is asked politely: against a local HTTP stand-in that answers in the real response shape."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from contracts.errors import UnavailableError
from contracts.settings import FeatureSettings
from features.sources.nba_api import fetch_game_logs

HEADERS = [
    *("SEASON_ID", "PLAYER_ID", "PLAYER_NAME", "TEAM_ID", "TEAM_ABBREVIATION", "TEAM_NAME", "GAME_ID", "GAME_DATE"),
    *("MATCHUP", "WL", "MIN", "FGM", "FGA", "FG_PCT", "FG3M", "FG3A", "FG3_PCT", "FTM", "FTA", "FT_PCT", "OREB"),
    *("DREB", "REB", "AST", "STL", "BLK", "TOV", "PF", "PTS", "PLUS_MINUS", "FANTASY_PTS", "VIDEO_AVAILABLE"),
]
ROW = [
    *(
        "22023",
        203999,
        "Nikola Jokić",
        1610612743,
        "DEN",
        "Denver Nuggets",
        "0022300061",
        "2023-10-24",
        "DEN vs. LAL",
        "W",
    ),
    *(36, 12, 22, 0.545, 3, 5, 0.6, 2, 4, 0.5, 3, 10, 13, 11, 1, 1, 2, 2, 29, 15, 66.1, 1),
]


class StandIn(ThreadingHTTPServer):
    """Answers like /stats/leaguegamelog: one row in the regular season, none elsewhere; `faults` come first."""

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults = faults
        self.asked: list[dict[str, list[str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/stats"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        query = parse_qs(urlparse(self.path).query)
        self.server.asked.append(query)
        if self.server.faults:
            status, body = self.server.faults.pop(0)
        else:
            rows = [ROW] if query["SeasonType"] == ["Regular Season"] else []
            result = {"name": "LeagueGameLog", "headers": HEADERS, "rowSet": rows}
            status, body = 200, json.dumps({"resource": "leaguegamelog", "parameters": {}, "resultSets": [result]})
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn([])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _settings(stand_in: StandIn, attempts: int = 3) -> FeatureSettings:
    return FeatureSettings(nba_stats_url=stand_in.url, nba_stats_pause_seconds=0.0, nba_stats_attempts=attempts)


def test_every_part_of_every_season_is_asked_for_players(stand_in: StandIn) -> None:
    sources = fetch_game_logs((2022, 2023), _settings(stand_in))
    asked = [(query["Season"][0], query["SeasonType"][0], query["PlayerOrTeam"][0]) for query in stand_in.asked]
    parts = ["Regular Season", "PlayIn", "Playoffs"]
    assert asked == [(season, part, "P") for season in ("2022-23", "2023-24") for part in parts]
    assert [source.name for source in sources] == [
        f"stats.nba.com {season} Regular Season" for season in ("2022-23", "2023-24")
    ]
    assert sources[0].frame.row(0, named=True)["PTS"] == 29


def test_passing_faults_are_asked_again(stand_in: StandIn) -> None:
    stand_in.faults = [(429, "slow down"), (200, "<html>not JSON</html>")]
    assert len(fetch_game_logs((2023, 2023), _settings(stand_in))) == 1
    assert len(stand_in.asked) == 2 + 3


def test_lasting_faults_end_in_a_clear_error(stand_in: StandIn) -> None:
    stand_in.faults = [(503, "")] * 3
    with pytest.raises(UnavailableError, match=r"2023-24 Regular Season in 3 attempts: status 503"):
        fetch_game_logs((2023, 2023), _settings(stand_in))


def test_a_refusal_is_not_asked_again(stand_in: StandIn) -> None:
    stand_in.faults = [(403, json.dumps({"message": "no"}))]
    with pytest.raises(UnavailableError, match="answered 403"):
        fetch_game_logs((2023, 2023), _settings(stand_in))
    assert len(stand_in.asked) == 1
