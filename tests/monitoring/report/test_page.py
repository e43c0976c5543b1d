"""The daily report as a whole: nothing is hidden, nothing is fetched, nothing is invented, nobody breaks in."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import writing
from contracts.errors import UsageError
from contracts.jobs import job_run
from contracts.populations import population
from contracts.settings import Settings
from contracts.tables import monitor_readings, monitor_states, players, promotion_history
from monitoring.alarms import Finding, keep_alarms
from monitoring.coverage import coverage
from monitoring.grading import grade
from monitoring.report.markup import VOID
from monitoring.report.page import render_report, write_report

SECTIONS = (
    *("Alarms", "The slate of", "The games before", "Accuracy over time", "Calibration", "All figures", "Coverage"),
    *("Drift and the other", "Monitors", "Model lineage", "Last runs"),
)


class Reader(HTMLParser):
    """Reads a page as a browser would: its words, its sections, and whether every tag that was opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.titles: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.is_balanced = not self._open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1] == "h2":
            self.titles.append(data)
        if self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(engine: sa.Engine, day: date) -> Reader:
    return Reader(render_report(engine, Settings(), day))


def test_an_empty_database_has_every_section_and_each_says_that_there_is_nothing_yet(engine):
    page = report(engine, date(2024, 3, 1))
    assert [title for title in SECTIONS if not any(told.startswith(title) for told in page.titles)] == []
    assert page.is_balanced
    assert page.text.count("Nothing yet") >= 7
    assert "No games on this date" in page.text


def test_a_server_database_is_read_as_the_embedded_one(postgres):
    page = report(postgres, date(2024, 3, 1))
    assert page.text.count("Nothing yet") >= 7


def test_a_slate_that_is_built_and_not_predicted_names_whom_it_misses(world):
    day = world.last_day()
    page = report(world.engine, day)
    expected = coverage(world.engine, day, world.feature_set, Settings()).expected
    assert f"of {expected} expected predicted" in page.text
    assert "no prediction of this date is stored" in page.text
    assert page.text.count("Expected without a prediction") > 0


def test_the_figures_on_the_page_are_those_of_the_database(world):
    last = world.last_day()
    days = sorted(world.rows().filter(pl.col("is_expected"))["game_date"].unique().to_list())
    yesterday = days[-2]
    for day in days[-8:]:
        world.say(world.rows(day).filter(pl.col("is_expected")))
    grade(world.engine, Settings())
    page = report(world.engine, last)
    played = world.rows(yesterday).filter(pl.col("is_expected"), population("played"))
    mae = (played["points"] - 10.0).abs().mean()
    assert f"season_average (version 1) {yesterday} {played.height} {mae:.2f}" in page.text
    covered = coverage(world.engine, last, world.feature_set, Settings())
    assert f"{covered.predicted} of {covered.expected} expected player-games are predicted" in page.text
    assert f"{covered.predicted} of {covered.expected} expected predicted" in page.text


def test_live_and_backfill_are_never_in_one_figure(world):
    days = sorted(world.rows().filter(pl.col("is_expected"))["game_date"].unique().to_list())
    late = datetime.now(UTC)
    said = {"live": days[-2], "backfill": days[-3], "in-sample": days[-4]}
    expected = {label: world.rows(day).filter(pl.col("is_expected")) for label, day in said.items()}
    world.say(expected["live"])
    world.say(expected["backfill"], predicted_at=late)
    world.say(expected["in-sample"], train_to=days[-1])
    grade(world.engine, Settings())
    page = report(world.engine, days[-1])
    for label, day in said.items():
        n = expected[label].filter(population("played")).height
        assert re.search(rf"played, {label} system N .*? season_average \(version 1\) {day} {n} ", page.text), label
    assert "in-sample: " not in "".join(page.titles), "in-sample predictions have no curve"


def test_a_script_in_a_players_name_is_text_and_nothing_else(world):
    day = world.last_day()
    rows = world.rows(day).filter(pl.col("is_expected"))
    name = "<script>alert('x')</script>\"&"
    with writing(world.engine) as connection:
        connection.execute(sa.update(players).values(name=name))
    world.say(rows)
    page = render_report(world.engine, Settings(), day)
    assert "<script" not in page
    assert "script" not in Reader(page).tags
    assert name in Reader(page).text


def test_alarms_monitors_readings_and_runs_are_shown_the_worst_first(engine):
    day = date(2024, 3, 1)
    remedy = "tipoff batch start --game-date 2024-03-01"
    keep_alarms(engine, "day", [Finding("not_built", "2024-03-01", "Nothing is <built>.", remedy)])
    with pytest.raises(OSError, match="away"), job_run(engine, "day.ingest", day):
        raise OSError("the source is away")
    seen = {"monitor": "drift", "game_date": day, "read_at": datetime.now(UTC), "n": 300, "limit_value": 0.25}
    state = {"monitor": "drift", "since": day, "n_bad": 0, "n_good": 3, "game_date": day}
    with writing(engine) as connection:
        rows = [
            seen | {"subject": "pace_score", "value": 0.41, "is_bad": True, "detail": "PSI 0.41 of 300 rows."},
            seen | {"subject": "rest_days", "value": None, "is_bad": False, "detail": "Too few rows."},
        ]
        connection.execute(sa.insert(monitor_readings), rows)
        states = [state | {"subject": name, "state": each} for name, each in (("a", "healthy"), ("b", "blocked"))]
        connection.execute(sa.insert(monitor_states), states)
    page = report(engine, day)
    assert f"Nothing is <built>. Run {remedy}" in page.text
    assert "the newest reading of 1 is bad" in page.text
    assert "PSI 0.41 of 300 rows." in page.text
    assert page.text.index("drift: b") < page.text.index("drift: a")
    assert "blocked worst monitor" in page.text
    assert "OSError: the source is away" in page.text


def test_the_page_fetches_nothing_and_runs_nothing(world):
    day = world.last_day()
    world.say(world.rows(day).filter(pl.col("is_expected")))
    page = render_report(world.engine, Settings(), day)
    assert not re.search(r"https?://|src=|href=|@import|url\(", page)
    assert {"script", "link", "img", "iframe"}.isdisjoint(Reader(page).tags)


def test_a_report_is_replaced_whole_and_what_cannot_be_written_is_left(engine, tmp_path):
    path = tmp_path / "made" / "report.html"
    assert write_report(engine, Settings(), date(2024, 3, 1), path) == path
    first = path.read_text()
    write_report(engine, Settings(), date(2024, 3, 2), path)
    assert path.read_text() != first
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(engine, Settings(), date(2024, 3, 1), path / "below" / "report.html")
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(engine, Settings(), date(2024, 3, 1), path.parent)
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_the_games_before_are_the_last_date_with_games_however_long_ago(world):
    days = sorted(world.rows()["game_date"].unique().to_list())
    page = report(world.engine, days[-1] + timedelta(days=100))
    assert f"The games before: {days[-1]}" in " ".join(page.titles)


def test_an_altered_history_is_said_to_be_broken(engine):
    entry = {"model_name": "tipoff-points", "version": 1, "action": "register", "from_stage": "None"}
    entry |= {"to_stage": "None", "sha256": "a" * 64, "at": datetime.now(UTC), "actor": "eve", "hash": "b" * 64}
    assert "Promotion history holds" in report(engine, date(2024, 3, 1)).text
    with writing(engine) as connection:
        connection.execute(sa.insert(promotion_history).values(entry | {"seq": 2, "previous_hash": "0" * 64}))
    assert "Promotion history broken entry 2 follows entry 0" in report(engine, date(2024, 3, 1)).text
