"""The failures that are no error in a feature: which test plants each, and which wait for what is not built yet."""

from __future__ import annotations

ELSEWHERE = {
    3: "tests/training/test_dataset.py::test_stale_rows_are_refused_until_they_are_built_again",
    4: "tests/training/test_evaluation.py::test_the_line_and_the_baselines_are_held_against_the_same_rows",
    5: "tests/registry/test_gate.py::test_every_figure_names_its_population_rows_dates_and_build",
    6: "tests/monitoring/test_grading.py::test_labels_tell_when_it_was_said_and_what_the_model_had_seen",
    7: "tests/tipoff/test_main_job.py::test_exported_rows_predict_bit_equal_to_stored_ones",
    8: "tests/serving/test_slot.py::test_without_a_good_one_before_a_broken_version_means_not_ready",
    9: "tests/serving/test_predictor.py::test_every_answer_names_the_version_that_gave_it_errors_too",
    10: "tests/serving/test_slot.py::test_golden_rows_that_come_out_differently_refuse_the_version",
    12: "tests/training/test_dataset.py::test_every_sparse_column_in_use_is_named_with_its_share_and_limit",
    17: "tests/monitoring/test_coverage.py::test_what_was_not_predicted_is_counted_and_said",
    19: "tests/monitoring/test_coverage.py::"
    "test_a_game_of_the_schedule_without_rows_is_a_shortfall_even_if_all_rows_are_predicted",
    20: "tests/features/table/test_backfill.py::test_a_builder_that_loses_rows_fails_the_build",
    21: "tests/serving/test_slot.py::"
    "test_a_model_that_no_longer_gives_its_golden_rows_is_not_ready_at_the_next_question",
    22: "tests/registry/test_gate.py::test_thirteen_rows_are_refused",
    23: "tests/serving/test_slot.py::test_a_promotion_is_live_at_the_next_look_and_a_rollback_too",
    26: "tests/features/table/test_backfill.py::"
    "test_an_earlier_date_that_failed_is_done_again_and_none_of_the_later_ones",
    27: "tests/training/test_splits.py::test_blocks_never_touch_and_follow_each_other_and_lie_within_what_was_asked",
    29: "tests/registry/test_gate.py::test_a_challenger_far_under_the_line_is_refused_as_a_leak",
    31: "tests/training/test_backtest.py::test_looks_count_up_and_name_the_best_before",
}
"""Failure -> the test that plants it outside the feature table."""

NOT_YET = (18, 24, 25, 32)
"""Failures of what runs every day and of retraining: they get their tests with it."""

HEAD = "## Failures that are planted elsewhere\n"


def told() -> str:
    """The section of the page: a line each, then those that have no test yet."""
    lines = "".join(f"- {number}: `{test}`\n" for number, test in ELSEWHERE.items())
    waiting = ", ".join(map(str, NOT_YET))
    return f"{HEAD}\n{lines}\nNo test yet, because what they are failures of is not built: {waiting}.\n"
