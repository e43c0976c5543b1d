"""The named way back: season_average is in Production as soon as there is data, so that every champion must beat it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.errors import TipoffError
from contracts.locks import file_lock

if TYPE_CHECKING:
    from tipoff.wiring import Wiring

SYSTEM = "season_average"
REASON = "the named way back: there is always a version to serve and to beat"
WAIT_SECONDS = 600.0
MIN_DATES = 30
"""Fewer dates than this cannot be split into what is learned from and what is validated on."""


def ensure_way_back(wiring: Wiring) -> int | None:
    """Register season_average and make it the first champion, unless there is a version in Production.

    Returns the version it made, or None where there was nothing to do, too little data yet, or no build of the set
    that training.feature_set names.
    """
    from features.feature_sets import load_feature_set
    from features.table.builds import current_build
    from registry.versions import production

    if production(wiring.engine) is not None or _n_played_dates(wiring) < MIN_DATES:
        return None
    if current_build(wiring.engine, load_feature_set(wiring.settings.training.feature_set)) is None:
        return None
    with file_lock(wiring.home.root / "way-back.lock", WAIT_SECONDS):  # of backfills at once, one makes it
        return _make(wiring) if production(wiring.engine) is None else None


def _make(wiring: Wiring) -> int:
    from registry.promotion import current_actor, promote
    from registry.stages import Stage
    from tipoff.gatekeeping import make_judge

    version = _train(wiring)
    promote(
        wiring.engine,
        wiring.home,
        version,
        Stage.PRODUCTION,
        make_judge(wiring),
        actor=current_actor(),
        reason=REASON,
        override_reason=REASON,
    )
    return version


def _train(wiring: Wiring) -> int:
    from tipoff.wiring import prepare_tracking
    from training.train import TrainRequest, train

    prepare_tracking(wiring.home)
    training = wiring.settings.training
    request = TrainRequest(system=SYSTEM, feature_set=training.feature_set, population=training.population)
    result = train(wiring.engine, wiring.home, wiring.settings, request)
    if result.model_version is None:
        raise TipoffError(f"{SYSTEM} was trained and not registered.")
    return result.model_version


def _n_played_dates(wiring: Wiring) -> int:
    import sqlalchemy as sa

    from contracts.tables import player_games

    with wiring.engine.connect() as connection:
        count = connection.scalar(sa.select(sa.func.count(sa.distinct(player_games.c.game_date))))
    return int(count or 0)
