"""What a batch said is sealed when it ends, on both databases: whoever changes what was predicted is found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.settings import CoordinatorSettings
from contracts.tables import batch_digests, batches, games, ledger, outbox, predictions
from registry.digest_checks import Sealed, verify_digests
from registry.digests import digest_of, digests_in, heads
from registry.sealing import FIRST_PREVIOUS_HASH
from tipoff.coordinator.batches import Batch, find_batch, open_batch
from tipoff.coordinator.dead_letters import replay
from tipoff.coordinator.ledger import End, claim, end, try_again

LIMITS = CoordinatorSettings(retry_seconds=0, max_attempts=1, max_claims=2, lease_seconds=30)


@pytest.fixture
def ended(database: sa.Engine, batch: Batch, predicted: Callable[..., Any]) -> str:
    """The id of a batch that ended: three player-games predicted, one skipped."""
    held = claim(database, "w", LIMITS)
    assert held is not None
    ends = predicted(held)
    ends[held.keys[0]] = End(reason="no_features", detail="he has none")
    end(database, held, ends)
    return batch.batch_id


def entries(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return digests_in(connection)


def faults(engine: sa.Engine, known: str | None = None) -> list[str]:
    return verify_digests(engine, known).breaks


def write(engine: sa.Engine, *statements: Any) -> None:
    with writing(engine) as connection:
        for statement in statements:
            connection.execute(statement)


def unprotect(engine: sa.Engine) -> None:
    """What somebody does who may do anything with the database."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS batch_digests_no_{verb}")
        else:
            connection.exec_driver_sql("ALTER TABLE batch_digests DISABLE TRIGGER batch_digests_append_only")


def test_a_batch_is_sealed_by_its_last_row_and_everybody_is_told_of_the_seal(database: sa.Engine, ended: str) -> None:
    (entry,) = entries(database)
    assert (entry.seq, entry.batch_id, entry.n_predictions) == (1, ended, 3)
    assert (entry.previous_hash, entry.history_head) == (FIRST_PREVIOUS_HASH, f"0:{FIRST_PREVIOUS_HASH}")
    assert heads(database) == {"history": f"0:{FIRST_PREVIOUS_HASH}", "digests": entry.mark}
    with database.connect() as connection:
        told = connection.scalars(sa.select(outbox.c.data)).all()
    assert [data["digest"] for data in told] == [entry.mark]
    assert verify_digests(database) == Sealed(entries=1, sealed_before_tip_off=0, sealed_later=1)


def test_an_open_batch_has_no_seal_yet(database: sa.Engine, batch: Batch, predicted: Callable[..., Any]) -> None:
    held = claim(database, "w", LIMITS)
    assert held is not None
    end(database, held, dict(list(predicted(held).items())[:3]))
    assert entries(database) == []
    assert verify_digests(database) == Sealed(entries=0, sealed_before_tip_off=0, sealed_later=0)


@pytest.mark.parametrize(
    "change",
    [
        {"predicted": 11.0},
        {"interval_low": 4.0},
        {"line": 9.5},
        {"model_version": 7},
        {"model_sha256": "c" * 64},
        {"train_to": date(2024, 4, 1)},
        {"predicted_at": datetime(2024, 2, 1, tzinfo=UTC)},
    ],
)
def test_a_changed_prediction_is_named_by_its_batch(database: sa.Engine, ended: str, change: dict[str, Any]) -> None:
    """Also one that was made to look as if it had been said earlier, or by a model that had not seen the game."""
    one = sa.select(sa.func.min(predictions.c.prediction_id)).scalar_subquery()
    write(database, sa.update(predictions).where(predictions.c.prediction_id == one).values(change))
    assert faults(database) == [
        f"batch {ended} was altered after it ended: "
        "its 3 predictions, or why others are missing, are not what was sealed"
    ]


def test_what_was_said_of_dates_before_those_asked_about_is_not_computed_again(database: sa.Engine, ended: str) -> None:
    write(database, sa.update(predictions).values(predicted=11.0))
    with database.connect() as connection:
        day = connection.execute(sa.select(batches.c.game_date).where(batches.c.batch_id == ended)).scalar_one()
    assert verify_digests(database, since=day + timedelta(days=1)).breaks == []
    assert len(verify_digests(database, since=day).breaks) == 1


def test_a_deleted_prediction_is_found(database: sa.Engine, ended: str) -> None:
    with database.connect() as connection:
        said = connection.scalar(sa.select(sa.func.max(ledger.c.prediction_id)))
    write(
        database,
        sa.delete(ledger).where(ledger.c.prediction_id == said),
        sa.delete(predictions).where(predictions.c.prediction_id == said),
    )
    assert faults(database) == [f"batch {ended} was altered after it ended: 3 predictions were sealed, 2 are there"]


def test_a_prediction_added_afterwards_is_found(database: sa.Engine, ended: str) -> None:
    """Whoever was skipped is made one who was predicted, with the result in hand."""
    skipped = ledger.c.state == "skipped"
    with writing(database) as connection:
        row = connection.execute(sa.select(ledger.c.player_id).where(skipped)).one()
        like = dict(connection.execute(sa.select(predictions).limit(1)).mappings().one()) | {"player_id": row.player_id}
        like.pop("prediction_id")
        made = connection.execute(sa.insert(predictions).values(like).returning(predictions.c.prediction_id))
        changed = {"state": "predicted", "reason": None, "detail": None, "prediction_id": made.scalar_one()}
        connection.execute(sa.update(ledger).where(skipped).values(changed))
    assert faults(database) == [f"batch {ended} was altered after it ended: 3 predictions were sealed, 4 are there"]


