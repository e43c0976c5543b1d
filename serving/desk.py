"""What the service does with a well-formed request, apart from HTTP: one method an endpoint."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from contracts import clock
from contracts.settings import ServingSettings
from registry.stages import Stage
from registry.versions import version_in_stage
from serving.faults import InvalidRequestError
from serving.freshness import Freshness
from serving.live import LiveModel
from serving.lookup import Key, StoredRows
from serving.metrics import Metrics
from serving.predictor import FeatureRow, Gathered, RowFault, ask_model, explain, gather, predict, tell
from serving.row_cache import RowCache
from serving.schemas import (
    Answer,
    ExplainRequest,
    ExplainResponse,
    Lineage,
    ModelCard,
    PredictBatchRequest,
    PredictBatchResponse,
    PredictRequest,
    PredictResponse,
    Row,
)
from serving.slate import answer_slate, shadow_rows
from serving.slot import Slot
from serving.store import PredictionStore, prediction_rows
from systems.model import Predictions

FEW_ROWS = 128
"""Requests of at most so many rows, by features or known by ids, are answered on the event loop, ..."""
QUICK_ROWS = 16
"""... but for the model's own part: of more rows than this it is a thread's, and the loop reads on, ..."""
QUICK_SECONDS = 0.003
"""... as is that of a slow model. It is timed when it is loaded, maybe on a busy machine: no fine measure."""


class Asked(NamedTuple):
    """A request for predictions, with the model that answers it and the game dates of the rows that are stored."""

    live: LiveModel
    gathered: Gathered
    game_dates: dict[Key, date]
    has_lines: bool


class Desk:
    """Answers requests from the slot's models and the stored rows, and hands what was said to the store.

    Safe for threads. `metrics` is told of all answers.
    """

    def __init__(
        self,
        engine: sa.Engine,
        slot: Slot,
        store: PredictionStore,
        settings: ServingSettings,
        metrics: Metrics,
        freshness: Freshness,
    ) -> None:
        self._engine = engine
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._freshness = freshness
        self._rows = RowCache(engine, freshness)
        self._predictors = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "predictor")
        self.slot = slot

    def at_hand(self, request: PredictRequest) -> Asked | None:
        """What `predict_at_hand` takes, where `request` is about few rows and waits for no database; else None.

        Raises what `predict` raises.
        """
        if request.system != "production" or len(request.rows) > FEW_ROWS:
            return None
        live, keys = self._resolve(request), _keys(request.rows)
        stored = self._rows.rows_at_once(live, keys) if keys else StoredRows([], {})
        return None if stored is None else _ask(live, request, stored)

    async def predict_at_hand(self, asked: Asked) -> PredictResponse:
        """`predict` on the event loop, which does other things while a model that is not quick predicts in a thread.

        There are as many such threads as cores: more would only take turns.
        """
        n_rows = len(asked.gathered.rows)
        if n_rows <= QUICK_ROWS and asked.live.seconds_for(n_rows) <= QUICK_SECONDS:
            return self._answer(asked, ask_model(asked.live, asked.gathered))
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._predictors, ask_model, asked.live, asked.gathered)
        return self._answer(asked, made)

    def predict(self, request: PredictRequest) -> PredictResponse:
        """An answer for each row, all from one model.

        Raises InvalidRequestError, NoProductionError, NotReadyError, UnknownSystemError.
        """
        live = self._resolve(request)
        asked = _ask(live, request, self._stored(live, _keys(request.rows)))
        return self._answer(asked, ask_model(asked.live, asked.gathered))

    def predict_batch(self, request: PredictBatchRequest) -> PredictBatchResponse:
        """The slate of a date.

        Raises NoGamesError, and what `predict` raises.
        """
        live = self.slot.resolve(request.system)
        slate = answer_slate(live, request.game_date, self._rows.slate(live, request.game_date))
        self._keep(live, slate.answers, slate.stored.game_dates)
        if request.system == "production":
            self._store.put(lambda: self._shadow(request.game_date))
        return PredictBatchResponse(
            game_date=request.game_date,
            expected=slate.n_expected,
            predicted=slate.n_predicted,
            predictions=slate.answers,
        )

    def explain(self, request: ExplainRequest) -> ExplainResponse:
        """One row's prediction and what moved it; it is not stored.

        Raises what `predict` raises.
        """
        live = self.slot.resolve(request.system)
        row = _merged([request.row], self._stored(live, _keys([request.row])))[0]
        return ExplainResponse(explain(live, row, request.row.line, top=request.top))

    def model_card(self) -> ModelCard:
        """The version in Production, and what it is made of.

        Raises NoProductionError or NotReadyError while nothing answers.
        """
        live, state = self.slot.current(), self.slot.state()
        return _card(live, state.status, state.message)

    def metrics_text(self) -> bytes:
        """What Prometheus is told of the service now."""
        state = self.slot.state()
        self._metrics.tell_state(state.status, state.live, self._store.n_waiting)
        return self._metrics.text()

    def close(self) -> None:
        """Stop following the registry, write what waits, end the threads, close the database."""
        self._predictors.shutdown()
        self.slot.stop()
        self._freshness.stop()
        self._store.stop()
        self._engine.dispose()

    def _resolve(self, request: PredictRequest) -> LiveModel:
        """The model that `request` asks, if it may: not about too many rows, nor of another feature set."""
        if len(request.rows) > self._settings.max_rows:
            raise InvalidRequestError(
                f"{len(request.rows)} rows; at most {self._settings.max_rows} are taken at once.",
                field="rows",
                remedy="Send them in several requests.",
            )
        live = self.slot.resolve(request.system)
        _check_hash(live, request.feature_set_hash)
        return live

    def _answer(self, asked: Asked, made: Predictions) -> PredictResponse:
        answers = tell(asked.live, asked.gathered, made)
        again = asked.gathered.rows if asked.has_lines else None
        self._keep(asked.live, answers, asked.game_dates, again=again)
        return PredictResponse(predictions=answers)

    def _shadow(self, game_date: date) -> list[dict[str, Any]]:
        """What Staging says of the same slate, where a version stands there; in the store's thread."""
        if version_in_stage(self._engine, Stage.STAGING, self.slot.model_name) is None:
            return []
        return shadow_rows(self._engine, lambda: self.slot.resolve("staging"), game_date, self._freshness)

    def _stored(self, live: LiveModel, keys: Sequence[Key]) -> StoredRows:
        return self._rows.rows(live, keys) if keys else StoredRows([], {})

    def _keep(
        self,
        live: LiveModel,
        answers: list[Answer],
        game_dates: dict[Key, date],
        *,
        again: Sequence[FeatureRow | RowFault] | None = None,
    ) -> None:
        """Hand the answers to the store, where predictions of stored rows stand beside the line that was known.

        `again`: the rows, where callers gave lines of their own; what is kept is then made without those.
        """
        self._metrics.count_answers(answers)
        if not game_dates:
            return
        said_at = clock.wall()

        def rows() -> list[dict[str, Any]]:
            said = answers if again is None else predict(live, again, [None] * len(again))
            return prediction_rows(live, said, game_dates, said_at)

        self._store.put(rows)


