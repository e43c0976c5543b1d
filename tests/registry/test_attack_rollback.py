"""A way back leads to a version that can answer, or nothing moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from contracts.errors import RefusedError, UnavailableError
from contracts.home import Home
from registry.history import read_history
from registry.promotion import promote, register, rollback
from registry.stages import Stage
from registry.verdict import Test, Verdict
from registry.versions import ModelVersion, NewVersion, production

PASSED = Verdict.of([Test("better_than_champion", True, "MAE 4.4 against 4.6", 0.1, "> 0")])


def two_champions(
    engine: sa.Engine, home: Home, model_name: str, new_version: Callable[..., NewVersion]
) -> list[ModelVersion]:
    """Two versions that were promoted one after the other."""
    made = [register(engine, home, new_version(), actor="ana") for _ in range(2)]
    for version in made:
        promote(
            engine,
            home,
            version.version,
            Stage.PRODUCTION,
            lambda *_: PASSED,
            actor="ana",
            model_name=model_name,
        )
    return made


def test_a_version_that_does_not_prove_itself_is_not_brought_back(
    engine: sa.Engine, mlflow_home: Home, model_name: str, new_version: Callable[..., NewVersion]
) -> None:
    first, second = two_champions(engine, mlflow_home, model_name, new_version)
    before = read_history(engine, model_name)
    asked: list[int] = []

    def prove(target: ModelVersion) -> None:
        asked.append(target.version)
        raise UnavailableError("Its files are gone.")

    with pytest.raises(UnavailableError, match="files are gone"):
        rollback(engine, mlflow_home, reason="it drifts", actor="ana", prove=prove, model_name=model_name)
    assert asked == [first.version]
    live = production(engine, model_name)
    assert live is not None
    assert live.version == second.version
    assert read_history(engine, model_name) == before


def test_a_rollback_that_another_one_overtakes_moves_nothing(
    engine: sa.Engine, mlflow_home: Home, model_name: str, new_version: Callable[..., NewVersion]
) -> None:
    first, _ = two_champions(engine, mlflow_home, model_name, new_version)

    def another_comes_first(_target: ModelVersion) -> None:
        rollback(engine, mlflow_home, reason="quicker", actor="bob", model_name=model_name)

    with pytest.raises(RefusedError, match="no way back"):
        rollback(engine, mlflow_home, reason="slow", actor="ana", prove=another_comes_first, model_name=model_name)
    live = production(engine, model_name)
    assert live is not None
    assert live.version == first.version
    assert [entry.actor for entry in read_history(engine, model_name)].count("bob") == 2
