"""points_line: the betting line on the player's points, as known at the cut-off: what every system is up against."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.errors import UsageError
from contracts.populations import LINE_TARGET
from systems.column import ColumnSystem


class PointsLine(ColumnSystem):
    """Predicts the books' own line, in points: the median over books (spec of `vegas_points_line`).

    A line is set where going over and under are about equally likely, so it estimates the median. Where no line is
    known it cannot predict.
    """

    name = "points_line"
    estimates = "median"

    def choose_features(self, available: Sequence[str], target: str) -> list[str]:
        """The line's column.

        Raises UsageError for a target that the line is not about, and where the column is not there.
        """
        if target != LINE_TARGET:
            raise UsageError(
                f"points_line predicts {LINE_TARGET}; the target is {target!r}, which no line is known for.",
                remedy=f"Choose another system, or set training.target to {LINE_TARGET}.",
            )
        return super().choose_features(available, target)

    @staticmethod
    def column(target: str) -> str:
        """'vegas_points_line'."""
        return "vegas_points_line"
