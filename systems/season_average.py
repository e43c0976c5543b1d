"""season_average: the mean of the player's active games of this season, before the date."""

from __future__ import annotations

from systems.column import ColumnSystem


class SeasonAverage(ColumnSystem):
    """Predicts the player's season average; cannot predict his first game of a season."""

    name = "season_average"

    @staticmethod
    def column(target: str) -> str:
        """'points' -> 'points_avg_season'."""
        return f"{target}_avg_season"
