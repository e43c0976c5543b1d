"""What is known on a morning, and a twin that holds exactly that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from contracts.clock import LEAGUE_ZONE
from features.raw.facts import RawFacts, read_raw
from tests.tipoff.replay.conftest import Over
from tipoff.replay.leaks import facts_of_the_future
from tipoff.replay.mornings import Morning, morning_after, mornings, news
from tipoff.replay.twin import make_twin

CUT_OFF_MINUTES = 60


@pytest.fixture
def raw(over: Over) -> RawFacts:
    """The facts of the season, every third injury entry with a time of capture on its day's afternoon."""
    facts = over.raw()
    at = pl.col("reported_on").dt.combine(pl.time(18)).dt.replace_time_zone("UTC").dt.cast_time_unit("us")
    timed = pl.when(pl.int_range(pl.len()) % 3 == 0).then(at).otherwise("captured_at")
    return replace(facts, injuries=facts.injuries.with_columns(timed.alias("captured_at")))


@pytest.fixture
def played(over: Over, raw: RawFacts) -> list[Morning]:
    return mornings(raw, over.dates[0], over.dates[-1], CUT_OFF_MINUTES)


def test_a_date_is_predicted_at_the_cut_off_of_its_first_game(raw: RawFacts, played: list[Morning]) -> None:
    first = raw.games.group_by("game_date").agg(pl.col("tip_off_at").min()).sort("game_date")
    assert [(each.game_date, each.moment) for each in played] == [
        (day, at - timedelta(minutes=CUT_OFF_MINUTES)) for day, at in first.iter_rows()
    ]


def test_tip_offs_that_the_schedule_does_not_tell_are_the_books_or_the_morning_is_noon(raw: RawFacts) -> None:
    unscheduled = replace(raw, games=raw.games.with_columns(tip_off_at=pl.lit(None, pl.Datetime("us", "UTC"))))
    day = raw.games["game_date"].max()
    at = raw.points_lines.join(raw.games.filter(game_date=day), on="game_id", how="semi")["tip_off_at"].min()
    assert mornings(unscheduled, day, day, CUT_OFF_MINUTES)[0].moment == at - timedelta(minutes=CUT_OFF_MINUTES)
    unknown = replace(unscheduled, points_lines=raw.points_lines.clear())
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=LEAGUE_ZONE).astimezone(UTC)
    assert mornings(unknown, day, day, CUT_OFF_MINUTES)[0].moment == noon


def test_nothing_is_known_before_it_happened(raw: RawFacts, played: list[Morning]) -> None:
    for by in played:
        known = news(raw, by, None)
        assert known["games"]["game_date"].max() == by.game_date
        assert (known["player_games"]["game_date"] < by.game_date).all()
        assert (known["points_lines"]["captured_at"] <= by.moment).all()
        timed = known["injuries"].filter(pl.col("captured_at").is_not_null())
        assert (timed["captured_at"] <= by.moment).all()
        untimed = known["injuries"].filter(pl.col("captured_at").is_null())
        assert (untimed["reported_on"] < by.game_date).all()
        shots = known["shot_zones"].join(known["player_games"], on=["game_id", "player_id"], how="anti")
        assert shots.is_empty()
        of_today = known["game_lines"].join(known["games"].filter(game_date=by.game_date), on="game_id", how="semi")
        assert of_today.select(pl.col("spread_home", "total").is_null().all()).row(0) == (True, True)
        assert of_today["total_morning"].count() > 0


def test_in_the_end_everything_is_known(raw: RawFacts, played: list[Morning]) -> None:
    last = replace(morning_after(played[-1]), moment=datetime(2100, 1, 1, tzinfo=UTC))
    known = news(raw, last, None)
    assert {name: frame.height for name, frame in known.items() if name != "injuries"} == {
        name: getattr(raw, name).height for name in known if name != "injuries"
    }
    closed = known["game_lines"].join(raw.game_lines, on=raw.game_lines.columns, how="semi", nulls_equal=True)
    assert closed.height == raw.game_lines.height


def test_the_twin_holds_each_morning_what_was_known_then_and_its_builders_read_the_same(
    over: Over, raw: RawFacts, played: list[Morning]
) -> None:
    """Brought in piece by piece, it is what it would be at once; held in memory, it is what stands in the tables."""
    twin = make_twin(over.world.home, over.world.home.root / "twin")
    for by in played[:6]:
        twin.wake(raw, by)
        assert facts_of_the_future(twin.engine, by) == {}
        with twin.engine.connect() as connection:
            held, stored = twin.read(connection), read_raw(connection)
        at_once = news(raw, by, None)
        for name, expected in at_once.items():
            wanted = expected.sort(expected.columns)
            for found in (getattr(held, name), getattr(stored, name)):
                assert found.sort(found.columns).equals(wanted.select(found.columns)), name
        assert held.ingested == stored.ingested
    twin.engine.dispose()


def test_a_twin_that_somebody_else_has_written_is_not_read_from_memory(
    over: Over, raw: RawFacts, played: list[Morning]
) -> None:
    twin = make_twin(over.world.home, over.world.home.root / "twin")
    twin.wake(raw, played[5])
    with twin.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM shot_zones WHERE rowid = 1")
    with twin.engine.connect() as connection, pytest.raises(ValueError, match="shot_zones of the twin"):
        twin.read(connection)
    twin.engine.dispose()


@pytest.mark.parametrize(
    ("table", "plant"),
    [
        ("player_games", "UPDATE player_games SET game_date = '{day}' WHERE rowid = 1"),
        ("games", "UPDATE games SET game_date = '2099-01-01' WHERE rowid = 1"),
        ("points_lines", "UPDATE points_lines SET captured_at = '2099-01-01 00:00:00.000000' WHERE rowid = 1"),
        ("injuries", "UPDATE injuries SET captured_at = NULL, reported_on = '{day}' WHERE rowid = 1"),
        (
            "game_lines",
            "UPDATE game_lines SET total = 1 WHERE game_id IN (SELECT game_id FROM games WHERE game_date = '{day}')",
        ),
    ],
)
def test_a_fact_of_the_future_in_the_twin_is_found(
    over: Over, raw: RawFacts, played: list[Morning], table: str, plant: str
) -> None:
    by = played[5]
    twin = make_twin(over.world.home, over.world.home.root / "twin")
    twin.wake(raw, by)
    with twin.engine.begin() as connection:
        connection.exec_driver_sql(plant.format(day=by.game_date))
    assert table in facts_of_the_future(twin.engine, by)
    twin.engine.dispose()
