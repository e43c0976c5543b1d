"""Seasons come part by part: each in a transaction of its own, remembered, and not asked for again once final."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.errors import UnavailableError
from contracts.settings import FeatureSettings
from features.raw.season_fetch import FetchReport, fetch_seasons

Fetch = Callable[..., FetchReport]
BOTH = ("game-logs", "schedule")


@pytest.fixture
def fetch(stand_in: Any, engine: sa.Engine, tmp_path: Path) -> Fetch:
    """fetch(seasons=(2023, 2023), kinds=BOTH, refresh=False) from the stand-in, in two attempts, without a pause."""
    settings = FeatureSettings(nba_stats_url=stand_in.url, nba_stats_pause_seconds=0.0, nba_stats_attempts=2)

    def run(seasons: tuple[int, int] = (2023, 2023), kinds: tuple[str, ...] = BOTH, **options: Any) -> FetchReport:
        stand_in.asked.clear()
        return fetch_seasons(engine, seasons, kinds, settings, tmp_path / "rejects", **options)

    return run


def _rows(engine: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def _fetched_on(engine: sa.Engine, moment: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(tables.ingests).values(ingested_at=moment))


def test_a_season_is_three_requests_for_box_scores_and_one_for_the_schedule(
    fetch: Fetch, stand_in: Any, engine: sa.Engine
) -> None:
    seen: list[tuple[int, int]] = []
    report = fetch(progress=lambda done, total: seen.append((done, total)))
    parts = ("Regular Season", "PlayIn", "Playoffs")
    assert stand_in.asked == [*(f"leaguegamelog 2023-24 {part}" for part in parts), "scheduleleaguev2 2023-24"]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (report.fetched, report.empty, report.skipped, report.games, report.player_games) == (4, 2, 0, 2, 4)
    assert _rows(engine, tables.games)[0]["tip_off_at"] == datetime(2023, 10, 24, 23, 30, tzinfo=UTC)


def test_what_is_final_is_not_asked_for_again_unless_refreshed(fetch: Fetch, stand_in: Any) -> None:
    fetch()
    again = fetch()
    assert (stand_in.asked, again.fetched, again.skipped, again.player_games) == ([], 0, 4, 4)
    assert fetch(refresh=True).fetched == 4
    assert len(stand_in.asked) == 4


def test_a_season_that_was_not_over_when_it_was_fetched_is_asked_for_again(
    fetch: Fetch, stand_in: Any, engine: sa.Engine
) -> None:
    fetch()
    _fetched_on(engine, datetime(2024, 7, 31, tzinfo=UTC))
    assert fetch().fetched == 4
    _fetched_on(engine, datetime(2024, 8, 2, tzinfo=UTC))
    assert fetch().skipped == 4


def test_an_interrupted_fetch_keeps_what_it_has_and_goes_on_there(
    fetch: Fetch, stand_in: Any, engine: sa.Engine
) -> None:
    stand_in.faults = [None, None, (503, "", {}), (503, "", {})]
    with pytest.raises(UnavailableError, match="no game-logs 2023-24 Playoffs in 2 attempts"):
        fetch()
    assert len(_rows(engine, tables.player_games)) == 4
    report = fetch()
    assert stand_in.asked == ["leaguegamelog 2023-24 Playoffs", "scheduleleaguev2 2023-24"]
    assert (report.fetched, report.skipped) == (2, 2)


def test_a_changed_answer_ingests_nothing_of_its_part_and_loses_nothing(
    fetch: Fetch, stand_in: Any, engine: sa.Engine
) -> None:
    fetch()
    before = _rows(engine, tables.player_games)
    stand_in.log_headers[stand_in.log_headers.index("MIN")] = "MINUTES"
    with pytest.raises(UnavailableError, match="column MIN missing"):
        fetch(refresh=True)
    assert _rows(engine, tables.player_games) == before


def test_a_part_with_rejected_rows_is_asked_for_again(fetch: Fetch, stand_in: Any, engine: sa.Engine) -> None:
    points = stand_in.log_headers.index("PTS")
    stand_in.logs[0][points] = 10
    report = fetch(kinds=("game-logs",))
    assert [found.reasons for found in report.reports] == [{"of a game with faulty rows": 1, "points do not add up": 1}]
    assert {row["game_id"] for row in _rows(engine, tables.player_games)} == {"0022300200"}
    stand_in.logs[0][points] = 9
    assert fetch(kinds=("game-logs",)).skipped == 2
    assert len(_rows(engine, tables.player_games)) == 4


def test_games_that_are_none_of_ours_are_left_out_and_counted(fetch: Fetch, stand_in: Any, engine: sa.Engine) -> None:
    from_now_on = [
        ("0012300001", "2023-10-08", {}),
        ("0032300001", "2024-02-18", {}),
        ("0052300101", "2024-04-16", {}),
        ("0062300001", "2023-12-09", {}),
        ("0042300101", "2024-04-20", {"awayTeam": {"teamId": 0, "teamTricode": None}}),
        ("0042300201", "2024-05-04", {"gameStatusText": "TBD", "gameDateTimeUTC": "2024-05-04T04:00:00Z"}),
    ]
    listed = _listing(stand_in)
    stand_in.games += [listed(game_id, day, **changes) for game_id, day, changes in from_now_on]
    report = fetch()
    assert report.ignored == {"preseason games": 1, "all-star games": 1, "games without two teams yet": 1}
    kinds = {row["game_id"]: (row["season_type"], row["tip_off_at"] is None) for row in _rows(engine, tables.games)}
    assert kinds == {
        "0022300061": ("regular", False),
        "0022300200": ("regular", False),
        "0052300101": ("play_in", False),
        "0062300001": ("cup_final", False),
        "0042300201": ("playoffs", True),
    }


def test_a_postponed_game_is_expected_on_no_date_until_it_is_scheduled_anew(
    fetch: Fetch, stand_in: Any, engine: sa.Engine
) -> None:
    listed = _listing(stand_in)

    def dates() -> list[str]:
        fetch(refresh=True)
        return [str(row["game_date"]) for row in _rows(engine, tables.games) if row["game_id"] == "0022300900"]

    stand_in.games.append(listed("0022300900", "2024-03-01"))
    assert dates() == ["2024-03-01"]
    stand_in.games[-1] = listed("0022300900", "2024-03-01", gameStatusText="PPD", postponedStatus="P")
    assert dates() == []
    stand_in.games[-1] = listed("0022300900", "2024-04-03")
    assert dates() == ["2024-04-03"]


def test_shots_are_asked_for_by_the_month_that_has_box_scores(fetch: Fetch, stand_in: Any, engine: sa.Engine) -> None:
    with pytest.raises(UnavailableError, match="Shot zones belong to box scores"):
        fetch(kinds=("shot-zones",))
    report = fetch(kinds=("game-logs", "shot-zones"))
    assert stand_in.asked[3:] == ["shotchartdetail 2023-24 Regular Season"] * 2
    assert (report.fetched, len(_rows(engine, tables.shot_zones))) == (5, 4)
    assert fetch(kinds=("shot-zones",)).skipped == 2


def test_shots_that_are_not_all_there_are_refused_game_by_game(fetch: Fetch, stand_in: Any, engine: sa.Engine) -> None:
    """An answer that the giver cuts short must not pass for a game with few shots."""
    stand_in.shots["2023-11-20"] = stand_in.shots["2023-11-20"][:5]
    report = fetch(kinds=("game-logs", "shot-zones"))
    assert [found.reasons for found in report.reports[1:]] == [{}, {"shots are not the box score's": 1}]
    assert {row["game_id"] for row in _rows(engine, tables.shot_zones)} == {"0022300061"}


def test_a_neutral_site_takes_its_home_team_from_the_schedule(fetch: Fetch, stand_in: Any, engine: sa.Engine) -> None:
    matchup = stand_in.log_headers.index("MATCHUP")
    stand_in.logs[1][matchup] = "LAL vs. DEN"
    first = fetch()
    assert first.reports[0].reasons == {"no one home and one away team": 2}
    assert first.reports[0].rejects_path is not None
    assert "on neutral ground the schedule tells" in first.reports[0].rejects_path.read_text()
    assert fetch().reports[0].rejected == 0
    assert {row["player_id"]: row["is_home"] for row in _rows(engine, tables.player_games)} == {
        203999: True,
        204000: False,
    }


def test_seasons_without_games_are_said_to_have_none(fetch: Fetch) -> None:
    with pytest.raises(UnavailableError, match=r"has no games of 2030-31 yet"):
        fetch(seasons=(2030, 2030))


def _listing(stand_in: Any) -> Callable[..., dict[str, Any]]:
    """A maker of listed games like the stand-in's first."""

    def make(game_id: str, day: str, **changes: Any) -> dict[str, Any]:
        times = {name: value.replace("2023-10-24", day) for name, value in stand_in.games[0].items() if "Date" in name}
        return stand_in.games[0] | {"gameId": game_id} | times | changes

    return make
