"""The gate on real versions of a small league: what cannot answer is refused with its reason, and every look counts."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.home import Home
from contracts.settings import GateSettings, Settings, TrainingSettings
from contracts.tables import grades, predictions
from registry.attempts import n_attempts
from registry.history import read_history
from registry.promotion import Promotion, promote
from registry.stages import Stage
from registry.verdict import Test, Verdict
from registry.versions import ModelVersion, get_version, list_versions
from tipoff.gatekeeping import make_judge
from tipoff.wiring import Wiring
from training.source import Source
from training.train import TrainRequest, train

AVERAGE = ("last_10_average", "v2_33features", "played")
pytestmark = pytest.mark.slow  # every judgement starts a process of its own
GATE = GateSettings(min_rows=60, min_dates=5, min_slice_rows=20, min_interval_coverage=0.5, max_interval_coverage=1.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Wiring:
    """season_average and xgboost, registered as versions 1 and 2; xgboost once more as 3, having seen nearly all."""
    root = tmp_path_factory.mktemp("gate") / "home"
    root.mkdir()
    shutil.copy(built, root / "tipoff.db")
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    settings = Settings(gate=GATE, training=TrainingSettings(min_coverage=0.0))
    engine = open_database(home.database_url)
    last = max(date.fromisoformat(day) for day in _dates(engine))
    wiring = Wiring(home, settings, engine)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*noload.*", category=sa.exc.SADeprecationWarning)
        warnings.filterwarnings("ignore", message=".*AnyType.*", category=UserWarning)  # MLflow of itself
        for system, options in (("season_average", {}), ("xgboost", {}), ("xgboost", {"val_from": last})):
            train(engine, home, settings, TrainRequest(system, "v2_33features", "played", **options))
    return wiring


def _dates(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        query = "SELECT DISTINCT game_date FROM ml_feature_store_v2_33features WHERE state = 'played'"
        return [str(day) for day in connection.scalars(sa.text(query))]


@pytest.fixture
def wiring(trained: Wiring, tmp_path: Path) -> Iterator[Wiring]:
    """The same in a home of one's own, MLflow's store too, whose files may be broken."""
    root = tmp_path / "home"
    shutil.copytree(trained.home.root, root)
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    engine = open_database(home.database_url)
    yield Wiring(home, trained.settings, engine)
    engine.dispose()


def judge(wiring: Wiring, challenger: int, champion: int | None, to: Stage = Stage.PRODUCTION) -> Verdict:
    versions = {version.version: version for version in list_versions(wiring.engine)}
    return make_judge(wiring, to)(versions[challenger], versions[champion] if champion else None)


def named(verdict: Verdict, name: str) -> Test:
    return next(test for test in verdict.tests if test.name == name)


def test_a_verdict_holds_every_test_of_the_gate_and_what_it_was_found_on(wiring: Wiring) -> None:
    verdict = judge(wiring, 2, 1)
    names = [test.name for test in verdict.tests]
    for name in (
        *("model_loads", "latency", "size", "feature_set_known", "provenance_complete", "build_current"),
        *("rows_unseen", "enough_rows", "enough_dates", "predictions_complete", "better_than_champion"),
        *("no_worse_on_rotation", "no_worse_on_early", "no_worse_on_lined", "no_worse_on_bench", "no_worse_on_star"),
        *("bias", "interval_coverage", "better_than_season_average", "better_than_last_10_average", "not_too_good"),
    ):
        assert name in names
    assert len(names) == len(set(names))
    assert all(test.limit for test in verdict.tests)
    about = verdict.about
    assert (about["challenger"], about["champion"], about["attempt"], about["level"]) == (2, 1, 1, 0.04)
    assert about["judged_on"]["rows"] == named(verdict, "enough_rows").figure
    assert len(about["trained_on"]["dataset_sha256"]) == 64
    assert about["trained_by"]["xgboost-cpu"]
    assert about["judged_by"]["tipoff"]


def test_every_new_look_is_counted_and_the_same_look_is_not_a_new_one(wiring: Wiring) -> None:
    assert judge(wiring, 2, 1).about["attempt"] == 1
    assert judge(wiring, 2, 1).about["attempt"] == 1
    assert judge(wiring, 1, 2).about["attempt"] == 1, "another champion"
    assert n_attempts(wiring.engine, "tipoff-points", 1) == 1


def test_a_version_that_does_not_load_is_refused_with_the_reason(wiring: Wiring) -> None:
    version = get_version(wiring.engine, 2)
    broken = _moved(wiring, version)
    verdict = make_judge(wiring)(broken, None)
    assert [test.name for test in verdict.failures] == ["model_loads"]
    assert "was registered" in verdict.failures[0].detail


def _moved(wiring: Wiring, version: ModelVersion) -> ModelVersion:
    """`version` with files of one's own, which were altered."""
    folder = wiring.home.cache / version.sha256
    shutil.rmtree(folder, ignore_errors=True)
    source = Path(version.artifact_uri.removeprefix("file://"))
    altered = wiring.home.root / "altered"
    shutil.copytree(source, altered)
    (altered / "metadata.json").write_text((altered / "metadata.json").read_text() + "\n")
    with wiring.engine.begin() as connection:
        for name in ("model_versions_no_update", "model_versions_no_replace"):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.execute(
            sa.text("UPDATE model_versions SET artifact_uri = :uri WHERE version = :version"),
            {"uri": altered.as_uri(), "version": version.version},
        )
    return get_version(wiring.engine, version.version)


