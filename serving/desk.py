"""What the service does with a well-formed request, apart from HTTP: one method an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.settings import ServingSettings
from registry.stages import Stage
from registry.versions import version_in_stage
from serving.faults import InvalidRequestError
from serving.freshness import Freshness
from serving.live import LiveModel
from serving.lookup import StoredRows
from serving.metrics import Metrics
from serving.predictor import FeatureRow, RowFault, check_names, explain, predict
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

QUICK_ROWS = 128
"""At most so many rows, by features or known by ids, are answered on the event loop, ..."""
QUICK_SECONDS = 0.003
"""... where the model that answers predicts them in this time: to hand them to a thread costs more."""


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
        self.slot = slot

    def is_quick(self, request: PredictRequest) -> bool:
        """Whether `predict` waits for no database about it, and takes next to no time."""
        rows, live = request.rows, self.slot.state().live
        if request.system != "production" or live is None or len(rows) > QUICK_ROWS:
            return False
        if live.seconds_for(len(rows)) > QUICK_SECONDS:
            return False
        keys = [key for row in rows if row.features is None and (key := row.key) is not None]
        return not keys or self._rows.has(live, keys)

    def predict(self, request: PredictRequest) -> PredictResponse:
        """An answer for each row, all from one model.

        Raises InvalidRequestError, NoProductionError, NotReadyError, UnknownSystemError.
        """
        if len(request.rows) > self._settings.max_rows:
            raise InvalidRequestError(
                f"{len(request.rows)} rows; at most {self._settings.max_rows} are taken at once.",
                field="rows",
                remedy="Send them in several requests.",
            )
        live = self.slot.resolve(request.system)
        _check_hash(live, request.feature_set_hash)
        check_names(live, [row.features for row in request.rows])
        stored = self._find(live, request.rows)
        answers = predict(live, stored.rows, [row.line for row in request.rows])
        self._keep(live, stored, answers, has_lines=any(row.line is not None for row in request.rows))
        return PredictResponse(predictions=answers)

    def predict_batch(self, request: PredictBatchRequest) -> PredictBatchResponse:
        """The slate of a date.

        Raises NoGamesError, and what `predict` raises.
        """
        live = self.slot.resolve(request.system)
        slate = answer_slate(live, request.game_date, self._rows.slate(live, request.game_date))
        self._keep(live, slate.stored, slate.answers, has_lines=False)
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
        check_names(live, [request.row.features])
        row = self._find(live, [request.row]).rows[0]
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
        """Stop following the registry, write what waits, close the database."""
        self.slot.stop()
        self._freshness.stop()
        self._store.stop()
        self._engine.dispose()

    def _shadow(self, game_date: date) -> list[dict[str, Any]]:
        """What Staging says of the same slate, where a version stands there; in the store's thread."""
        if version_in_stage(self._engine, Stage.STAGING, self.slot.model_name) is None:
            return []
        return shadow_rows(self._engine, lambda: self.slot.resolve("staging"), game_date, self._freshness)

    def _find(self, live: LiveModel, rows: Sequence[Row]) -> StoredRows:
        """The stored row of each row by ids, the caller's own of each by features, in order."""
        keys = [key for row in rows if (key := row.key) is not None]
        stored = self._rows.rows(live, keys) if keys else StoredRows([], {})
        found = iter(stored.rows)
        merged: list[FeatureRow | RowFault] = [
            next(found) if row.features is None else FeatureRow(row.features) for row in rows
        ]
        return StoredRows(merged, stored.game_dates)

    def _keep(self, live: LiveModel, stored: StoredRows, answers: list[Answer], *, has_lines: bool) -> None:
        """Hand the answers to the store; those to a caller's own lines are made again for the known."""
        self._metrics.count_answers(answers)
        if not stored.game_dates:
            return
        said_at = clock.wall()

        def rows() -> list[dict[str, Any]]:
            said = predict(live, stored.rows, [None] * len(stored.rows)) if has_lines else answers
            return prediction_rows(live, said, stored.game_dates, said_at)

        self._store.put(rows)


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
