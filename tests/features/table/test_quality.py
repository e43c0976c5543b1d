"""What fails a build before a row is written, and what is only told."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from contracts.errors import RefusedError
from contracts.feature_set import Feature, FeatureSet
from contracts.settings import FeatureSettings
from features.table.quality import Finding, absent_features, check_rows

STORE = "ml_feature_store"
SETTINGS = FeatureSettings(constant_column_min_rows=100)
SET = FeatureSet(
    "tested",
    (
        Feature("form", STORE, "Moves.", 0, 60),
        Feature("home_away", STORE, "May be constant.", 0, 1, may_be_constant=True),
        Feature("line", STORE, "Has a source.", 0, 60),
    ),
)

KINDS = {"form": pl.Float64, "home_away": pl.Float64, "line": pl.Float64, "missing": pl.String, "game_date": pl.Date}
KINDS |= {"max_source_date": pl.Date}


def rows(n: int = 200, **columns: object) -> dict[str, pl.DataFrame]:
    """`n` sound rows of the feature table, with the given columns in place of theirs."""
    frame = pl.DataFrame(
        {
            "game_id": [f"{i // 10:010d}" for i in range(n)],
            "player_id": list(range(n)),
            "game_date": [date(2024, 1, 1) + timedelta(days=i // 50) for i in range(n)],
            "form": [float(i % 40) for i in range(n)],
            "home_away": [float(i % 2) for i in range(n)],
            "line": [20.5 + i % 3 for i in range(n)],
            "missing": [""] * n,
            "max_source_date": [date(2023, 12, 31)] * n,
        },
        schema_overrides=KINDS,
    )
    given = {name: value if isinstance(value, list) else [value] * n for name, value in columns.items()}
    return {STORE: frame.with_columns(pl.Series(name, given[name], dtype=KINDS.get(name)) for name in given)}


def test_sound_rows_have_nothing_to_be_told():
    assert check_rows(rows(), SET, SETTINGS) == []


def test_a_constant_column_is_refused_by_name_and_value():
    with pytest.raises(RefusedError, match=r"form is 0\.5 in all of its 200 values"):
        check_rows(rows(form=0.5), SET, SETTINGS)


def test_a_column_that_is_constant_where_it_is_not_null_is_refused():
    values = [0.5 if i % 4 == 0 else None for i in range(200)]
    with pytest.raises(RefusedError, match=r"form is 0\.5 in all of its 50 values"):
        check_rows(rows(form=values), SET, SETTINGS)


def test_all_constant_columns_are_named_together():
    with pytest.raises(RefusedError, match=r"form is 1 .*line is 2 "):
        check_rows(rows(form=1.0, line=2.0), SET, SETTINGS)


def test_a_build_of_few_rows_may_be_constant():
    assert check_rows(rows(99, form=0.5), SET, SETTINGS) == []
    with pytest.raises(RefusedError):
        check_rows(rows(100, form=0.5), SET, SETTINGS)


def test_a_column_that_may_be_constant_is_exempt():
    assert check_rows(rows(home_away=1.0), SET, SETTINGS) == []


def test_a_column_without_source_is_absent_and_told():
    frames = rows(line=None, missing="no_source:line")
    assert check_rows(frames, SET, SETTINGS) == [Finding("line", "absent", "its source was never ingested")]
    assert absent_features(frames[STORE], SET) == ["line"]


def test_a_column_with_a_source_and_without_values_is_told_with_the_reasons():
    frames = rows(line=None, missing=["no_line:line", "no_history:form,line"] * 100)
    findings = check_rows(frames, SET, SETTINGS)
    assert findings == [Finding("line", "no_values", "NULL in all 200 rows: no_history, no_line")]
    assert absent_features(frames[STORE], SET) == []


def test_a_column_that_had_values_and_lost_them_is_refused():
    with pytest.raises(RefusedError, match="lost them in a build of 200 rows: line"):
        check_rows(rows(line=None, missing="no_line:line"), SET, SETTINGS, had_values=["line"])


def test_values_out_of_range_are_told_and_never_altered():
    frames = rows(form=[-1.0, 61.0, 60.0, 0.0] + [float(i % 40) for i in range(196)])
    before = frames[STORE].clone()
    assert check_rows(frames, SET, SETTINGS) == [
        Finding("form", "out_of_range", "2 rows outside 0 to 60: -1.0 to 61.0")
    ]
    assert frames[STORE].equals(before)


def test_a_row_that_knows_its_own_date_is_refused_by_builder_and_row():
    sources = [date(2023, 12, 31)] * 199 + [date(2024, 1, 4)]
    with pytest.raises(RefusedError, match=r"ml_feature_store: in 1 rows max_source_date .* player 199 of 2024-01-04"):
        check_rows(rows(max_source_date=sources), SET, SETTINGS)


def test_the_other_builders_are_held_to_the_same_rule():
    team = pl.DataFrame(
        {"game_id": ["1"], "team_id": [7], "game_date": [date(2024, 1, 1)], "max_source_date": [date(2024, 1, 1)]}
    )
    with pytest.raises(RefusedError, match=r"team_defense_zone_analysis: in 1 rows .* team 7 "):
        check_rows({"team_defense_zone_analysis": team, **rows()}, SET, SETTINGS)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_refused(value):
    values = [value] + [float(i % 40) for i in range(199)]
    with pytest.raises(RefusedError, match=r"NaN or infinite values in form \(1 rows\)"):
        check_rows(rows(form=values), SET, SETTINGS)


def test_no_rows_have_nothing_to_be_told():
    assert check_rows(rows(0), SET, SETTINGS) == []
