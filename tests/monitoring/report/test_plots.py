"""The pictures: round marks that hold every value, and nothing drawn outside."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.report.plots import HEIGHT, WIDTH, Curve, ticks, timeline

DAY = date(2024, 3, 1)
VALUES = st.floats(-1e6, 1e6, allow_nan=False)


@given(VALUES, VALUES)
def test_marks_are_evenly_spaced_few_and_hold_every_value(one, other):
    low, high = min(one, other), max(one, other)
    marks = ticks(low, high)
    step = marks[1] - marks[0]
    assert 2 <= len(marks) <= 6
    assert marks[0] <= low + step * 1e-6
    assert marks[-1] >= high - step * 1e-6
    assert all(b - a == pytest.approx(step) for a, b in pairwise(marks))


@given(st.lists(st.floats(-1e3, 1e3, allow_nan=False), min_size=1, max_size=40))
def test_no_point_is_drawn_outside_of_the_picture(values):
    curve = Curve("a", 0, [(DAY + timedelta(days=place), value) for place, value in enumerate(values)])
    page = timeline([curve], "values", goals=[0.0])
    for points in re.findall(r'points="([^"]+)"', page):
        for x, y in (map(float, pair.split(",")) for pair in points.split()):
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT


def test_one_point_is_a_dot_and_none_is_refused():
    assert "<circle" in timeline([Curve("a", 0, [(DAY, 1.0)])], "one")
    with pytest.raises(ValueError, match="no point"):
        timeline([Curve("a", 0, [])], "none")
