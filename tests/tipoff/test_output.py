"""What people are told while they wait."""

from __future__ import annotations

import pytest

from tipoff.output import tell_rate


@pytest.mark.parametrize(
    ("per_second", "told"),
    [
        (0.0, ""),
        (0.4, "2.5 s each"),
        (0.0004, "2,500.0 s each"),
        (1.0, "1.0/s"),
        (3.44, "3.4/s"),
        (9.94, "9.9/s"),
        (9.96, "10/s"),
        (12345.6, "12,346/s"),
    ],
)
def test_slow_work_is_told_in_tenths_and_very_slow_work_in_seconds_each(per_second: float, told: str) -> None:
    assert tell_rate(per_second) == told
