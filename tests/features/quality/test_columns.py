"""What fails a build before a row is written, and what is only told: by its own rows alone."""

from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from contracts.errors import RefusedError
from contracts.feature_set import Feature, FeatureSet
from contracts.settings import QualitySettings
from features.quality.columns import absent_features, judge_columns
from features.quality.gates import judge
from features.quality.verdict import Bench, Finding, Outcome, Verdict

STORE = "ml_feature_store"
SETTINGS = QualitySettings(min_rows=100, max_out_of_range=0.01)
SET = FeatureSet(
    "tested",
    (
        Feature("form", STORE, "Moves.", 0, 60, "no_recent_games"),
        Feature("home_away", STORE, "May be constant.", 0, 1, may_be_constant=True),
        Feature("line", STORE, "Has a source.", 0, 60),
    ),
)

KINDS = {"form": pl.Float64, "home_away": pl.Float64, "line": pl.Float64, "missing": pl.String, "game_date": pl.Date}
KINDS |= {"max_source_date": pl.Date, "minutes_avg_last_10_active": pl.Float64}


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
            "team_id": [i // 5 for i in range(n)],
            "season": [2023] * n,
            "state": ["played"] * n,
            "is_expected": [True] * n,
            "n_active_games_season": [30.0] * n,
            "minutes_avg_last_10_active": [20.0] * n,
        },
        schema_overrides=KINDS,
    )
    given = {name: value if isinstance(value, list) else [value] * n for name, value in columns.items()}
    return {STORE: frame.with_columns(pl.Series(name, given[name], dtype=KINDS.get(name)) for name in given)}


def verdict(frames: dict[str, pl.DataFrame]) -> Verdict:
    return judge(frames, SET, SETTINGS)


def failures(frames: dict[str, pl.DataFrame]) -> list[str]:
    return [str(test) for test in verdict(frames).failures]


def test_sound_rows_have_nothing_to_be_told():
    assert verdict(rows()).passed
    assert verdict(rows()).findings == []


def test_a_constant_column_fails_by_name_and_value():
    assert failures(rows(form=0.5)) == ["constant of form = 1, limit 2: form is 0.5 in all of its 200 values"]
    with pytest.raises(RefusedError, match=r"form is 0\.5 in all of its 200 values"):
        verdict(rows(form=0.5)).refuse(7)


def test_a_column_that_is_constant_where_it_is_not_null_fails():
    values = [0.5 if i % 4 == 0 else None for i in range(200)]
    assert any("form is 0.5 in all of its 50 values" in failure for failure in failures(rows(form=values)))


def test_all_constant_columns_are_named_together():
    with pytest.raises(RefusedError, match=r"form is 1 .*line is 2 "):
        verdict(rows(form=1.0, line=2.0)).refuse()


def test_a_build_of_few_rows_may_be_constant_and_says_that_it_was_not_judged():
    found = verdict(rows(99, form=0.5))
    assert found.passed
    assert "not judged: 99 rows < 100" in [test.detail for test in found.tests if test.name == "constant"]
    assert not verdict(rows(100, form=0.5)).passed


def test_a_column_that_may_be_constant_is_exempt():
    assert failures(rows(home_away=1.0)) == []


def test_a_column_without_source_is_absent_and_told():
    frames = rows(line=None, missing="no_source:line")
    assert verdict(frames).findings == [Finding("line", "absent", "its source was never ingested")]
    assert absent_features(frames[STORE], SET) == ["line"]


def test_a_column_with_a_source_and_without_values_is_told_with_the_reasons():
    frames = rows(line=None, missing=["no_line:line", "no_history:form,line"] * 100)
    assert verdict(frames).findings == [Finding("line", "no_values", "NULL in all 200 rows: no_history, no_line")]
    assert absent_features(frames[STORE], SET) == []


def test_a_column_that_had_values_and_lost_them_fails():
    bench = Bench()
    judge_columns(bench, rows(line=None, missing="no_line:line")[STORE], SET, ["line"], SETTINGS)
    assert [str(t) for t in bench.tests if not t.passed] == [
        "lost_values of line = 1, limit 0: NULL in all 200 rows (no_line); it had values before"
    ]