def _ask(live: LiveModel, request: PredictRequest, stored: StoredRows) -> Asked:
    """What is asked of `live`; `stored` has the rows by ids, in order."""
    lines = [row.line for row in request.rows]
    gathered = gather(live, _merged(request.rows, stored), lines)
    return Asked(live, gathered, stored.game_dates, has_lines=any(line is not None for line in lines))


def _keys(rows: Sequence[Row]) -> list[Key]:
    """Those of the rows by ids."""
    return [key for row in rows if row.features is None and (key := row.key) is not None]


def _merged(rows: Sequence[Row], stored: StoredRows) -> list[FeatureRow | RowFault]:
    """The stored row of each row by ids, the caller's own of each by features, in order."""
    found = iter(stored.rows)
    return [next(found) if row.features is None else FeatureRow(row.features) for row in rows]


def _check_hash(live: LiveModel, expected: str | None) -> None:
    if expected not in (None, live.version.feature_set_hash):
        raise InvalidRequestError(
            f"The model reads {live.version.feature_set} as {live.version.feature_set_hash}, not as {expected}.",
            field="feature_set_hash",
            remedy="GET /model tells the hash of the model that answers.",
        )


def _card(live: LiveModel, status: str, reason: str | None) -> ModelCard:
    version, metadata = live.version, live.model.metadata
    return ModelCard(
        status=status,
        reason=reason,
        model_name=version.model_name,
        version=version.version,
        stage=live.stage,
        system=version.system,
        sha256=version.sha256,
        target=version.target,
        estimates=metadata.estimates,
        feature_set=version.feature_set,
        feature_set_hash=version.feature_set_hash,
        features=metadata.features,
        accepted_features=live.feature_set.names,
        build_id=version.build_id,
        population=metadata.population,
        train_from=version.train_from,
        train_to=version.train_to,
        metrics=version.metrics,
        library_versions=metadata.library_versions,
        run_id=version.run_id,
        registered_at=version.registered_at,
        lineage=Lineage(
            git_commit=metadata.git_commit,
            dataset_sha256=metadata.dataset_sha256,
            training_samples=metadata.training_samples,
            seed=metadata.seed,
            hyperparameters=metadata.hyperparameters,
            created_at=metadata.created_at,
            artifact_uri=version.artifact_uri,
        ),
    )
