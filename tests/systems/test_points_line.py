"""points_line says what the books say, of points alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from contracts.errors import UsageError
from systems.base import System
from systems.catalog import create_system


def test_it_is_the_line_and_nothing_where_there_is_none(fitted: Callable[..., System]) -> None:
    system = fitted("points_line")
    np.testing.assert_array_equal(system.predict(np.array([[24.5], [np.nan]])), [24.5, np.nan])
    assert system.estimates == "median"
    assert not system.learns


def test_no_line_is_known_for_another_target() -> None:
    with pytest.raises(UsageError, match="'rebounds', which no line is known for"):
        create_system("points_line").choose_features(["vegas_points_line"], "rebounds")
