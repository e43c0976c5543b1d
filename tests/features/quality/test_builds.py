"""The gates of real builds: the verdict is kept with the build, and what fails changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.errors import RefusedError, UnavailableError, UsageError
from contracts.settings import QualitySettings, Settings, load_settings
from features.feature_sets import load_feature_set
from features.quality.report import read_quality, write_report
from features.table.backfill import backfill
from features.table.builds import current_build

SET = load_feature_set("v2_33features")
IMPOSSIBLE = Settings(quality=QualitySettings(min_rows_per_team=100))


@pytest.fixture
def league(tmp_path: Path, built: Path) -> sa.Engine:
    (tmp_path / "copy.db").write_bytes(built.read_bytes())
    return open_database(f"sqlite:///{tmp_path / 'copy.db'}")


def test_a_simulated_league_passes_the_shipped_limits(league):
    backfill(league, SET, load_settings(), rebuild=True)
    found = read_quality(league, SET)
    assert found.verdict.passed
    assert {"agreement", "shift"} & {test.name for test in found.verdict.tests}


def test_a_failed_gate_keeps_the_old_build_and_its_own_verdict(league, tmp_path):
    before = current_build(league, SET)
    with pytest.raises(RefusedError, match=r"rows_per_team of expected = .*, limit 100: on .*") as refused:
        backfill(league, SET, IMPOSSIBLE, rebuild=True)
    assert "--accept-quality" in str(refused.value)
    assert current_build(league, SET) == before
    found = read_quality(league, SET)
    assert (found.state, found.verdict.passed) == ("failed", False)
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "rows_per_team" in page
    assert "<script" not in page
    assert "http" not in page


def test_a_reason_lets_a_failing_build_pass_and_is_kept(league):
    report = backfill(league, SET, IMPOSSIBLE, rebuild=True, accept_quality="a test of the rule")
    assert current_build(league, SET).build_id == report.build_id
    assert read_quality(league, SET).verdict.accepted == "a test of the rule"
    assert "rows_per_team" in {finding.kind for finding in report.findings}


def test_an_empty_reason_is_wrong_usage(league):
    with pytest.raises(UsageError, match="empty"):
        backfill(league, SET, IMPOSSIBLE, rebuild=True, accept_quality="  ")


def test_an_unknown_build_and_an_unjudged_one_are_named(league):
    with pytest.raises(UsageError, match="has no build 99"):
        read_quality(league, SET, 99)
    with writing(league) as connection:
        connection.execute(sa.text("UPDATE builds SET quality = NULL"))
    with pytest.raises(UnavailableError, match="No verdict is kept"):
        read_quality(league, SET)
