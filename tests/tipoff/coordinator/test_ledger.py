"""The ledger, on both databases: one claim a row, one end a row, bounded tries, and no end without its prediction."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.settings import CoordinatorSettings
from contracts.tables import batches, ledger
from tipoff.coordinator.batches import find_batch, open_batch
from tipoff.coordinator.completion import Completion, complete
from tipoff.coordinator.dead_letters import list_dead_letters, replay
from tipoff.coordinator.faults import (
    NoPredictionError,
    OtherStateError,
    UnknownBatchError,
    UnknownPlayerGameError,
)
from tipoff.coordinator.ledger import End, claim, end, extend, try_again
from tipoff.coordinator.states import ENDED, LEGAL_MOVES, State

LIMITS = CoordinatorSettings(retry_seconds=0, max_attempts=3, max_claims=4, lease_seconds=30)


def pass_the_lease(engine: sa.Engine) -> None:
    """As if nobody had given a sign for longer than a lease."""
    with writing(engine) as connection:
        past = clock.now() - timedelta(seconds=1)
        connection.execute(sa.update(ledger).where(ledger.c.state == "claimed").values(leased_until=past))


def test_what_has_ended_moves_nowhere_but_a_failed_one_may_be_replayed():
    assert {state for state in State if not LEGAL_MOVES[state]} == ENDED - {State.FAILED}
    assert LEGAL_MOVES[State.FAILED] == {State.WAITING}


def test_a_batch_is_opened_once_and_a_new_revision_begins_only_with_other_inputs(database, make_expectation):
    first, is_new = open_batch(database, make_expectation())
    again, is_new_again = open_batch(database, make_expectation(inputs_hash="2"))
    assert (is_new, is_new_again, again) == (True, False, first), "it is open"
    end(database, held := claim(database, "w", LIMITS), {key: End(reason="r") for key in held.keys})
    assert open_batch(database, make_expectation())[0].batch_id == first.batch_id, "nothing changed"
    second, is_new = open_batch(database, make_expectation(n_players=3, inputs_hash="2"))
    assert (is_new, second.revision, second.batch_id) == (True, 2, "2024-03-01-r2")
    assert find_batch(database, game_date=first.game_date) == second
    with database.connect() as connection:
        kept = connection.execute(sa.select(ledger.c.batch_id, sa.func.count()).group_by(ledger.c.batch_id)).all()
    assert dict(kept) == {first.batch_id: 4, second.batch_id: 3}


def test_callers_at_once_open_one_batch(database, make_expectation):
    opened = []
    threads = [
        threading.Thread(target=lambda: opened.append(open_batch(database, make_expectation()))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len({batch.batch_id for batch, _ in opened}) == 1
    assert [is_new for _, is_new in opened].count(True) == 1


def test_a_row_is_claimed_by_one_worker_however_many_ask_at_once(database, make_expectation):
    open_batch(database, make_expectation(n_players=40, systems=("a", "b", "c")))
    limits = CoordinatorSettings(chunk_rows=10)
    claims = []

    def work(name: str) -> None:
        while (held := claim(database, name, limits)) is not None:
            claims.append(held)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    rows = [(held.system, *key) for held in claims for key in held.keys]
    assert len(rows) == len(set(rows)) == 120
    assert all(len(held.keys) <= 10 for held in claims)


def test_ending_stores_the_predictions_and_ends_the_batch_with_its_last_row(database, batch, predicted, look):
    held = claim(database, "w", LIMITS)
    ends = predicted(held)
    skipped = held.keys[0]
    ends[skipped] = End(reason="stale_features", detail="why")
    assert find_batch(database).is_open
    assert end(database, held, ends) == 4
    assert look(database) == ({"predicted": 3, "skipped": 1}, 3, 0)
    assert not find_batch(database).is_open
    assert claim(database, "other", LIMITS) is None


def test_an_end_that_fails_on_its_way_leaves_neither_prediction_nor_state(database, batch, predicted, look):
    held = claim(database, "w", LIMITS)
    ends = predicted(held)
    broken = dict(ends[held.keys[-1]].prediction) | {"interval_low": 99.0}
    with pytest.raises(sa.exc.IntegrityError):
        end(database, held, ends | {held.keys[-1]: End(prediction=broken)})
    assert look(database) == ({"claimed": 4}, 0, 0)


def test_a_dead_workers_rows_are_a_living_ones_after_the_lease_and_the_dead_one_can_end_nothing(
    database, batch, predicted, look
):
    dead = claim(database, "dead", LIMITS)
    assert claim(database, "living", LIMITS) is None, "the lease holds"
    pass_the_lease(database)
    living = claim(database, "living", LIMITS)
    assert sorted(living.keys) == sorted(dead.keys)
    assert extend(database, dead, LIMITS) == 0
    assert end(database, dead, predicted(dead)) == 0
    assert look(database) == ({"claimed": 4}, 0, 0), "not even its predictions are kept"
    assert end(database, living, predicted(living)) == 4
    assert look(database) == ({"predicted": 4}, 4, 0)


def test_a_sign_of_life_keeps_the_lease(database, batch):
    held = claim(database, "w", LIMITS)
    pass_the_lease(database)
    assert extend(database, held, LIMITS) == 4
    assert claim(database, "other", LIMITS) is None


def test_a_row_that_fails_is_tried_as_often_as_allowed_then_given_up_and_put_back_by_a_replay(database, batch, look):
    for attempt in (1, 2, 3):
        held = claim(database, "w", LIMITS)
        assert held.attempt == attempt
        try_again(database, held, "error", f"try {attempt}", LIMITS)
    assert look(database) == ({"failed": 4}, 0, 4)
    assert not find_batch(database).is_open
    assert {letter["detail"] for letter in list_dead_letters(database)} == {"try 3"}
    assert replay(database, "another batch") == 0
    assert replay(database) == 4
    assert (look(database)[0], list_dead_letters(database)) == ({"waiting": 4}, [])
    assert find_batch(database).is_open
    assert claim(database, "w", LIMITS).attempt == 1


def test_a_row_waits_before_its_next_try_longer_each_time(database, batch):
    limits = CoordinatorSettings(retry_seconds=30)
    try_again(database, claim(database, "w", limits), "error", "first", limits)
    assert claim(database, "w", limits) is None
    with database.connect() as connection:
        first = connection.scalar(sa.select(sa.func.min(ledger.c.not_before)))
    with writing(database) as connection:
        connection.execute(sa.update(ledger).values(not_before=None))
    try_again(database, claim(database, "w", limits), "error", "second", limits)
    with database.connect() as connection:
        second = connection.scalar(sa.select(sa.func.min(ledger.c.not_before)))
    assert second - first > timedelta(seconds=25)


def test_a_row_that_outlives_worker_after_worker_is_given_up(database, batch, look):
    for _ in range(LIMITS.max_claims):
        assert claim(database, "w", LIMITS) is not None
        pass_the_lease(database)
    assert claim(database, "w", LIMITS) is None
    assert look(database) == ({"failed": 4}, 0, 4)
    assert {letter["reason"] for letter in list_dead_letters(database)} == {"worker_lost"}
    assert not find_batch(database).is_open


def said(batch, state: State, player: int = 1, **more) -> Completion:
    return Completion(**{"batch_id": batch.batch_id, "system": "a", "game_id": "0022300001", "player_id": player,
                         "state": state, **more})  # fmt: skip


def test_a_completion_ends_a_row_once_and_another_state_is_refused(database, batch):
    """Skips that sent no completion once kept batches open for ever: a skip ends a row like anything else."""
    assert complete(database, said(batch, State.SKIPPED, reason="injured"))
    assert not complete(database, said(batch, State.SKIPPED, reason="injured"))
    with pytest.raises(OtherStateError, match="has ended as skipped"):
        complete(database, said(batch, State.FAILED))
    for player in (2, 3, 4):
        complete(database, said(batch, State.SKIPPED, player))
    assert not find_batch(database).is_open


def test_completions_of_nothing_known_are_refused(database, batch):
    with pytest.raises(UnknownBatchError):
        complete(database, said(batch, State.SKIPPED, batch_id="none"))
    with pytest.raises(UnknownPlayerGameError):
        complete(database, said(batch, State.SKIPPED, player=99))


def test_what_is_called_predicted_must_be_stored(database, batch, predicted, look):
    with pytest.raises(NoPredictionError):
        complete(database, said(batch, State.PREDICTED))
    assert look(database) == ({"waiting": 4}, 0, 0)
    held = claim(database, "w", LIMITS)
    end(database, held, {key: ended for key, ended in predicted(held).items() if key[1] != 1})
    with writing(database) as connection:
        from serving.store import insert_predictions

        insert_predictions(connection, [predicted(held)["0022300001", 1].prediction])
    assert complete(database, said(batch, State.PREDICTED))
    assert look(database) == ({"predicted": 4}, 4, 0)


def test_a_failure_told_from_outside_can_be_replayed(database, batch, look):
    complete(database, said(batch, State.FAILED, reason="no_memory"))
    assert [letter["reason"] for letter in list_dead_letters(database)] == ["no_memory"]
    assert replay(database) == 1
    assert look(database)[0] == {"waiting": 4}


@pytest.mark.parametrize(
    "change",
    [
        {"state": "done"},
        {"state": "claimed"},  # without a lease
        {"state": "predicted", "ended_at": clock.now()},  # without a prediction
        {"state": "skipped", "ended_at": clock.now()},  # without a reason
        {"state": "failed", "reason": "r"},  # without a time
        {"batch_id": "none"},
    ],
)
def test_the_database_itself_refuses_a_state_that_says_nothing(database, batch, change):
    with pytest.raises(sa.exc.IntegrityError), writing(database) as connection:
        connection.execute(sa.update(ledger).where(ledger.c.player_id == 1).values(**change))


def test_the_database_holds_one_revision_of_a_number(database, batch):
    with pytest.raises(sa.exc.IntegrityError), writing(database) as connection:
        connection.execute(sa.insert(batches).values({**vars(batch), "batch_id": "another"}))
