"""What came into Production, and what was trained again, is told: in the transaction that made it so, or not at all."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.events import PROMOTION, RETRAINING
from contracts.tables import model_versions, outbox
from registry.chain import exclusive
from registry.moves import record
from registry.stages import Stage
from registry.versions import ModelVersion


def version(number: int, system: str) -> ModelVersion:
    return ModelVersion(
        model_name="m",
        version=number,
        system=system,
        run_id="r",
        artifact_uri="file:///x",
        sha256="b" * 64,
        feature_set="f",
        feature_set_hash="h",
        build_id=1,
        target="points",
        train_from=date(2023, 1, 1),
        train_to=date(2024, 1, 1),
        metrics=[],
        registered_at=clock.now(),
    )


def register(connection: sa.Connection, made: ModelVersion) -> None:
    connection.execute(sa.insert(model_versions).values(**vars(made)))
    record(connection, made, "register", Stage.NONE, Stage.NONE, "ana")


def told(engine: sa.Engine) -> list[tuple[str, str, dict[str, Any]]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(outbox).order_by(outbox.c.recorded_at)).all()
    return [(row.type, row.subject, row.data) for row in rows]


def test_the_first_version_of_a_system_is_no_retraining_and_the_next_one_is(engine: sa.Engine) -> None:
    with exclusive(engine) as connection:
        for number, system in ((1, "xgboost"), (2, "catboost"), (3, "xgboost")):
            register(connection, version(number, system))
    ((kind, subject, data),) = told(engine)
    assert (kind, subject, data["remedy"]) == (RETRAINING, "version 3 (xgboost)", "tipoff promote --version 3")
    assert data["message"] == "version 3 (xgboost) was trained on f, to 2024-01-01."
    assert data["evidence"]["sha256"] == "b" * 64


def test_promotion_and_rollback_to_production_are_told_and_no_other_move(engine: sa.Engine) -> None:
    made = version(1, "xgboost")
    with exclusive(engine) as connection:
        register(connection, made)
        record(connection, made, "refuse", Stage.NONE, Stage.NONE, "ana")
        record(connection, made, "promote", Stage.NONE, Stage.STAGING, "ana")
        record(connection, made, "promote", Stage.STAGING, Stage.PRODUCTION, "ana", "it is better")
        record(connection, made, "archive", Stage.PRODUCTION, Stage.ARCHIVED, "ana")
        record(connection, made, "rollback", Stage.ARCHIVED, Stage.PRODUCTION, "ana")
    assert [(kind, data["message"]) for kind, _, data in told(engine)] == [
        (PROMOTION, "version 1 (xgboost) is in Production: promote by ana, it is better."),
        (PROMOTION, "version 1 (xgboost) is in Production: rollback by ana."),
    ]


def test_a_move_that_is_undone_tells_nobody(engine: sa.Engine) -> None:
    made = version(1, "xgboost")

    def move() -> None:
        with exclusive(engine) as connection:
            register(connection, made)
            record(connection, made, "promote", Stage.STAGING, Stage.PRODUCTION, "ana")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        move()
    assert told(engine) == []
