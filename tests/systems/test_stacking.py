"""The line's share: all of it before a row was seen, then what rows say, against a belief of a thousand rows."""

from __future__ import annotations

import numpy as np
import pytest

from systems.stacking import LINE_ROWS, line_share


def test_without_rows_the_line_is_all_there_is_to_say() -> None:
    nothing = np.empty(0)
    assert line_share(nothing, nothing, nothing) == 1


@pytest.mark.parametrize("n", [1, 1000, 9000])
def test_rows_against_the_line_count_as_many_as_they_are(n: int) -> None:
    point = np.full(n, 10.0)
    assert line_share(point, point + 2, point) == pytest.approx(LINE_ROWS / (n + LINE_ROWS))


@pytest.mark.parametrize(("truth", "share"), [(0.3, 0.3), (-0.5, 0.0), (1.7, 1.0)])
def test_with_many_rows_it_is_the_nearest_mixture_within_0_and_1(truth: float, share: float) -> None:
    draw = np.random.default_rng(1)
    point, line = draw.normal(15, 4, (2, 50_000))
    actual = point + truth * (line - point) + draw.normal(0, 1, 50_000)
    expected = (50_000 * share + LINE_ROWS) / (50_000 + LINE_ROWS)
    assert line_share(point, line, actual) == pytest.approx(expected, abs=0.01)


def test_where_both_say_the_same_nothing_is_learnt() -> None:
    same = np.array([3.0, 4.0])
    assert line_share(same, same, same + 1) == 1
