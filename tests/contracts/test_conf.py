"""conf/: a file that cannot be read, or says a thing twice, is refused by name; nothing asked for is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.conf import conf_mapping, own_folder
from contracts.errors import UsageError
from contracts.settings import load_settings


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty TIPOFF_CONF."""
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("kind", ["nothing", "a file"])
def test_a_tipoff_conf_that_is_no_folder_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "place"
    if kind == "a file":
        place.touch()
    monkeypatch.setenv("TIPOFF_CONF", str(place))
    with pytest.raises(UsageError, match="is not a folder"):
        load_settings()


def test_an_empty_tipoff_conf_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_CONF", "")
    assert own_folder() == Path("conf")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"min_rows: 5\nmin_rows: 7\n", "'min_rows' twice"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"? {a: b}\n: c\n", "is not YAML"),
        (b"min_rows: 2024-13-45\n", "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(conf: Path, content: bytes, said: str) -> None:
    (conf / "gate.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=said) as refused:
        load_settings()
    assert str(conf / "gate.yaml") in refused.value.message


def test_a_folder_in_the_place_of_a_file_is_named(conf: Path) -> None:
    (conf / "gate.yaml").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        load_settings()


def test_a_byte_order_mark_and_the_lines_of_another_system_are_read(conf: Path) -> None:
    (conf / "gate.yaml").write_bytes(b"\xef\xbb\xbfmin_rows: 5\r\nmin_dates: 6\r\n")
    assert conf_mapping("gate.yaml")[0] == {"min_rows": 5, "min_dates": 6}


@pytest.mark.parametrize("name", ["gates.yaml", "gate.yml"])
def test_a_file_in_tipoff_conf_that_nothing_reads_is_refused(conf: Path, name: str) -> None:
    (conf / name).write_text("min_rows: 5\n")
    with pytest.raises(UsageError, match=name):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("TIPOFF_GATE__MIN_ROWS", "[", "TIPOFF_GATE__MIN_ROWS is not YAML"),
        ("TIPOFF_GATE__MARGIN", ".inf", "gate.margin = inf"),
        ("TIPOFF_GATE__MARGIN", ".nan", "gate.margin = nan"),
        ("TIPOFF_GATE__NOPE", "1", "there is no such setting"),
        ("TIPOFF_NOPE__X", "1", "there is no such section"),
        ("TIPOFF_FEATURES__LINE_CUTOFF_MINUTES", "99999999999999999999", "line_cutoff_minutes"),
    ],
)
def test_a_variable_that_is_no_setting_is_named(
    variable: str, text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(UsageError, match=said) as refused:
        load_settings()
    assert variable in refused.value.message or variable.startswith("TIPOFF_NOPE")
