"""Which version may answer for a past day: one whose training ended before it; where there is none, one is trained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import sqlalchemy as sa

from contracts.errors import RefusedError, UnavailableError
from contracts.settings import SPARSE_BY_NATURE, Settings
from contracts.tables import pruned_versions
from registry.versions import ModelVersion, get_version, list_versions, production
from systems.catalog import system_class
from tipoff.wiring import Wiring

DEFAULT_SYSTEM = "xgboost"
"""What is trained where nothing that learns is in Production."""

Told = Callable[[str], None]


class Answering:
    """Chooses the version that answers for each date; where there is none it trains one, once: `trained`."""

    def __init__(self, wiring: Wiring, may_train: bool, now: Told) -> None:
        self._wiring = wiring
        self._may_train = may_train
        self._now = now
        self.trained: list[int] = []

    def version_for(self, game_date: date) -> ModelVersion:
        """The version for `game_date`.

        Raises RefusedError where there is none and none may be trained, what training raises where it fails.
        """
        found = allowed_version(self._wiring.engine, game_date)
        if found is None and not self._may_train:
            raise RefusedError(
                f"No version's training ended before {game_date}, so that none may answer for it.",
                remedy=f"Leave --no-train out, or `tipoff train --train-to {game_date - timedelta(days=1)}`.",
            )
        if found is None:
            found = _train(self._wiring, game_date, self._now)
            self.trained.append(found.version)
        return found


def allowed_version(engine: sa.Engine, game_date: date) -> ModelVersion | None:
    """Production where its training ended before `game_date`, else the newest version whose did, else None.

    A version that learned nothing has no end of training, and its intervals may know later dates: it may not answer.
    """
    with engine.connect() as connection:
        gone = set(connection.scalars(sa.select(pruned_versions.c.version)))
    allowed = [
        version
        for version in list_versions(engine)
        if version.version not in gone and version.train_to is not None and version.train_to < game_date
    ]
    live = production(engine)
    return live if live in allowed else (allowed[-1] if allowed else None)


def _train(wiring: Wiring, game_date: date, now: Told) -> ModelVersion:
    """An ordinary version of Production's system (where that learns), trained on what was known before the date."""
    from training.train import TrainRequest, train

    live = production(wiring.engine)
    learns = live is not None and system_class(live.system).learns
    request = TrainRequest(
        system=live.system if live is not None and learns else DEFAULT_SYSTEM,
        feature_set=live.feature_set if live is not None else wiring.settings.training.feature_set,
        population=wiring.settings.training.population,
        train_to=game_date - timedelta(days=1),
    )
    now(f"training {request.system} on what was known before {game_date}")
    settings = _early(wiring.settings)
    result = train(wiring.engine, wiring.home, settings, request, tags={"started_by": "tipoff replay"})
    if result.model_version is None:
        raise UnavailableError(f"Run {result.run_id} registered no version.", remedy="Its run says why.")
    return get_version(wiring.engine, result.model_version)


def _early(settings: Settings) -> Settings:
    """The settings with which little can be learned from: what is sparse by nature is the sparser, the less was known.

    A player has met few opponents before in a first season. What conf/ says of such a feature holds all the same.
    """
    coverage = {**dict.fromkeys(SPARSE_BY_NATURE, 0.0), **settings.training.min_coverage_of}
    return settings.model_copy(update={"training": settings.training.model_copy(update={"min_coverage_of": coverage})})
