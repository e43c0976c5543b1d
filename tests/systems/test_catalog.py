"""Systems are found by name, and nothing about them is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import UsageError
from systems.catalog import create_system, system_class, system_names


def test_every_name_makes_a_system_of_that_name() -> None:
    assert {"season_average", "last_10_average", "xgboost"} <= set(system_names())
    for name in system_names():
        assert create_system(name).name == name


def test_an_unknown_system_is_wrong_usage_and_the_known_ones_are_named() -> None:
    with pytest.raises(UsageError, match=r"'xgbost' is not a system.*last_10_average.*xgboost"):
        create_system("xgbost")


@pytest.mark.parametrize("name", ["../gate", "systems/xgboost", ""])
def test_a_path_is_not_a_system(name: str) -> None:
    with pytest.raises(UsageError, match="is not a system"):
        create_system(name)


def test_all_faults_of_the_parameters_are_named_together() -> None:
    with pytest.raises(UsageError) as caught:
        create_system("xgboost", parameters={"max_dept": 3, "learning_rate": 7})
    assert "max_dept" in str(caught.value)
    assert "learning_rate = 7" in str(caught.value)


def test_given_parameters_win_over_the_configured_ones() -> None:
    assert create_system("xgboost", parameters={"max_depth": 3}).hyperparameters["max_depth"] == 3


def test_a_gpu_that_this_build_would_quietly_replace_by_the_cpu_is_refused() -> None:
    with pytest.raises(UsageError, match="without CUDA"):
        create_system("xgboost", device="cuda")
    with pytest.raises(UsageError, match="'gpu7' is not a device"):
        create_system("xgboost", device="gpu7")


def test_a_system_is_added_by_one_file_and_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf" / "systems").mkdir(parents=True)
    (tmp_path / "one_more.py").write_text(
        "from systems.column import ColumnSystem\n"
        "class HomeCourt(ColumnSystem):\n"
        "    name = 'home_court'\n"
        "    @staticmethod\n"
        "    def column(target):\n"
        "        return 'home_away'\n"
    )
    (tmp_path / "conf" / "systems" / "home_court.yaml").write_text("class: one_more:HomeCourt\n")
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path / "conf"))
    monkeypatch.syspath_prepend(tmp_path)
    assert "home_court" in system_names()
    assert create_system("home_court").choose_features(["a", "home_away"], "points") == ["home_away"]


@pytest.mark.parametrize(
    "entry",
    ["class: nowhere:Thing\n", "class: systems.season_average:SeasonAverage\n", "clas: x:Y\n", "class: pathlib:Path\n"],
)
def test_an_entry_that_names_no_such_system_is_wrong_usage(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "odd.yaml").write_text(entry)
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path))
    with pytest.raises(UsageError, match=r"odd\.yaml"):
        system_class("odd")
