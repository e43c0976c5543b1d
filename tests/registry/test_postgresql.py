"""The history on a real PostgreSQL: the same protection, and writers that wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.database import open_database
from contracts.tables import model_versions
from registry.chain import append, exclusive
from registry.history import read_history, verify_history
from registry.stages import Stage
from registry.versions import production

SHA256 = "b" * 64


@pytest.fixture(scope="module")
def postgresql(new_postgres: Callable[[], str]) -> Iterator[sa.Engine]:
    """A database with one version registered."""
    engine = open_database(new_postgres())
    row = {"model_name": "m", "version": 1, "system": "xgboost", "run_id": "r", "artifact_uri": "file:///x"}
    row |= {"sha256": SHA256, "feature_set": "f", "feature_set_hash": "h", "build_id": 1, "target": "points"}
    with engine.begin() as connection:
        connection.execute(sa.insert(model_versions).values(**row, metrics=[], registered_at=clock.now()))
    _append(engine, "register", Stage.NONE, Stage.NONE)
    yield engine
    engine.dispose()


def _append(engine: sa.Engine, action: str, before: Stage, after: Stage) -> None:
    with exclusive(engine) as connection:
        append(
            connection,
            model_name="m",
            version=1,
            action=action,
            from_stage=before,
            to_stage=after,
            sha256=SHA256,
            actor="ana",
            verdict={"passed": True, "tests": [{"figure": 0.1 + 0.2}]},
        )


def test_writers_at_once_wait_for_each_other_and_the_chain_holds(postgresql: sa.Engine) -> None:
    n_before = len(read_history(postgresql))
    move = ("promote", Stage.NONE, Stage.PRODUCTION)
    threads = [threading.Thread(target=_append, args=(postgresql, *move)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    entries = read_history(postgresql)
    assert [entry.seq for entry in entries] == list(range(1, n_before + 5))
    assert verify_history(postgresql) == []
    live = production(postgresql, "m")
    assert live is not None
    assert live.version == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE promotion_history SET actor = 'bob'",
        "DELETE FROM promotion_history",
        "TRUNCATE promotion_history",
        "UPDATE model_versions SET system = 'catboost'",
        "DELETE FROM model_versions",
        "TRUNCATE model_versions",
    ],
)
def test_postgresql_refuses_to_alter_history_or_versions(postgresql: sa.Engine, statement: str) -> None:
    before = read_history(postgresql)
    with pytest.raises(sa.exc.DatabaseError, match="is append-only"), postgresql.begin() as connection:
        connection.execute(sa.text(statement))
    assert read_history(postgresql) == before


def test_an_edit_behind_the_triggers_is_found(postgresql: sa.Engine) -> None:
    _append(postgresql, "archive", Stage.PRODUCTION, Stage.ARCHIVED)
    last = read_history(postgresql)[-1].seq
    with postgresql.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.text("ALTER TABLE promotion_history DISABLE TRIGGER USER"))
        connection.execute(sa.text("UPDATE promotion_history SET actor = 'bob' WHERE seq = :last"), {"last": last})
        transaction.commit()
    assert [found.seq for found in verify_history(postgresql)] == [last]
