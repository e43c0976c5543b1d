"""`tipoff report`: where the page is, and what it refuses."""

from __future__ import annotations

import json

import pytest

from tipoff.__main__ import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """run(*arguments) -> (exit code, the JSON of the last line)."""
    monkeypatch.setenv("TIPOFF_HOME", str(tmp_path / "home"))

    def ran(*arguments: str):
        with pytest.raises(SystemExit) as ended:
            main(["report", *arguments, "--json"])
        return ended.value.code, json.loads(capsys.readouterr().out.splitlines()[-1])

    return ran


def test_a_date_without_games_has_a_report_that_says_so(run, tmp_path):
    out = tmp_path / "pages" / "report.html"
    code, told = run("--date", "2024-03-01", "--out", str(out))
    assert (code, told["path"]) == (0, str(out))
    assert "No games on this date" in out.read_text()


@pytest.mark.parametrize("wrong", ["2024-13-01", "yesterday", "default"])
def test_what_is_no_date_is_wrong_usage(run, tmp_path, wrong):
    code, told = run("--date", wrong, "--out", str(tmp_path / "report.html"))
    assert (code, told["error"]["code"]) == (2, "usage")


def test_a_place_that_cannot_be_written_is_wrong_usage(run, tmp_path):
    (tmp_path / "file").touch()
    code, told = run("--date", "2024-03-01", "--out", str(tmp_path / "file" / "report.html"))
    assert (code, told["error"]["code"]) == (2, "usage")
    assert "cannot be written" in told["error"]["message"]
