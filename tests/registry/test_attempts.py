"""Every new look at a champion is an attempt, the same look twice is one, and the ledger keeps them all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
import sqlalchemy as sa

from registry.attempts import count_attempt, n_attempts


def attempt(engine: sa.Engine, **changes: object) -> int:
    values = {"champion": 1, "challenger": 2, "build_id": 3, "date_to": date(2024, 4, 1), "n_rows": 9000} | changes
    return count_attempt(engine, "m", **values)  # type: ignore[arg-type]  # by name


def test_each_challenger_of_a_champion_is_an_attempt_and_the_same_look_is_the_same_one(engine: sa.Engine) -> None:
    assert [attempt(engine, challenger=challenger) for challenger in (2, 3, 2, 4, 3)] == [1, 2, 1, 3, 2]
    assert n_attempts(engine, "m", 1) == 3


def test_the_same_challenger_on_more_rows_is_a_new_attempt(engine: sa.Engine) -> None:
    assert attempt(engine) == 1
    assert attempt(engine, date_to=date(2024, 4, 2), n_rows=9100) == 2
    assert attempt(engine, build_id=4) == 3


def test_each_champion_has_a_level_of_its_own(engine: sa.Engine) -> None:
    assert attempt(engine) == 1
    assert attempt(engine, champion=2, challenger=3) == 1
    assert n_attempts(engine, "other", 1) == 0


def test_attempts_at_once_get_a_number_each(engine: sa.Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda challenger: attempt(engine, challenger=challenger), range(2, 18)))
    assert sorted(numbers) == list(range(1, 17))


def test_an_attempt_cannot_be_taken_back(engine: sa.Engine) -> None:
    attempt(engine)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM gate_attempts"))
