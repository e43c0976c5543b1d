"""What a version was decided to be stays for ever; its files go by rules, and never those that may be needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contracts.errors import RefusedError
from contracts.settings import RegistrySettings
from registry.history import Entry, verify_history
from registry.prune import plan_prune, prune, read_plan
from registry.repair import repair
from registry.stages import Stage
from registry.versions import ModelVersion, get_version

if TYPE_CHECKING:
    from tests.registry.conftest import Desk

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RULES = RegistrySettings(keep_newest=1, keep_days=30, keep_champion_days=100)
NO_MERCY = RegistrySettings(keep_newest=0, keep_days=0, keep_champion_days=0)


def version(number: int, uri: str | None = None) -> ModelVersion:
    about = ("v2_33features", "a" * 64, 1, "points", None, None, [], NOW)
    return ModelVersion("m", number, "xgboost", "r", uri or f"file:///{number}", "b" * 64, *about)


def entry(number: int, action: str, before: Stage, after: Stage, days_ago: int) -> Entry:
    at = NOW - timedelta(days=days_ago)
    return Entry(number, "m", number, action, before, after, "b" * 64, at, "ana", None, None, "p", "h")


NONE, STAGING, PRODUCTION, ARCHIVED = Stage.NONE, Stage.STAGING, Stage.PRODUCTION, Stage.ARCHIVED


def test_every_rule_keeps_what_it_says_and_the_rest_goes() -> None:
    versions = [version(number) for number in range(1, 9)]
    stages = {1: ARCHIVED, 2: ARCHIVED, 3: ARCHIVED, 4: NONE, 5: NONE, 6: STAGING, 7: PRODUCTION, 8: NONE}
    entries = [entry(number, "register", NONE, NONE, 400) for number in range(1, 9)]
    entries += [entry(1, "archive", PRODUCTION, ARCHIVED, 101), entry(2, "archive", PRODUCTION, ARCHIVED, 99)]
    entries += [entry(3, "archive", PRODUCTION, ARCHIVED, 390), entry(4, "refuse", NONE, NONE, 29)]
    plan = plan_prune(versions, stages, [3, 7], entries, set(), RULES, NOW)
    assert plan.kept == {
        2: "in Production until 2026-02-22",
        3: "previous: the way back",
        4: "registered or moved on 2026-05-03",
        6: "in Staging",
        7: "in Production",
        8: "one of the newest 1",
    }
    assert set(plan.pruned) == {1, 5}
    assert plan.pruned[5] == "in stage None, not moved since 2025-04-27"


def test_files_that_a_kept_version_shares_are_kept() -> None:
    versions = [version(1, "file:///same"), version(2, "file:///same"), version(3)]
    entries = [entry(number, "register", NONE, NONE, 400) for number in (1, 2, 3)]
    plan = plan_prune(versions, {1: NONE, 2: PRODUCTION, 3: NONE}, [2], entries, set(), NO_MERCY, NOW)
    assert plan.kept[1] == "its files are those of version 2"
    assert set(plan.pruned) == {3}


@pytest.mark.parametrize("keep", [0, 1])
def test_production_previous_and_staging_are_never_pruned_whatever_the_rules(keep: int) -> None:
    versions = [version(number) for number in (1, 2, 3)]
    entries = [entry(number, "register", NONE, NONE, 9000) for number in (1, 2, 3)]
    rules = NO_MERCY.model_copy(update={"keep_newest": keep})
    plan = plan_prune(versions, {1: ARCHIVED, 2: PRODUCTION, 3: STAGING}, [1, 2], entries, set(), rules, NOW)
    assert (set(plan.kept), dict(plan.pruned)) == ({1, 2, 3}, {})


@pytest.fixture
def lived(desk: Desk) -> Desk:
    """Versions 1 and 2 were in Production before 3; 4 was never promoted."""
    for _ in range(4):
        desk.register()
    for number in (1, 2, 3):
        desk.promote(number)
    return desk


def files(desk: Desk, number: int) -> Path:
    return Path(get_version(desk.engine, number, desk.model_name).artifact_uri.removeprefix("file://"))


def test_a_pruned_version_has_no_files_and_cannot_come_back_but_its_story_stays(lived: Desk) -> None:
    assert set(read_plan(lived.engine, NO_MERCY, lived.model_name).pruned) == {1, 4}
    assert files(lived, 1).is_dir(), "a plan deletes nothing"
    before = lived.history()
    prune(lived.engine, lived.home, NO_MERCY, actor="ana", model_name=lived.model_name)
    repair(lived.engine, lived.home, model_name=lived.model_name)
    assert [files(lived, number).is_dir() for number in (1, 2, 3, 4)] == [False, True, True, False]
    assert lived.history() == before
    assert verify_history(lived.engine) == []
    for attempt in (lambda: lived.promote(4), lambda: lived.rollback(to=1)):
        with pytest.raises(RefusedError, match="were pruned"):
            attempt()
    page = lived.mlflow(1)
    assert page.tags["tipoff.pruned"] == "true"
    assert page.description.startswith("Pruned: its files were deleted")
    assert lived.rollback().version == 2, "the way back stays open"


def test_a_pruning_that_was_killed_after_it_was_written_down_is_finished_by_the_next(lived: Desk) -> None:
    prune(lived.engine, lived.home, NO_MERCY, actor="ana", model_name=lived.model_name)
    files(lived, 4).mkdir()
    (files(lived, 4) / "metadata.json").write_text("{}")
    plan = prune(lived.engine, lived.home, NO_MERCY, actor="ana", model_name=lived.model_name)
    assert (dict(plan.pruned), plan.again) == ({}, (1, 4))
    assert not files(lived, 4).exists()
