"""last_10_average: the mean of the player's last ten active games, before the date."""

from __future__ import annotations

from systems.column import ColumnSystem


class Last10Average(ColumnSystem):
    """Predicts the player's average of his last ten games; cannot predict his first."""

    name = "last_10_average"

    @staticmethod
    def column(target: str) -> str:
        """'points' -> 'points_avg_last_10'."""
        return f"{target}_avg_last_10"
