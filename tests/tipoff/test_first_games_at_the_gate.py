"""The fault that the gate once let pass, planted: a version that goes astray where the champion says nothing."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.home import Home
from contracts.settings import GateSettings, Settings, TrainingSettings
from registry.gate import decide
from registry.gate_alone import NAME
from registry.verdict import Test
from registry.versions import get_version
from systems.xgboost import XGBoost
from tipoff.gatekeeping import gather_evidence
from tipoff.same_rows import load
from tipoff.wiring import Wiring
from training.train import TrainRequest, train

pytestmark = pytest.mark.slow  # three whole trainings, with every plot of theirs
SECOND_SEASON = date(2023, 10, 1)
GATE = GateSettings(min_rows=60, min_dates=5, min_slice_rows=20)
XGBOOST = """
class: systems.xgboost:XGBoost
parameters: {n_estimators: 60, max_depth: 3, min_child_weight: 10, learning_rate: 0.1}
"""
AVERAGE, ASTRAY, SOUND = 1, 2, 3


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory, make_league: Callable[..., Path]) -> Iterator[Wiring]:
    """Versions 1 (season_average), 2 (xgboost on `played` alone, as it was) and 3 (xgboost as it is), which have not
    seen the second of two simulated seasons."""
    root = tmp_path_factory.mktemp("astray") / "home"
    built = make_league(tmp_path_factory.mktemp("two"), n_teams=6, regular_games=36, n_seasons=2)
    (root / "conf" / "systems").mkdir(parents=True)
    (root / "conf" / "systems" / "xgboost.yaml").write_text(XGBOOST)
    shutil.copy(built, root / "tipoff.db")
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    made = Wiring(
        home, Settings(gate=GATE, training=TrainingSettings(min_coverage=0.0)), open_database(home.database_url)
    )
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.filterwarnings("ignore", message=".*noload.*", category=sa.exc.SADeprecationWarning)
        warnings.filterwarnings("ignore", message=".*AnyType.*", category=UserWarning)  # MLflow of itself
        patch.setenv("TIPOFF_CONF", str(root / "conf"))
        _train(made, "season_average")
        with pytest.MonkeyPatch.context() as planted:
            planted.setattr(XGBoost, "learns_besides", ())
            _train(made, "xgboost")
        _train(made, "xgboost")
    yield made
    made.engine.dispose()


def _train(wiring: Wiring, system: str) -> None:
    request = TrainRequest(system, "v2_33features", "played", val_from=SECOND_SEASON)
    train(wiring.engine, wiring.home, wiring.settings, request)


def judge(wiring: Wiring, challenger: int, champion: int | None) -> dict[str, Test]:
    live = load(wiring, get_version(wiring.engine, challenger))
    against = load(wiring, get_version(wiring.engine, champion)) if champion else None
    return {test.name: test for test in decide(gather_evidence(wiring, live, against), wiring.settings.gate).tests}


def test_the_gate_refuses_what_goes_astray_where_the_champion_says_nothing(wiring: Wiring) -> None:
    tests = judge(wiring, ASTRAY, AVERAGE)
    assert not tests[NAME].passed
    assert tests[NAME].figure is not None
    assert tests[NAME].figure > GATE.alone_tolerance
    assert tests["no_worse_on_early"].passed, "both predict no first game together: no other test sees them"


def test_the_same_trees_that_learned_from_first_games_pass_there(wiring: Wiring) -> None:
    test = judge(wiring, SOUND, AVERAGE)[NAME]
    assert test.passed
    assert test.figure is not None
    assert test.figure < GATE.alone_tolerance
    assert "99 rows of played and early" in test.detail
    assert "the median of" in test.detail


def test_against_a_champion_that_predicts_them_they_are_among_the_early_rows(wiring: Wiring) -> None:
    assert not judge(wiring, ASTRAY, SOUND)["no_worse_on_early"].passed


def test_rows_of_no_average_are_held_to_the_typical_result_before(wiring: Wiring) -> None:
    """Between two versions that predict every row, only those on which no average says anything are nobody's."""
    live, champion = (load(wiring, get_version(wiring.engine, version)) for version in (SOUND, ASTRAY))
    rows = gather_evidence(wiring, live, champion).alone
    assert rows is not None
    assert 0 < len(rows.actual) < 99
    assert len(np.unique(rows.guess)) == 1
