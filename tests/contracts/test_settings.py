"""Settings: defaults, then conf/, then the environment; what nobody declared is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.conf import conf_text
from contracts.errors import UsageError
from contracts.settings import GateSettings, explain_settings, load_settings


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty conf/ in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    return tmp_path / "conf"


def where(name: str) -> tuple[object, str]:
    """(value, where it came from) of a setting in force."""
    return next((value, place) for found, value, place in explain_settings() if found == name)


def test_without_anything_the_shipped_files_and_the_defaults_are_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert where("gate.min_rows") == (1000, "shipped conf/gate.yaml")
    assert where("gate.seed") == (7, "default")


def test_shipped_files_repeat_no_other_value_than_the_default_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the code and whoever reads conf/ sees the same gate."""
    monkeypatch.chdir(tmp_path)
    assert load_settings().gate == GateSettings()


def test_a_conf_of_the_working_folder_wins_over_the_shipped_one(conf: Path) -> None:
    (conf / "gate.yaml").write_text("min_rows: 12\n")
    assert where("gate.min_rows") == (12, "conf/gate.yaml")
    assert where("gate.min_dates") == (20, "default"), "a file is taken whole"


def test_tipoff_conf_wins_over_the_working_folder(conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (conf / "gate.yaml").write_text("min_rows: 12\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "gate.yaml").write_text("min_rows: 13\n")
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path / "other"))
    assert where("gate.min_rows") == (13, str(tmp_path / "other" / "gate.yaml"))


def test_a_variable_wins_over_every_file(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (conf / "gate.yaml").write_text("min_rows: 12\n")
    monkeypatch.setenv("TIPOFF_GATE__MIN_ROWS", "14")
    assert where("gate.min_rows") == (14, "TIPOFF_GATE__MIN_ROWS")


def test_a_variable_may_hold_a_mapping(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_TRAINING__MIN_COVERAGE_OF", "{fatigue_score: 0.2}")
    assert load_settings().training.min_coverage_of == {"fatigue_score": 0.2}


def test_variables_that_are_no_settings_are_left_alone(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_settings()
    monkeypatch.setenv("TIPOFF_HOME", "somewhere")
    monkeypatch.setenv("TIPOFF_API_TOKEN", "secret")
    assert load_settings() == before


def test_every_fault_is_named_at_once(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (conf / "gate.yaml").write_text("min_row: 12\n")
    monkeypatch.setenv("TIPOFF_SERVING__PORT", "70000")
    monkeypatch.setenv("TIPOFF_GATES__MIN_ROWS", "1")
    with pytest.raises(UsageError) as refused:
        load_settings()
    for part in ("gate.min_row = 12", "serving.port = 70000", "gates", "tipoff config"):
        assert part in str(refused.value)


@pytest.mark.parametrize(("text", "said"), [("- a\n- b\n", "holds list"), ("a: [\n", "is not YAML")])
def test_a_file_that_is_no_mapping_is_named(conf: Path, text: str, said: str) -> None:
    (conf / "gate.yaml").write_text(text)
    with pytest.raises(UsageError, match=said) as refused:
        load_settings()
    assert "conf/gate.yaml" in refused.value.message


def test_settings_in_force_do_not_change(conf: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().gate.min_rows = 1  # type: ignore[misc]


def test_a_conf_file_that_is_nowhere_is_none(conf: Path) -> None:
    assert conf_text("systems/crystal_ball.yaml") is None
