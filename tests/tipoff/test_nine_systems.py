"""Every system goes the whole way through the command line: trained, registered, promoted, asked for a slate."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.tables import feature_table
from features.feature_sets import load_feature_set
from systems.catalog import system_names

QUICK = {
    "xgboost": "class: systems.xgboost:XGBoost\nparameters: {n_estimators: 30, nthread: 1}\n",
    "catboost": "class: systems.catboost:CatBoost\nparameters: {iterations: 30, thread_count: 1}\n",
    "similarity": "class: systems.similarity:Similarity\nparameters: {n_neighbours: 50}\n",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, built: Path, shell_at: Callable[..., Any]) -> Any:
    """A shell at a small league of its own, with few trees."""
    root = tmp_path_factory.mktemp("nine")
    (root / "home").mkdir()
    shutil.copy(built, root / "home" / "tipoff.db")
    (root / "conf" / "systems").mkdir(parents=True)
    for name, entry in QUICK.items():
        (root / "conf" / "systems" / f"{name}.yaml").write_text(entry)
    return shell_at(root / "home", TIPOFF_CONF=str(root / "conf"), OMP_NUM_THREADS="1")


@pytest.mark.slow
@pytest.mark.parametrize("system", system_names())
def test_it_is_trained_promoted_and_answers(system: str, here: Any) -> None:
    trained = here.done("train", "--system", system)
    assert trained["system"] == system
    assert trained["metrics"]["played"]["n"] == trained["baselines"]["season_average"]["played"]["n"] > 20
    version = str(trained["model_version"])
    promoted = here.done("promote", "--version", version, "--override", "--reason", "every system must serve")
    assert promoted["stage"] == "Production"
    answers = here.done("predict", "--game-date", last_date(here))["predictions"]
    assert {answer["system"] for answer in answers} == {system}
    assert any(answer["predicted_points"] is not None for answer in answers)
    for answer in answers:
        if answer["predicted_points"] is None:
            assert answer["error"]["code"] == "not_predictable"
            assert "missing:" in answer["error"]["message"]
        else:
            assert answer["interval"][0] <= answer["interval"][1]


def last_date(here: Any) -> str:
    """The last date with rows."""
    engine = open_database(f"sqlite:///{here.home / 'tipoff.db'}")
    rows = feature_table(load_feature_set("v2_33features"))
    with engine.connect() as connection:
        found = connection.execute(sa.select(sa.func.max(rows.c.game_date))).scalar_one()
    engine.dispose()
    return str(found)
