"""Files that do not load, are slow or large, or do not tell where they come from, are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.settings import GateSettings
from registry.fitness import Provenance, Trial, judge_files, judge_provenance

GOOD = Trial(None, n_golden_rows=20, latency_ms=0.4, size_bytes=1_200_000)
KNOWN = Provenance(
    feature_set="v2_33features",
    set_hash="a" * 64,
    declared_hash="a" * 64,
    run_id="r1",
    sha256="b" * 64,
    dataset_sha256="c" * 64,
    commit="d" * 40,
    is_dirty=False,
    versions={"tipoff": "0.1.0", "numpy": "2.3", "xgboost-cpu": "3.2.0"},
    libraries=("numpy", "xgboost-cpu"),
    absent=("shot_zones",),
)


def test_files_that_prove_themselves_pass_with_figure_and_limit() -> None:
    tests = list(judge_files(GOOD, GateSettings()))
    assert [(test.name, test.passed, test.figure) for test in tests] == [
        ("model_loads", True, 20.0),
        ("latency", True, 0.4),
        ("size", True, 1.2),
    ]
    assert all(test.limit for test in tests)


def test_a_version_that_does_not_load_is_refused_with_the_reason_and_nothing_else_is_judged() -> None:
    tests = list(judge_files(Trial("golden row 3 gives 1.0 here and gave 1.1"), GateSettings()))
    assert [(test.name, test.passed) for test in tests] == [("model_loads", False)]
    assert "golden row 3 gives 1.0" in tests[0].detail


@pytest.mark.parametrize(
    ("trial", "refused"),
    [
        (replace(GOOD, latency_ms=100.5), "latency"),
        (replace(GOOD, size_bytes=200_000_001), "size"),
        (replace(GOOD, latency_ms=None), "latency"),
    ],
)
def test_slow_or_large_files_are_refused(trial: Trial, refused: str) -> None:
    assert [test.name for test in judge_files(trial, GateSettings()) if not test.passed] == [refused]


def test_a_version_that_tells_all_passes_and_names_what_it_leaves_out() -> None:
    tests = list(judge_provenance(KNOWN, GateSettings()))
    assert [(test.name, test.passed) for test in tests] == [("feature_set_known", True), ("provenance_complete", True)]
    assert "Features absent from the model: shot_zones" in tests[0].detail
    assert "commit dddddddddddd, data sha256 cccccccccccc" in tests[1].detail


@pytest.mark.parametrize(
    ("changes", "lacks"),
    [
        ({"run_id": ""}, "the run"),
        (
            {"commit": None, "versions": {"numpy": "2.3", "xgboost-cpu": "3.2.0"}},
            "the commit, or the installed version",
        ),
        ({"dataset_sha256": "0" * 64}, "the digest of the data"),
        ({"dataset_sha256": ""}, "the digest of the data"),
        ({"sha256": "b" * 63}, "the sha256 of the files"),
        ({"is_dirty": True}, "changes that no commit holds: commit them and train again"),
        ({"is_dirty": None}, "whether the code had changes that no commit holds"),
        ({"versions": {"tipoff": "0.1.0", "numpy": "2.3"}}, "the versions of xgboost-cpu"),
        ({"versions": {}, "libraries": ()}, "the versions of its libraries"),
    ],
)
def test_a_version_that_lacks_a_part_of_its_provenance_is_refused(changes: dict[str, object], lacks: str) -> None:
    test = list(judge_provenance(replace(KNOWN, **changes), GateSettings()))[1]  # type: ignore[arg-type]  # by name
    assert not test.passed
    assert lacks in test.detail
    assert test.figure == 1.0


def test_an_installed_tipoff_tells_its_version_instead_of_a_commit() -> None:
    test = list(judge_provenance(replace(KNOWN, commit=None, is_dirty=None), GateSettings()))[1]
    assert test.passed
    assert "tipoff 0.1.0" in test.detail


def test_changed_code_passes_where_the_settings_accept_it_and_the_verdict_still_says_so() -> None:
    settings = GateSettings(accept_changed_code=True)
    test = list(judge_provenance(replace(KNOWN, is_dirty=True), settings))[1]
    assert test.passed
    assert "commit dddddddddddd with changes that it does not hold" in test.detail


@pytest.mark.parametrize("declared", [None, "f" * 64])
def test_an_unknown_feature_set_is_refused(declared: str | None) -> None:
    test = next(iter(judge_provenance(replace(KNOWN, declared_hash=declared), GateSettings())))
    assert (test.name, test.passed) == ("feature_set_known", False)