def test_a_champion_that_is_gone_fails_the_verdict_and_says_why(wiring: Wiring) -> None:
    _moved(wiring, get_version(wiring.engine, 1))
    verdict = judge(wiring, 2, 1)
    failed = {test.name: test.detail for test in verdict.failures}
    assert "was registered" in failed["champion_answers"]
    assert "better_than_champion" not in [test.name for test in verdict.tests]


def test_a_version_trained_with_changes_that_no_commit_holds_is_refused_until_somebody_says_why(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.steps.find_source", lambda: Source("d" * 40, is_dirty=True))
    version = train(wiring.engine, wiring.home, wiring.settings, TrainRequest(*AVERAGE)).model_version
    assert version is not None
    test = named(judge(wiring, version, 1), "provenance_complete")
    assert not test.passed
    assert "commit dddddddddddd with changes that it does not hold" in test.detail

    def decide(**options: Any) -> Promotion:
        return promote(
            wiring.engine, wiring.home, version, Stage.PRODUCTION, make_judge(wiring), actor="ana", **options
        )

    assert not decide().promoted
    forced = decide(override_reason="a trial before the commit")
    assert (forced.promoted, forced.overridden) == (True, True)
    kept = read_history(wiring.engine)[-1]
    assert kept.reason == "a trial before the commit"
    assert kept.verdict is not None
    assert "changes that it does not hold" in str(kept.verdict)


def test_an_empty_place_is_no_fault(wiring: Wiring) -> None:
    verdict = judge(wiring, 2, None)
    assert "champion_answers" not in [test.name for test in verdict.tests]
    assert "attempt" not in verdict.about


def test_rows_that_both_have_not_seen_are_too_few_and_the_verdict_says_from_which_date_they_would_do(
    wiring: Wiring,
) -> None:
    verdict = judge(wiring, 2, 3)
    failed = {test.name: test.detail for test in verdict.failures}
    assert {"enough_rows", "enough_dates"} <= failed.keys()
    assert "would suffice (" in failed["enough_rows"]
    assert "version 3 (xgboost) is trained to" in failed["enough_rows"]


def test_a_refusal_for_whatever_reason_is_an_entry_of_the_history(wiring: Wiring) -> None:
    _moved(wiring, get_version(wiring.engine, 2))
    outcome = promote(
        wiring.engine, wiring.home, 2, Stage.PRODUCTION, make_judge(wiring), actor="ana", reason="for the record"
    )
    assert not outcome.promoted
    kept = read_history(wiring.engine)[-1]
    assert kept.action == "refuse"
    assert kept.verdict is not None
    assert kept.verdict["tests"][0]["name"] == "model_loads"


# ---------------------------------------------------------------- the shadow period
@pytest.fixture
def shadowed(wiring: Wiring) -> Wiring:
    """Two dates of shadow are asked for; version 1 is in Production."""
    asked = wiring.settings.model_copy(update={"gate": GATE.model_copy(update={"shadow_dates": 2})})
    made = Wiring(wiring.home, asked, wiring.engine)
    _move(made, 1, Stage.PRODUCTION)
    return made


def _move(wiring: Wiring, version: int, to: Stage) -> None:
    passed = Verdict.of([Test("x", True, "x")])
    promote(wiring.engine, wiring.home, version, to, lambda *_: passed, actor="ana")


def test_without_its_shadow_period_nothing_comes_into_production_though_it_may_come_into_staging(
    shadowed: Wiring,
) -> None:
    test = named(judge(shadowed, 2, 1), "shadow_period")
    assert not test.passed
    assert "tipoff promote --version 2 --to staging" in test.detail
    assert "shadow_period" not in [test.name for test in judge(shadowed, 2, 1, Stage.STAGING).tests]
    _move(shadowed, 2, Stage.STAGING)
    assert named(judge(shadowed, 2, 1), "shadow_period").figure == 0.0


@pytest.mark.parametrize(("label", "passes"), [("live", True), ("backfill", False)])
def test_only_dates_graded_live_beside_production_count_for_the_shadow(
    shadowed: Wiring, label: str, passes: bool
) -> None:
    _move(shadowed, 2, Stage.STAGING)
    _say_and_grade(shadowed, label, [date(2024, 4, 1), date(2024, 4, 2)])
    test = named(judge(shadowed, 2, 1), "shadow_period")
    assert test.passed is passes
    assert test.figure == (2.0 if passes else 0.0)
    if passes:
        assert "on 2 dates (4 player-games)" in test.detail
        assert "MAE there 2.0000 against 1.0000" in test.detail


def _say_and_grade(wiring: Wiring, label: str, days: list[date]) -> None:
    """Both versions predicted two players a day after version 2 came into Staging; version 1 a third one, alone."""
    from contracts import clock

    said: list[dict[str, Any]] = []
    for day in days:
        for version, player in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2)):
            row = {"game_id": f"00{day:%m%d}0001"[:10], "player_id": player, "game_date": day, "system": "x"}
            row |= {"model_version": version, "model_sha256": "a" * 64, "feature_set": "f", "build_id": 1}
            row |= {"target": "points", "predicted": 10.0, "interval_low": 5.0, "interval_high": 15.0}
            said.append(row | {"predicted_at": clock.now()})
    with wiring.engine.begin() as connection:
        for row in said:
            made = connection.execute(sa.insert(predictions).values(row)).inserted_primary_key
            grade = {"prediction_id": made[0], "outcome": "graded", "label": label, "graded_at": clock.now()}
            connection.execute(sa.insert(grades).values(grade | {"error": float(row["model_version"]), "actual": 9.0}))
