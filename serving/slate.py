"""A slate's predictions, through the same predictor for the service and for the command line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from contracts import clock
from contracts.errors import TipoffError
from contracts.home import REGISTERED_MODEL, Home
from contracts.settings import Settings
from registry.stages import Stage
from registry.versions import version_in_stage
from serving.freshness import Freshness
from serving.live import LiveModel, load_live, resolve_live
from serving.lookup import StoredRows, find_slate
from serving.predictor import predict
from serving.schemas import Answer
from serving.store import prediction_rows, store_predictions

log = logging.getLogger("tipoff.serving")


@dataclass(frozen=True)
class SlatePredictions:
    """The answers for every player-game expected on a date, by game and player, and the rows they were made from."""

    game_date: date
    answers: list[Answer]
    stored: StoredRows

    @property
    def n_expected(self) -> int:
        """How many player-games the slate holds."""
        return len(self.answers)

    @property
    def n_predicted(self) -> int:
        """How many of them have a prediction; the others say why not."""
        return sum(answer.error is None for answer in self.answers)


def answer_slate(live: LiveModel, game_date: date, stored: StoredRows) -> SlatePredictions:
    """The answers of `live` for the slate of `game_date`, whose rows are `stored`; nothing is written."""
    return SlatePredictions(game_date, predict(live, stored.rows, [None] * len(stored.rows)), stored)


def shadow_rows(
    engine: sa.Engine, load: Callable[[], LiveModel], game_date: date, freshness: Freshness
) -> list[dict[str, Any]]:
    """The rows to store of what Staging, by `load`, says now of a slate that Production was asked for; told to nobody.

    A failure is logged and gives none: Production's answer must not fail with it.
    """
    try:
        staging = load()
        stored = find_slate(engine, staging.feature_set, game_date, freshness.stale(staging.feature_set))
        slate = answer_slate(staging, game_date, stored)
    except TipoffError as error:
        log.warning("Staging said nothing of %s: %s", game_date, error.message)
        return []
    return prediction_rows(staging, slate.answers, slate.stored.game_dates, clock.wall())


def predict_slate(
    engine: sa.Engine,
    home: Home,
    settings: Settings,
    game_date: date,
    system: str = "production",
    *,
    model_name: str = REGISTERED_MODEL,
) -> list[dict[str, Any]]:
    """What `system` (as in POST /predict-batch) says of the slate of `game_date`: the service's answers, plain.

    They are stored as said now, and so is what Staging says beside Production.
    Raises NoProductionError, UnknownSystemError, NoGamesError, and RefusedError for a model that does not verify.
    """
    live = resolve_live(engine, home, model_name, system)
    freshness = Freshness(engine, settings)
    stored = find_slate(engine, live.feature_set, game_date, freshness.stale(live.feature_set))
    slate = answer_slate(live, game_date, stored)
    store_predictions(engine, prediction_rows(live, slate.answers, slate.stored.game_dates, clock.wall()))
    staging = version_in_stage(engine, Stage.STAGING, model_name) if system == "production" else None
    if staging is not None:
        rows = shadow_rows(engine, lambda: load_live(staging, Stage.STAGING, home), game_date, freshness)
        store_predictions(engine, rows)
    plain: list[dict[str, Any]] = TypeAdapter(list[Answer]).dump_python(slate.answers, mode="json")
    return plain
