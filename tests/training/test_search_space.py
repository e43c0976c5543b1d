"""A search space is checked before anything is tried: what the system would refuse is refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import UsageError
from systems.catalog import create_system
from training.search_space import load_space, spaces


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The search space of xgboost in a conf/ of one's own, still to be written."""
    (tmp_path / "search_spaces").mkdir()
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path))
    return tmp_path / "search_spaces" / "xgboost.yaml"


@pytest.mark.parametrize("system", spaces())
def test_every_shipped_space_varies_what_its_system_has_around_what_conf_says(system: str) -> None:
    space, configured = load_space(system), create_system(system).hyperparameters
    assert {space.threads} - {None} <= set(configured)
    assert space.known(configured) == {name: configured[name] for name in space.parameters}


def test_a_system_without_a_search_space_is_wrong_usage_and_those_with_one_are_named() -> None:
    with pytest.raises(
        UsageError, match=r"season_average has no search space.*Sweep one of catboost, perceptron, xgboost"
    ):
        load_space("season_average")


def test_an_unknown_system_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="'crystal_ball' is not a system"):
        load_space("crystal_ball")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("parameters: {luck: {type: float, low: 0, high: 1}}", "no parameters of xgboost: luck"),
        ("threads: cores\nparameters: {max_depth: {type: int, low: 2, high: 4}}", "no parameters of xgboost: cores"),
        ("threads: nthread\nparameters: {nthread: {type: int, low: 1, high: 4}}", "threads cannot be varied"),
        ("parameters: {max_depth: {type: int, low: 4, high: 4}}", "low 4 is not below high 4"),
        ("parameters: {max_depth: {type: int, low: 2.5, high: 4}}", "whole numbers"),
        ("parameters: {reg_lambda: {type: float, low: 0, high: 4, log: true}}", "has no logarithm"),
        ("parameters: {learning_rate: {type: float, low: 0.1, high: 4}}", "learning_rate = 4.0"),
        ("parameters: {max_depth: {type: categorical, choices: [3, deep]}}", "max_depth = 'deep'"),
        ("parameters: {max_depth: {type: number, low: 1, high: 4}}", "max_depth: "),
        ("parameters: {}", "at least 1"),
        ("space: {}", "Extra inputs"),
    ],
)
def test_what_the_system_would_not_take_is_wrong_usage(text: str, said: str, written: Path) -> None:
    written.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_space("xgboost")
    assert said in str(caught.value)
