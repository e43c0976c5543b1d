"""stats.nba.com is asked politely, what passes is asked again, and what does not ends in a clear sentence."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from contracts import clock
from contracts.errors import UnavailableError, UsageError
from contracts.settings import FeatureSettings
from features.sources.nba_stats import client as client_module
from features.sources.nba_stats.client import NbaStats
from features.sources.nba_stats.parts import Part, fetch, season_parts

LOGS = Part("game-logs", 2023, "Regular Season")
Fault = tuple[int, str, dict[str, str]]


def _client(stand_in: Any, attempts: int = 3, pause: float = 0.0, timeout: float = 5.0) -> NbaStats:
    return NbaStats(
        FeatureSettings(
            nba_stats_url=stand_in.url,
            nba_stats_pause_seconds=pause,
            nba_stats_attempts=attempts,
            nba_stats_timeout_seconds=timeout,
        )
    )


def test_a_seasons_box_scores_come_as_they_are(stand_in: Any) -> None:
    source = fetch(_client(stand_in), LOGS).source
    assert source is not None
    assert source.name == "stats.nba.com game-logs 2023-24 Regular Season"
    assert source.frame.row(0, named=True)["PLAYER_NAME"] == "Nikola Jokić"
    assert stand_in.queries[0]["PlayerOrTeam"] == "P"


def test_a_season_before_the_first_is_refused() -> None:
    with pytest.raises(UsageError, match="There is no season 1800-01"):
        season_parts("game-logs", (1800, 1801))


@pytest.mark.parametrize(
    "fault",
    [
        (429, "slow down", {}),
        (500, "", {}),
        (503, "<html>busy</html>", {}),
        (200, "<html>not JSON</html>", {}),
        (200, "", {}),
        (200, '{"resultSets": [{"name": "Leag', {}),
        (200, "null", {}),
        0.6,
    ],
    ids=["429", "500", "503", "HTML page", "empty body", "truncated JSON", "no object", "time-out"],
)
def test_a_passing_fault_is_asked_again(stand_in: Any, fault: Fault | float) -> None:
    stand_in.faults = [fault]
    assert fetch(_client(stand_in, timeout=0.3), LOGS).source is not None
    assert len(stand_in.asked) == 2


def test_lasting_faults_end_in_a_clear_error(stand_in: Any) -> None:
    stand_in.faults = [(503, "", {})] * 3
    with pytest.raises(
        UnavailableError, match=r"no game-logs 2023-24 Regular Season in 3 attempts: status 503"
    ) as error:
        fetch(_client(stand_in), LOGS)
    assert "stays" in str(error.value.remedy)


def test_a_source_that_is_down_is_named(stand_in: Any) -> None:
    client = NbaStats(
        FeatureSettings(nba_stats_url="http://127.0.0.1:9/stats", nba_stats_pause_seconds=0, nba_stats_attempts=2)
    )
    with pytest.raises(UnavailableError, match="in 2 attempts: the connection failed"):
        fetch(client, LOGS)


def test_a_refusal_is_not_asked_again(stand_in: Any) -> None:
    stand_in.faults = [(403, json.dumps({"message": "no"}), {})]
    with pytest.raises(UnavailableError, match="answered 403"):
        fetch(_client(stand_in), LOGS)
    assert len(stand_in.asked) == 1


def test_waits_double_with_chance_and_are_never_shorter_than_asked_for(
    stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(client_module.time, "sleep", waits.append)
    stand_in.faults = [(500, "", {}), (500, "", {}), (429, "", {"Retry-After": "60"})]
    fetch(_client(stand_in, attempts=4, pause=2.0), LOGS)
    assert waits[0] == 0
    assert 3.0 <= waits[1] <= 5.0
    assert 6.0 <= waits[2] <= 10.0
    assert waits[3] == 60


def test_a_retry_after_may_be_a_date_and_one_that_is_too_long_ends_the_fetch(
    stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(client_module.time, "sleep", waits.append)
    soon, late = (format_datetime(clock.now() + timedelta(seconds=n), usegmt=True) for n in (50, 5000))
    stand_in.faults = [(429, "", {"Retry-After": soon}), (503, "", {"Retry-After": late})]
    with pytest.raises(UnavailableError, match=r"asks to come back in \d{4} seconds; game-logs 2023-24 Regular"):
        fetch(_client(stand_in), LOGS)
    assert 40 <= waits[1] <= 50


def test_two_requests_are_a_pause_apart(stand_in: Any) -> None:
    client = _client(stand_in, pause=0.15)
    started = time.monotonic()
    fetch(client, LOGS)
    fetch(client, LOGS)
    assert time.monotonic() - started >= 0.15


def test_a_column_that_is_gone_is_named(stand_in: Any) -> None:
    stand_in.log_headers[stand_in.log_headers.index("PTS")] = "POINTS"
    with pytest.raises(UnavailableError, match=r"another shape than known: the column PTS missing"):
        fetch(_client(stand_in), LOGS)


@pytest.mark.parametrize(
    ("part", "body", "words"),
    [
        (LOGS, {"leagueSchedule": {}}, "'resultSets' missing"),
        (LOGS, {"resultSets": []}, "'LeagueGameLog' missing"),
        (Part("schedule", 2023), {"resultSets": []}, "'leagueSchedule' missing"),
        (Part("schedule", 2023), {"leagueSchedule": {"gameDates": [{"games": [{}]}]}}, "'gameId' missing"),
    ],
)
def test_an_answer_of_another_shape_names_what_is_missing(
    stand_in: Any, part: Part, body: dict[str, Any], words: str
) -> None:
    stand_in.faults = [(200, json.dumps(body), {})]
    with pytest.raises(UnavailableError, match=words):
        fetch(_client(stand_in), part)


def test_a_zone_that_is_unknown_is_named(stand_in: Any) -> None:
    stand_in.shots["2023-10-24"][0][13] = "The Moon"
    october = Part("shot-zones", 2023, "Regular Season", (_day("2023-10-01"), _day("2023-10-31")))
    with pytest.raises(UnavailableError, match="SHOT_ZONE_BASIC 'The Moon' is none of Restricted Area"):
        fetch(_client(stand_in), october)


def test_shots_are_counted_by_game_and_player_and_what_they_were_worth_decides(stand_in: Any) -> None:
    october = Part("shot-zones", 2023, "Regular Season", (_day("2023-10-01"), _day("2023-10-31")))
    source = fetch(_client(stand_in), october).source
    assert source is not None
    assert source.frame.to_dicts()[0] == {
        "GAME_ID": "0022300061", "PLAYER_ID": 203999, "PAINT_FGA": 2, "PAINT_FGM": 1, "MID_RANGE_FGA": 1,
        "MID_RANGE_FGM": 1, "THREE_FGA": 2, "THREE_FGM": 1,
    }  # fmt: skip
    query = stand_in.queries[0]
    assert (query["DateFrom"], query["DateTo"], query["ContextMeasure"]) == ("10/01/2023", "10/31/2023", "FGA")
    assert (query["PlayerID"], query["TeamID"]) == ("0", "0")


def _day(text: str) -> date:
    return clock.parse_date(text)
