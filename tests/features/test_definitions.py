"""The feature set is its ordered definitions, and says what is wrong with a declaration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from contracts import tables
from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from features import definitions_v3
from features.builders.compute import BUILDERS
from features.definitions import DEFINITIONS, absent_features
from features.feature_sets import feature_set_names, load_feature_set

NAMES = """points_avg_last_5 points_avg_last_10 points_avg_season points_std_last_10 games_in_last_7_days fatigue_score
shot_zone_mismatch_score pace_score usage_spike_score rest_advantage injury_risk recent_trend minutes_change
opponent_def_rating opponent_pace home_away back_to_back playoff_game pct_paint pct_mid_range pct_three pct_free_throw
team_pace_last_10 team_off_rating_last_10 team_win_pct vegas_points_line vegas_opening_line vegas_line_move
has_vegas_line avg_points_vs_opponent games_vs_opponent minutes_avg_last_10 ppm_avg_last_10"""

NEVER_NULL = {
    *("games_in_last_7_days", "games_vs_opponent", "home_away", "back_to_back", "playoff_game", "has_vegas_line")
}


def declare(folder: Path, text: str, name: str = "mine") -> None:
    (folder / "feature_sets").mkdir(exist_ok=True)
    (folder / "feature_sets" / f"{name}.yaml").write_text(text)


def test_the_shipped_set_has_the_33_columns_in_their_order() -> None:
    feature_set = load_feature_set("v2_33features")
    assert feature_set.names == NAMES.split()
    assert feature_set.accept_closing_game_lines is False
    assert {feature.name for feature in definitions_v3.FEATURES} == set(DEFINITIONS) - set(feature_set.names)


def test_the_v3_sets_are_named_by_their_count_accept_closing_lines_and_differ_by_the_injury_lists() -> None:
    without, with_lists = load_feature_set("v3_67features"), load_feature_set("v3_74features")
    assert (len(without.names), len(with_lists.names)) == (67, 74)
    assert without.accept_closing_game_lines
    assert with_lists.accept_closing_game_lines
    assert with_lists.names == [*without.names, *(feature.name for feature in definitions_v3.LISTED_TEAM_MATES)]
    of_lists = {"injury_risk", "usage_spike_score", *(f.name for f in definitions_v3.LISTED_TEAM_MATES)}
    assert of_lists.isdisjoint(without.names)


@pytest.mark.parametrize(
    ("without", "with_line"), [("v3_67features", "v3_68features"), ("v3_74features", "v3_75features")]
)
def test_a_v3_set_with_the_books_line_is_the_set_before_it_and_that_line(without: str, with_line: str) -> None:
    assert load_feature_set(with_line).names == [*load_feature_set(without).names, "vegas_points_line"]
    assert load_feature_set(with_line).accept_closing_game_lines


def test_the_set_of_all_that_lines_say_is_the_set_before_it_and_their_moves_and_history() -> None:
    said = ["vegas_line_move", "mates_line_move", "line_decayed_4"]
    assert load_feature_set("v3_78features").names == [*load_feature_set("v3_75features").names, *said]
    assert load_feature_set("v3_78features").accept_closing_game_lines


def test_the_hash_of_the_shipped_set_is_what_it_was_before_there_was_a_second_one() -> None:
    assert load_feature_set("v2_33features").hash == (
        "251d39a52cee09b44d4349b82725886b24d7787a889d4a3844026d5630fe1c54"
    )


def test_only_four_columns_may_be_constant() -> None:
    constant = {name for name, feature in DEFINITIONS.items() if feature.may_be_constant}
    assert constant == {"home_away", "back_to_back", "playoff_game", "has_vegas_line"}


def test_every_feature_names_a_builder_and_why_it_may_be_null() -> None:
    for feature in DEFINITIONS.values():
        assert feature.builder in BUILDERS
        assert (feature.null_reason is None) == (feature.name in NEVER_NULL)
        assert feature.definition.endswith(".")


def test_a_builders_own_features_are_columns_of_its_table() -> None:
    elsewhere = {"opponent_def_rating", "opponent_pace"}  # a team's row, seen from the other side
    for feature in DEFINITIONS.values():
        if feature.builder != "ml_feature_store" and feature.name not in elsewhere:
            assert feature.name in tables.metadata.tables[feature.builder].columns


def test_another_order_definition_or_declaration_is_another_hash() -> None:
    feature_set = load_feature_set("v2_33features")
    first, *rest = feature_set.features
    hashes = {
        feature_set.hash,
        FeatureSet("v2_33features", (*rest, first)).hash,
        FeatureSet("v2_33features", (replace(first, definition="Mean points, last 6."), *rest)).hash,
        replace(feature_set, accept_closing_game_lines=True).hash,
    }
    assert len(hashes) == 4
    assert replace(feature_set, name="another").hash == feature_set.hash


def test_an_unknown_set_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'v3' is not a feature set.*v2_33features"):
        load_feature_set("v3")


@pytest.mark.parametrize("name", ["../features", "v2_33features.yaml", ""])
def test_a_name_that_is_no_sets_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a feature set"):
        load_feature_set(name)


def test_a_declaration_of_ones_own_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(tmp_path, "name: mine\naccept_closing_game_lines: false\nfeatures: [home_away, points_avg_last_5]\n")
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path))
    assert feature_set_names() == [
        "mine",
        "rebounds_20features",
        "v2_33features",
        "v3_67features",
        "v3_68features",
        "v3_74features",
        "v3_75features",
        "v3_78features",
    ]
    assert load_feature_set("mine").names == ["home_away", "points_avg_last_5"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name: yours\naccept_closing_game_lines: false\nfeatures: [home_away]", "its name is 'yours'"),
        ("name: mine\naccept_closing_game_lines: false\nfeatures: [shoe_size]", "do not exist: shoe_size"),
        ("name: mine\naccept_closing_game_lines: false\nfeatures: [home_away, home_away]", "twice: home_away"),
        ("name: mine\naccept_closing_game_lines: false\nfeatures: []", "names no feature"),
        ("name: mine\nfeatures: [home_away]", "accept_closing_game_lines: Field required"),
        ("name: mine\naccept_closing_game_lines: false\nfeatures: [home_away]\nextra: 1", "extra: Extra inputs"),
        ("name: mine\naccept_closing_game_lines: false\nfeatures: [spread]", "does not accept: spread"),
    ],
)
def test_a_faulty_declaration_is_refused_with_its_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, fault: str
) -> None:
    declare(tmp_path, text)
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path))
    with pytest.raises(UsageError, match=fault):
        load_feature_set("mine")


def test_features_are_absent_where_their_source_was_never_ingested() -> None:
    everything = {"game-logs", "game-lines", "injuries", "shot-zones", "points-lines"}
    of_lists = {feature.name for feature in definitions_v3.LISTED_TEAM_MATES}
    assert absent_features(everything) == set()
    assert absent_features(everything - {"injuries"}) == {"injury_risk", *of_lists}
    assert absent_features(everything - {"game-lines"}) == {feature.name for feature in definitions_v3.MARKET}
    assert absent_features(everything - {"shot-zones"}) == {"pct_paint", "pct_mid_range"}
    assert len(absent_features({"game-logs"})) == 6 + 7 + 6 + 2
