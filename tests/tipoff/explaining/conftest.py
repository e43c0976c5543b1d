"""The home of the coordinator's tests: a built league with real versions."""

from __future__ import annotations

from tests.tipoff.coordinator.conftest import game_date, trained, world

__all__ = ["game_date", "trained", "world"]
