"""A slate's predictions, through the same predictor for the service and for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.home import REGISTERED_MODEL, Home
from contracts.settings import Settings
from serving.freshness import Freshness
from serving.live import LiveModel, resolve_live
from serving.lookup import StoredRows, find_slate
from serving.predictor import predict
from serving.schemas import Answer
from serving.store import prediction_rows, store_predictions


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

    They are stored as said now. Raises NoProductionError, UnknownSystemError, NoGamesError, and RefusedError for a
    model that does not verify.
    """
    live = resolve_live(engine, home, model_name, system)
    stale = Freshness(engine, settings).stale(live.feature_set)
    slate = answer_slate(live, game_date, find_slate(engine, live.feature_set, game_date, stale))
    store_predictions(engine, prediction_rows(live, slate.answers, slate.stored.game_dates, clock.now()))
    return [answer.model_dump(mode="json") for answer in slate.answers]