def test_a_batch_that_was_deleted_is_found(database: sa.Engine, ended: str) -> None:
    write(database, sa.delete(ledger), sa.delete(batches))
    assert faults(database) == [f"batch {ended}, which is sealed, is not there any more"]


def test_the_reason_of_a_skip_is_sealed_too(database: sa.Engine, ended: str) -> None:
    write(database, sa.update(ledger).where(ledger.c.state == "skipped").values(reason="listed_out"))
    assert len(faults(database)) == 1


def test_the_database_refuses_to_change_or_delete_a_seal(database: sa.Engine, ended: str) -> None:
    for statement in (sa.update(batch_digests).values(n_predictions=9), sa.delete(batch_digests)):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            write(database, statement)


def test_a_seal_altered_with_its_prediction_is_found_by_its_hash(database: sa.Engine, ended: str) -> None:
    unprotect(database)
    write(database, sa.update(predictions).values(predicted=12.0))
    with database.connect() as connection:
        _, digest = digest_of(connection, ended)
    write(database, sa.update(batch_digests).values(digest=digest))
    assert faults(database) == [f"digest 1 (batch {ended}) was altered: its hash is not that of what it says"]


def test_a_chain_cut_at_its_end_is_found_by_what_was_told_and_by_what_is_known_outside(
    database: sa.Engine, ended: str
) -> None:
    known = heads(database)["digests"]
    assert faults(database, known) == []
    unprotect(database)
    write(database, sa.delete(batch_digests))
    short = f"1 (hash {known.partition(':')[2][:12]})"
    assert faults(database) == [f"batch {ended} ended with digest {short}, which is not there"]
    write(database, sa.delete(outbox))
    assert faults(database, known) == [f"digest {short}, known outside, is not there: the chain was cut or rewritten"]
    assert verify_digests(database).unsealed == [ended], "what ended before there were digests is told, and no break"


def test_a_batch_that_is_opened_again_is_sealed_again_when_it_ends(
    database: sa.Engine, batch: Batch, predicted: Callable[..., Any]
) -> None:
    held = claim(database, "w", LIMITS)
    assert held is not None
    try_again(database, held, "error", "it fails", LIMITS)
    assert replay(database) == 4
    found = verify_digests(database)
    assert (found.open_again, found.breaks) == ([batch.batch_id], [])
    held = claim(database, "w", LIMITS)
    assert held is not None
    end(database, held, predicted(held))
    first, second = entries(database)
    assert (first.n_predictions, second.n_predictions) == (0, 4)
    assert (second.batch_id, second.previous_hash) == (batch.batch_id, first.hash)
    assert verify_digests(database) == Sealed(entries=2, sealed_before_tip_off=0, sealed_later=2)


@pytest.mark.parametrize(("hours", "before"), [(2, 1), (-2, 0)])
def test_a_seal_says_whether_it_came_before_the_first_tip_off(
    engine: sa.Engine, make_expectation: Callable[..., Any], hours: int, before: int
) -> None:
    day, names = clock.league_date(clock.now()), ("season_type", "home_team_id", "away_team_id")
    game = {
        "game_id": "0022300001",
        "season": 2023,
        "game_date": day,
        **dict(zip(names, ("regular", 1, 2), strict=True)),
    }
    write(engine, sa.insert(games).values(**game, tip_off_at=clock.now() + timedelta(hours=hours)))
    open_batch(engine, make_expectation(day=day))
    held = claim(engine, "w", LIMITS)
    assert held is not None
    end(engine, held, {key: End(reason="r") for key in held.keys})
    found = verify_digests(engine)
    assert (found.sealed_before_tip_off, found.sealed_later) == (before, 1 - before)


def test_a_replay_cannot_make_its_seals_look_early(engine: sa.Engine, make_expectation: Callable[..., Any]) -> None:
    """The clock is moved to before the games; the seal has the time on the wall."""
    with clock.moved_to(datetime(2024, 3, 1, 12, tzinfo=UTC)):
        open_batch(engine, make_expectation())
        held = claim(engine, "w", LIMITS)
        assert held is not None
        end(engine, held, {key: End(reason="r") for key in held.keys})
    (entry,) = entries(engine)
    assert clock.wall() - entry.at < timedelta(minutes=5)
    assert find_batch(engine).ended_at is not None


def test_batches_that_end_at_once_make_one_chain(database: sa.Engine, make_expectation: Callable[..., Any]) -> None:
    for day in range(1, 7):
        open_batch(database, make_expectation(day=date(2024, 3, day)))

    def work(name: str) -> None:
        while (held := claim(database, name, LIMITS)) is not None:
            end(database, held, {key: End(reason="r") for key in held.keys})

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.seq for entry in entries(database)] == [1, 2, 3, 4, 5, 6]
    assert faults(database) == []


def test_lost_rows_of_several_batches_end_without_a_deadlock(
    database: sa.Engine, make_expectation: Callable[..., Any]
) -> None:
    """Every worker that looks gives all lost rows up: at once, they wait for each other in one order."""
    limits = LIMITS.model_copy(update={"max_claims": 1, "lease_seconds": 0.1})
    for day in range(1, 9):
        open_batch(database, make_expectation(day=date(2024, 3, day)))
        assert claim(database, "dead", limits.model_copy(update={"lease_seconds": 30})) is not None
    past = clock.now() - timedelta(seconds=1)
    write(database, sa.update(ledger).where(ledger.c.state == "claimed").values(leased_until=past))
    said: list[Any] = []

    def look(name: str) -> None:
        try:
            said.append(claim(database, name, limits))
        except sa.exc.SQLAlchemyError as error:
            said.append(error)

    threads = [threading.Thread(target=look, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [None] * 4
    assert len(entries(database)) == 8
    assert faults(database) == []
