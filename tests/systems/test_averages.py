"""The averages read one column and invent nothing."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import UsageError
from systems.base import Rows
from systems.catalog import create_system


@pytest.mark.parametrize(
    ("name", "column"), [("season_average", "rebounds_avg_season"), ("last_10_average", "rebounds_avg_last_10")]
)
def test_the_column_follows_the_target_and_a_missing_value_stays_missing(name: str, column: str) -> None:
    system = create_system(name)
    assert system.choose_features(["x", "rebounds_avg_season", "rebounds_avg_last_10"], "rebounds") == [column]
    nothing = Rows(np.empty((0, 1)), np.empty(0), np.empty(0, dtype="datetime64[D]"))
    system.fit(nothing, nothing, features=[column], target="rebounds", seed=7)
    np.testing.assert_array_equal(system.predict(np.array([[4.5], [np.nan]])), [4.5, np.nan])
    assert not system.learns


def test_without_its_column_it_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="points_avg_season"):
        create_system("season_average").choose_features(["points_avg_last_10"], "points")