def test_values_out_of_range_are_told_and_never_altered():
    frames = rows(form=[-1.0, 61.0, 60.0, 0.0] + [float(i % 40) for i in range(196)])
    before = frames[STORE].clone()
    assert verdict(frames).findings == [Finding("form", "out_of_range", "2 rows outside 0 to 60: -1.0 to 61.0")]
    assert frames[STORE].equals(before)


def test_more_values_out_of_range_than_allowed_fail():
    values = [61.0] * 3 + [float(i % 40) for i in range(197)]
    assert failures(rows(form=values)) == [
        "out_of_range of form = 0.015, limit 0.01: 3 rows outside 0 to 60: 0.0 to 61.0"
    ]


def test_a_range_of_conf_bounds_what_the_definition_does_not():
    settings = QualitySettings(min_rows=100, max_out_of_range=0.01, ranges={"line": (0, 10), "form": (0, 10)})
    found = judge(rows(), SET, settings)
    assert found.passed, "the definition's own bounds win"
    unbounded = FeatureSet("tested", (Feature("line", STORE, "No bounds."),))
    assert [test.name for test in judge(rows(), unbounded, settings).failures] == ["out_of_range"]


def test_nulls_of_established_players_fail_and_those_of_new_ones_do_not():
    values = [None if i % 4 == 0 else float(i % 40) for i in range(200)]
    assert failures(rows(form=values)) == [
        "null_share of form = 0.25, limit 0.2: NULL in 25.0% of 200 rows of players with 20+ games"
    ]
    assert failures(rows(form=values, n_active_games_season=3.0)) == []


def test_a_default_where_null_is_due_fails():
    """A column filled with 0 for players without a recent game."""
    unknown = [None if i % 4 == 0 else 20.0 for i in range(200)]
    filled = [0.0 if i % 4 == 0 else float(i % 40) for i in range(200)]
    found = failures(rows(form=filled, minutes_avg_last_10_active=unknown))
    assert found == [
        "filled_nulls of form = 1, limit 0.3: values in 100.0% of 50 rows of players without a recent game "
        "(minutes_avg_last_10_active is NULL): NULL is due"
    ]
    honest = [None if i % 4 == 0 else float(i % 40) for i in range(200)]
    assert failures(rows(form=honest, minutes_avg_last_10_active=unknown, n_active_games_season=0.0)) == []


def test_two_rows_of_one_key_fail():
    frames = rows(player_id=[0, 0, *range(2, 200)])
    assert failures(frames) == [
        "duplicates of build = 1, limit 0: 1 rows of ml_feature_store repeat game_id and player_id"
    ]


def test_a_row_that_knows_its_own_date_is_refused_by_builder_and_row():
    sources = [date(2023, 12, 31)] * 199 + [date(2024, 1, 4)]
    with pytest.raises(RefusedError, match=r"ml_feature_store: in 1 rows max_source_date .* player 199 of 2024-01-04"):
        verdict(rows(max_source_date=sources))


def test_the_other_builders_are_held_to_the_same_rule():
    team = pl.DataFrame(
        {"game_id": ["1"], "team_id": [7], "game_date": [date(2024, 1, 1)], "max_source_date": [date(2024, 1, 1)]}
    )
    with pytest.raises(RefusedError, match=r"team_defense_zone_analysis: in 1 rows .* team 7 "):
        verdict({"team_defense_zone_analysis": team, **rows()})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_refused(value):
    values = [value] + [float(i % 40) for i in range(199)]
    with pytest.raises(RefusedError, match=r"NaN or infinite values in form \(1 rows\)"):
        verdict(rows(form=values))


def test_no_rows_have_nothing_to_be_told():
    assert verdict(rows(0)).findings == []


def test_a_verdict_is_read_as_it_was_kept():
    found = verdict(rows(form=0.5))
    kept = json.loads(json.dumps(found.as_json()))
    assert Verdict.from_json(kept).as_json() == found.as_json()
    assert [test.outcome for test in Verdict.from_json(kept).failures] == [Outcome.FAILED]


def test_an_accepted_failure_passes_and_is_told():
    found = verdict(rows(form=0.5))
    accepted = Verdict(found.tests, "the league changed its rule")
    accepted.refuse()
    assert [finding.kind for finding in accepted.findings] == ["constant"]
