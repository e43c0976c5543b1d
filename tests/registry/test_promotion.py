"""Promotion decides in one transaction, and MLflow shows what was decided; on a real MLflow store."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.errors import RefusedError, UnavailableError, UsageError
from contracts.home import Home
from contracts.tables import builds, model_versions
from registry import mlflow_mirror
from registry.artifacts import fetch_artifacts
from registry.history import head, verify_history
from registry.mlflow_client import shown
from registry.promotion import current_actor, promote, register
from registry.repair import repair
from registry.stages import Stage
from registry.verdict import Test, Verdict
from registry.versions import (
    ModelVersion,
    NewVersion,
    get_version,
    list_versions,
    newest_version,
    production,
    stage_of,
    stages,
    version_in_stage,
)

if TYPE_CHECKING:
    from tests.registry.conftest import Desk

PASSED = Verdict.of([Test("better_than_champion", True, "MAE 4.4 against 4.6", 0.1, "> 0")])
FAILED = Verdict.of([Test("better_than_champion", False, "MAE 4.6 against 4.6", -0.01, "> 0")])
New = Callable[..., NewVersion]


# ---------------------------------------------------------------- register
def test_a_registered_version_stands_in_both_places_in_stage_none(desk: Desk) -> None:
    version = desk.register()
    assert desk.stages() == {1: "None"}
    kept = get_version(desk.engine, version, desk.model_name)
    shown = desk.mlflow(version)
    assert shown.run_id == kept.run_id
    assert shown.current_stage == "None"
    assert shown.tags["sha256"] == kept.sha256
    assert shown.tags["system"] == "xgboost"
    assert "Not promoted yet" in shown.description
    assert "| played | 2024-01-01 to 2024-04-01 | 9,000 | 4.5000 |" in shown.description
    assert newest_version(desk.engine, desk.model_name) == kept
    assert production(desk.engine, desk.model_name) is None


def test_an_unknown_version_names_the_known_ones(desk: Desk) -> None:
    with pytest.raises(UsageError, match="None is registered yet"):
        get_version(desk.engine, 1, desk.model_name)
    desk.register()
    with pytest.raises(UsageError, match=r"has no version 7\. Known: 1"):
        desk.promote(7)


def test_a_figure_that_is_none_is_not_registered(desk: Desk) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        register(desk.engine, desk.home, desk.new_version(metrics=[{"mae": float("nan")}]))
    assert list_versions(desk.engine, desk.model_name) == []


def test_a_version_our_tables_refuse_is_not_left_in_mlflow(desk: Desk) -> None:
    with pytest.raises(UsageError, match="registered in another store"):
        _register_with_taken_number(desk)
    assert [version.version for version in desk.client.search_model_versions(f"name = '{desk.model_name}'")] == []


def test_a_version_whose_build_was_pruned_while_it_was_trained_is_refused_and_left_nowhere(desk: Desk) -> None:
    new = desk.new_version()
    with desk.engine.begin() as connection:
        same = {"feature_set": new.feature_set, "feature_set_hash": new.feature_set_hash, "code_hash": "c"}
        build = same | {"build_id": new.build_id, "state": "done", "started_at": clock.now()}
        connection.execute(sa.insert(builds).values(**build, pruned_at=datetime(2024, 3, 1, tzinfo=UTC)))
    with pytest.raises(RefusedError, match="Build 4 was pruned at 2024-03-01 00:00 UTC, while a model was trained"):
        register(desk.engine, desk.home, new)
    assert list_versions(desk.engine, desk.model_name) == []
    assert list(desk.client.search_model_versions(f"name = '{desk.model_name}'")) == []
    with desk.engine.begin() as connection:
        connection.execute(sa.update(builds).values(pruned_at=None))
    assert register(desk.engine, desk.home, new).build_id == new.build_id


def _register_with_taken_number(desk: Desk) -> None:
    new = asdict(desk.new_version())
    del new["model_uri"]
    with desk.engine.begin() as connection:
        connection.execute(sa.insert(model_versions).values(**new, version=1, registered_at=clock.now()))
    desk.register()


# ---------------------------------------------------------------- promote
def test_a_promotion_passes_staging_and_is_shown_by_stage_alias_tags_and_description(desk: Desk) -> None:
    version = desk.register()
    outcome = desk.promote(version)
    assert outcome.promoted
    assert outcome.champion is None
    assert outcome.warning is None
    moves = [(entry.action, str(entry.from_stage), str(entry.to_stage)) for entry in desk.history()]
    assert moves == [
        ("register", "None", "None"),
        ("promote", "None", "Staging"),
        ("promote", "Staging", "Production"),
    ]
    assert desk.history()[-1].verdict == PASSED.to_json()
    shown = desk.client.get_model_version_by_alias(desk.model_name, "production")
    assert int(shown.version) == version
    assert shown.current_stage == "Production"
    assert shown.tags["tipoff.stage"] == "Production"
    assert shown.tags["tipoff.verdict"] == "passed 1 of 1 tests"
    assert "this version answers" in shown.description
    assert "MAE 4.4 against 4.6" in shown.description
    model = desk.client.get_registered_model(desk.model_name)
    assert "**Live: version 1 (xgboost)**, promoted 20" in model.description
    with desk.engine.connect() as connection:
        assert model.tags["tipoff.history_head"] == head(connection)
        assert mlflow_mirror.history_head(desk.home, desk.model_name) == head(connection)


def test_the_old_champion_is_archived_and_becomes_the_way_back(desk: Desk) -> None:
    first, second = desk.register("season_average"), desk.register()
    desk.promote(first)
    desk.promote(second)
    assert desk.stages() == {first: "Archived", second: "Production"}
    assert desk.aliases() == {"production": second, "previous": first}
    assert desk.mlflow(first).current_stage == "Archived"
    assert "version 2 (xgboost) took its place" in desk.mlflow(first).description


def test_the_judge_is_handed_challenger_and_champion(desk: Desk) -> None:
    first, second = desk.register(), desk.register()
    desk.promote(first)
    seen: list[tuple[int, int | None]] = []

    def judge(challenger: ModelVersion, champion: ModelVersion | None) -> Verdict:
        seen.append((challenger.version, champion.version if champion else None))
        return PASSED

    promote(desk.engine, desk.home, second, Stage.PRODUCTION, judge, actor="ana", model_name=desk.model_name)
    assert seen == [(second, first)]


def test_staging_holds_one_version_and_production_is_untouched_by_it(desk: Desk) -> None:
    live, first, second = desk.register(), desk.register(), desk.register()
    desk.promote(live)
    desk.promote(first, Stage.STAGING)
    desk.promote(second, Stage.STAGING)
    assert desk.stages() == {live: "Production", first: "Archived", second: "Staging"}
    assert desk.aliases() == {"production": live, "staging": second}
    staged = version_in_stage(desk.engine, Stage.STAGING, desk.model_name)
    assert staged is not None
    assert staged.version == second


def test_a_refusal_moves_nothing_and_is_kept(desk: Desk) -> None:
    version = desk.register()
    outcome = desk.promote(version, verdict=FAILED)
    assert not outcome.promoted
    assert desk.stages() == {version: "None"}
    assert desk.aliases() == {}
    assert desk.history()[-1].action == "refuse"
    assert desk.history()[-1].verdict == FAILED.to_json()
    assert desk.mlflow(version).tags["tipoff.verdict"] == "failed 1 of 1 tests: better_than_champion"


def test_a_dry_run_decides_and_keeps_nothing(desk: Desk) -> None:
    version = desk.register()
    before = desk.history()
    outcome = desk.promote(version, dry_run=True)
    assert outcome.verdict.passed
    assert not outcome.promoted
    assert desk.history() == before


def test_an_override_moves_against_the_verdict_and_its_reason_is_kept_for_ever(desk: Desk) -> None:
    version = desk.register()
    outcome = desk.promote(version, verdict=FAILED, override_reason="the champion's library is withdrawn")
    assert outcome.promoted
    assert outcome.overridden
    entry = desk.history()[-1]
    assert entry.reason == "the champion's library is withdrawn"
    assert entry.verdict == FAILED.to_json()
    assert "**overridden** by ana: the champion's library is withdrawn" in desk.mlflow(version).description
    model = desk.client.get_registered_model(desk.model_name).description
    assert "Why: its gate failed 1 of 1 tests: better_than_champion, **overridden** by ana" in model


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_an_override_without_a_reason_is_refused_before_anything_is_judged(desk: Desk, reason: str) -> None:
    version = desk.register()
    with pytest.raises(UsageError, match="needs a reason"):
        desk.promote(version, verdict=FAILED, override_reason=reason)
    assert desk.stages() == {version: "None"}


def test_the_version_in_production_cannot_be_promoted_again(desk: Desk) -> None:
    version = desk.register()
    desk.promote(version)
    with pytest.raises(RefusedError, match="in stage Production already"):
        desk.promote(version)


def test_of_versions_promoted_at_once_exactly_one_wins_and_the_others_say_who(desk: Desk) -> None:
    """All are judged before any may write: the race is forced, not hoped for."""
    versions = [desk.register() for _ in range(4)]
    for racing in (versions, None):
        racing = racing or [version for version in versions if version != desk.live()]
        outcomes = _race(desk, racing)
        winner = f"but version {desk.live()} (xgboost) is in Production meanwhile"
        assert outcomes.count("promoted") == 1
        assert all(winner in outcome for outcome in outcomes if outcome != "promoted")
        assert list(desk.stages().values()).count("Production") == 1
    assert repair(desk.engine, desk.home, dry_run=True, model_name=desk.model_name) == []


def test_the_same_version_promoted_four_times_at_once_is_promoted_once(desk: Desk) -> None:
    version = desk.register()
    outcomes = _race(desk, [version] * 4)
    assert outcomes.count("promoted") == 1
    assert [entry.action for entry in desk.history()].count("refuse") == 3


def _race(desk: Desk, versions: list[int]) -> list[str]:
    barrier = threading.Barrier(len(versions))
    outcomes: list[str] = []

    def judge(challenger: ModelVersion, champion: ModelVersion | None) -> Verdict:
        barrier.wait(timeout=30)
        return PASSED

    def run(version: int) -> None:
        try:
            promote(desk.engine, desk.home, version, Stage.PRODUCTION, judge, actor="ana", model_name=desk.model_name)
            outcomes.append("promoted")
        except RefusedError as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=run, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(outcomes) == len(versions)
    return outcomes


# ---------------------------------------------------------------- rollback
def test_a_rollback_brings_the_previous_version_back_and_a_second_one_goes_further(desk: Desk) -> None:
    versions = [desk.register() for _ in range(3)]
    for version in versions:
        desk.promote(version)
    assert desk.rollback().version == versions[1]
    assert desk.aliases() == {"production": versions[1], "previous": versions[0]}
    assert desk.rollback().version == versions[0]
    assert desk.stages() == {versions[0]: "Production", versions[1]: "Archived", versions[2]: "Archived"}
    assert desk.aliases() == {"production": versions[0]}
    with pytest.raises(RefusedError, match="no way back"):
        desk.rollback()
    assert desk.rollback(to=versions[2]).version == versions[2]
    assert desk.history()[-1].reason == "it drifts"


def test_a_rollback_wants_a_reason_a_champion_and_a_version_that_was_live(desk: Desk) -> None:
    first, second = desk.register(), desk.register()
    with pytest.raises(UnavailableError, match="No version of"):
        desk.rollback()
    desk.promote(first)
    with pytest.raises(UsageError, match="needs a reason"):
        desk.rollback(reason=" ")
    with pytest.raises(RefusedError, match="never was in Production"):
        desk.rollback(to=second)
    with pytest.raises(RefusedError, match="is in Production already"):
        desk.rollback(to=first)
    with pytest.raises(UsageError, match="no version 9"):
        desk.rollback(to=9)
    assert desk.stages() == {first: "Production", second: "None"}


def test_the_registry_says_what_was_live_then(desk: Desk) -> None:
    first, second = desk.register(), desk.register()
    desk.promote(first)
    between = desk.history()[-1].at
    desk.promote(second)
    assert stages(desk.engine, desk.model_name, at=between) == {first: Stage.PRODUCTION, second: Stage.NONE}
    assert stage_of(desk.engine, second, desk.model_name) == Stage.PRODUCTION
    assert stages(desk.engine, desk.model_name, at=datetime(2020, 1, 1, tzinfo=UTC)) == {}


# ---------------------------------------------------------------- the mirror
def test_what_a_hand_moved_is_reported_and_put_back(desk: Desk) -> None:
    first, second = desk.register(), desk.register()
    desk.promote(first)
    assert repair(desk.engine, desk.home, dry_run=True, model_name=desk.model_name) == []
    desk.client.set_registered_model_alias(desk.model_name, "production", str(second))
    desk.client.set_registered_model_alias(desk.model_name, "mine", str(second))
    desk.client.set_model_version_tag(desk.model_name, str(first), "sha256", "other")
    found = repair(desk.engine, desk.home, dry_run=True, model_name=desk.model_name)
    assert {(each.subject, each.field, each.found, each.wanted) for each in found} == {
        ("version 1", "tag sha256", "other", "b" * 64),
        ("model", "alias production", "2", "1"),
    }
    assert desk.aliases()["production"] == second, "a dry run mends nothing"
    repair(desk.engine, desk.home, model_name=desk.model_name)
    assert desk.aliases() == {"production": first, "mine": second}
    assert repair(desk.engine, desk.home, model_name=desk.model_name) == []
    assert desk.live() == first


def test_a_promotion_reports_what_was_moved_by_hand_before_it(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    first, second = desk.register(), desk.register()
    desk.promote(first)
    assert desk.promote(second, verdict=FAILED).hand_moved == ()
    desk.client.set_registered_model_alias(desk.model_name, "production", str(second))
    with caplog.at_level(logging.WARNING, logger="registry"):
        outcome = desk.promote(second, verdict=FAILED)
    assert [str(change) for change in outcome.hand_moved] == ["model, alias production: '2' instead of '1'"]
    assert "In MLflow, and not by tipoff: model, alias production: '2' instead of '1'" in caplog.text
    assert outcome.to_json()["hand_moved"][0]["found"] == "2"
    assert desk.aliases()["production"] == desk.live() == first


def test_the_verdict_lies_as_json_with_the_run_of_the_version_and_its_page_names_it(desk: Desk) -> None:
    version = desk.register()
    desk.promote(version, verdict=FAILED)
    desk.promote(version)
    page = desk.mlflow(version)
    entry = desk.history()[-1]
    assert page.tags["tipoff.verdict_artifact"] == f"gate/verdict-{entry.seq:06d}.json"
    path = desk.client.download_artifacts(page.run_id, page.tags["tipoff.verdict_artifact"])
    kept = json.loads(Path(path).read_text())
    assert kept == entry.to_json()
    assert kept["verdict"]["passed"] is True
    assert kept["hash"] == entry.hash
    names = [file.path for file in desk.client.list_artifacts(page.run_id, "gate")]
    assert names == ["gate/verdict-000002.json", f"gate/verdict-{entry.seq:06d}.json"]


def test_a_history_that_was_cut_is_found_by_what_mlflow_was_told_and_that_is_not_written_over(desk: Desk) -> None:
    first, second = desk.register(), desk.register()
    desk.promote(first)
    desk.promote(second)
    told = mlflow_mirror.history_head(desk.home, desk.model_name)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER promotion_history_no_delete")
        connection.exec_driver_sql("DELETE FROM promotion_history WHERE seq > 4")
    assert verify_history(desk.engine) == [], "what is left is whole"
    with pytest.raises(RefusedError, match=r"not the one that MLflow knows: entry 7 .* was cut or rewritten"):
        desk.promote(second)
    with pytest.raises(RefusedError, match="was cut or rewritten"):
        repair(desk.engine, desk.home, model_name=desk.model_name)
    assert mlflow_mirror.history_head(desk.home, desk.model_name) == told


def test_a_promotion_holds_though_mlflow_is_away_and_says_how_to_mend_it(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    version = desk.register()
    away = Home(desk.home.root, desk.home.database_url, f"sqlite:///{tmp_path / 'absent' / 'folder' / 'mlflow.db'}")
    (tmp_path / "absent").write_text("a file where the store's folder should be")
    with caplog.at_level(logging.WARNING, logger="registry"):
        outcome = promote(
            desk.engine, away, version, Stage.PRODUCTION, lambda *_: PASSED, actor="ana", model_name=desk.model_name
        )
    assert outcome.promoted
    assert outcome.warning is not None
    assert "tipoff registry repair" in outcome.warning
    assert outcome.warning in caplog.text
    assert desk.live() == version
    assert desk.aliases() == {}
    repair(desk.engine, desk.home, model_name=desk.model_name)
    assert desk.aliases() == {"production": version}


def test_a_stranger_in_mlflow_is_named_on_its_page(desk: Desk) -> None:
    desk.register()
    new = desk.new_version()
    desk.client.create_model_version(desk.model_name, new.model_uri, new.run_id)
    repair(desk.engine, desk.home, model_name=desk.model_name)
    assert desk.mlflow(2).description == mlflow_mirror.UNREGISTERED


def test_the_whole_story_keeps_the_chain(desk: Desk) -> None:
    first, second = desk.register("season_average"), desk.register()
    desk.promote(first)
    desk.promote(second, verdict=FAILED)
    desk.promote(second)
    desk.rollback()
    assert verify_history(desk.engine, mlflow_mirror.history_head(desk.home, desk.model_name)) == []


# ---------------------------------------------------------------- artifacts
def test_artifacts_of_a_registered_version_are_fetched_whole(desk: Desk, tmp_path: Path) -> None:
    version = get_version(desk.engine, desk.register(), desk.model_name)
    folder = fetch_artifacts(desk.home, version.artifact_uri, tmp_path / "models" / "1")
    assert [path.name for path in folder.iterdir()] == ["metadata.json"]
    (folder / "metadata.json").write_text("kept")
    fetch_artifacts(desk.home, version.artifact_uri, folder)
    assert (folder / "metadata.json").read_text() == "kept"
    by_run = fetch_artifacts(desk.home, f"runs:/{version.run_id}/model", tmp_path / "models" / "2")
    assert [path.name for path in by_run.iterdir()] == ["metadata.json"]
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["1", "2"]


def test_a_model_logged_beside_its_run_is_found_though_this_process_has_another_store(
    desk: Desk, tmp_path: Path
) -> None:
    """MLflow itself would look models:/ID up in its process-wide store."""
    new = desk.new_version()
    experiment = desk.client.get_experiment_by_name("tipoff")
    logged = desk.client.create_logged_model(experiment.experiment_id, "xgboost", source_run_id=new.run_id)
    native = Path(logged.artifact_location.removeprefix("file://")) / "artifacts" / "native"
    native.mkdir(parents=True)
    (native / "metadata.json").write_text("{}")
    uri = f"models:/{logged.model_id}"
    version = register(
        desk.engine, desk.home, replace(new, model_uri=uri, artifact_uri=f"{uri}/artifacts/native"), actor="ana"
    )
    assert version.artifact_uri == f"{logged.artifact_location}/artifacts/native"
    assert desk.mlflow(version.version).source == logged.artifact_location
    links = json.loads(desk.client.get_logged_model(logged.model_id).tags["mlflow.modelVersions"])
    assert links == [{"name": desk.model_name, "version": version.version}]
    folder = fetch_artifacts(desk.home, version.artifact_uri, tmp_path / "models" / "1")
    assert [path.name for path in folder.iterdir()] == ["metadata.json"]


def test_absent_artifacts_are_unavailable_and_leave_nothing(mlflow_home: Home, tmp_path: Path) -> None:
    for uri in (f"file://{tmp_path}/none", "runs:/0123456789abcdef0123456789abcdef/model"):
        with pytest.raises(UnavailableError):
            fetch_artifacts(mlflow_home, uri, tmp_path / "models" / "1")
        assert list((tmp_path / "models").iterdir()) == []


def test_a_password_is_not_shown() -> None:
    assert shown("postgresql://ana:secret@db/mlflow") == "postgresql://ana:***@db/mlflow"
    assert shown("sqlite:////x/mlflow.db") == "sqlite:////x/mlflow.db"


def test_an_actor_is_a_user_at_a_host() -> None:
    user, _, host = current_actor().partition("@")
    assert user
    assert host
