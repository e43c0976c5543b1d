"""The ledger of looks: nothing leaves it, nothing in it changes, and no two looks are counted as the same one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.tables import backtest_looks
from training.looks import Look, best_of, keep_look, looks_at

LOOK = Look(
    test_season=2022,
    system="xgboost",
    hyperparameters={"max_depth": 5, "gamma": 0.0},
    feature_set="v2_33features",
    feature_set_hash="a" * 64,
    build_id=1,
    dataset_sha256="b" * 64,
    target="points",
    retrain="none",
    populations={"played": {"n": 24895, "mae": 4.6, "baselines": {"season_average": 4.7}}},
)


def seeing(mae: float, **other: object) -> Look:
    return replace(LOOK, populations={"played": {"n": 10, "mae": mae}}, **other)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database with nothing in it, on either engine."""
    postgres = request.param == "postgresql"
    address = request.getfixturevalue("new_postgres")() if postgres else f"sqlite:///{tmp_path / 'tipoff.db'}"
    engine = open_database(address)
    yield engine
    engine.dispose()


def test_a_look_comes_back_as_it_was_made_and_each_sees_those_before_it(ledger: sa.Engine) -> None:
    assert keep_look(ledger, LOOK) == []
    [first] = keep_look(ledger, seeing(4.5))
    assert first.look == LOOK
    assert first.looked_at.tzinfo is not None
    assert [kept.look.mae("played") for kept in looks_at(ledger, 2022)] == [4.6, 4.5]


def test_looks_are_counted_season_by_season_whatever_was_tested(ledger: sa.Engine) -> None:
    keep_look(ledger, LOOK)
    assert keep_look(ledger, replace(LOOK, test_season=2023)) == []
    assert len(keep_look(ledger, seeing(4.0, system="catboost", target="rebounds", feature_set="v3"))) == 1


def test_looks_at_the_same_time_each_count_the_others(ledger: sa.Engine) -> None:
    n = 12
    with ThreadPoolExecutor(n) as threads:
        before = list(threads.map(lambda number: len(keep_look(ledger, seeing(4 + number / 100))), range(n)))
    assert sorted(before) == list(range(n))
    assert len(looks_at(ledger, 2022)) == n


@pytest.mark.parametrize("change", [backtest_looks.delete(), backtest_looks.update().values(test_season=1999)])
def test_no_look_can_be_taken_back(ledger: sa.Engine, change: sa.Executable) -> None:
    keep_look(ledger, LOOK)
    with pytest.raises(sa.exc.DatabaseError, match="append-only"), writing(ledger) as connection:
        connection.execute(change)
    assert len(looks_at(ledger, 2022)) == 1


def test_a_figure_that_is_none_is_not_kept(ledger: sa.Engine) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        keep_look(ledger, seeing(float("nan")))
    assert looks_at(ledger, 2022) == []


def test_the_best_is_the_lowest_of_the_same_target_and_population(engine: sa.Engine) -> None:
    for look in (seeing(4.6), seeing(4.5, system="catboost"), seeing(2.0, target="rebounds"), seeing(4.7)):
        keep_look(engine, look)
    best = best_of(looks_at(engine, 2022), "points", "played")
    assert best is not None
    assert best.look.system == "catboost"
    assert best_of(looks_at(engine, 2022), "points", "lined") is None


def test_with_a_span_only_looks_at_those_very_dates_count(engine: sa.Engine) -> None:
    """A week in March says nothing against a whole season."""
    for mae, first in ((4.1, "2023-04-02"), (4.6, "2022-10-18")):
        row = {"n": 10, "mae": mae, "date_from": first, "date_to": "2023-04-09"}
        keep_look(engine, replace(seeing(9.9), populations={"played": row}))
    best = best_of(looks_at(engine, 2022), "points", "played", ("2022-10-18", "2023-04-09"))
    assert best is not None
    assert best.look.mae("played") == 4.6
