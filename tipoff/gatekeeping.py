"""The gate's evidence, gathered: where registry, features, systems and training meet to judge a version."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from contracts.errors import RefusedError, TipoffError
from contracts.metrics import Floats
from features.feature_sets import feature_set_names, load_feature_set
from features.table.rows import current_build, read_rows
from features.table.status import stale_dates
from registry.evidence import Contender, Evidence, FeatureFacts
from registry.gate import decide
from registry.verdict import Test, Verdict
from registry.versions import ModelVersion, stage_of
from serving.live import LiveModel, load_live
from training.dataset import Dataset, make_dataset
from training.evaluation import baseline_predictions

if TYPE_CHECKING:
    from registry.promotion import Judge
    from tipoff.wiring import Wiring


def make_judge(wiring: Wiring) -> Judge:
    """What `registry.promotion.promote` asks for a verdict: both versions predict the same rows afresh.

    A champion that cannot answer any more fails the verdict, which says why: only an override goes past it.
    """

    def judge(challenger: ModelVersion, champion: ModelVersion | None) -> Verdict:
        fault = _fault(wiring, champion)
        evidence = gather_evidence(wiring, challenger, champion, has_champion=champion is not None and fault is None)
        verdict = decide(evidence, wiring.settings.gate)
        if fault is None:
            return verdict
        detail = f"The version in Production cannot be held against it: {fault}"
        return Verdict.of([Test("champion_answers", False, detail, limit="it loads and proves itself"), *verdict.tests])

    return judge


def gather_evidence(
    wiring: Wiring, challenger: ModelVersion, champion: ModelVersion | None, *, has_champion: bool
) -> Evidence:
    """Everything the gate asks for, on rows that neither version has seen.

    The rows are those of the challenger's training population, from its validation dates on, after the last date that
    either version was trained on. Without `has_champion` the champion is not asked.
    Raises RefusedError where there are none, or where a model does not verify.
    """
    live = _load(wiring, challenger)
    rows = _unseen_rows(wiring, live, champion)
    chosen = rows.in_population
    baselines = baseline_predictions(rows.frame, rows.feature_set.names, rows.target)
    return Evidence(
        population=rows.population,
        build_id=rows.build_id,
        dates=rows.dates[chosen],
        actual=rows.frame["target"].to_numpy()[chosen],
        challenger=_contender(live, _matrix_for(wiring, live, rows)[chosen]),
        champion=_champion(wiring, champion, rows) if has_champion else None,
        baselines={name: predictions[chosen] for name, predictions in baselines.items()},
        line=rows.matrix(["line"])[chosen, 0],
        features=_feature_facts(wiring, live),
    )


def _fault(wiring: Wiring, champion: ModelVersion | None) -> str | None:
    """Why the champion cannot be asked, or None."""
    try:
        if champion is not None:
            _load(wiring, champion)
    except TipoffError as error:
        return error.message
    return None


def _load(wiring: Wiring, version: ModelVersion) -> LiveModel:
    return load_live(version, stage_of(wiring.engine, version.version, version.model_name), wiring.home)


def _unseen_rows(wiring: Wiring, live: LiveModel, champion: ModelVersion | None) -> Dataset:
    """The rows of the newest build that neither has seen; at least one is in the population."""
    metadata = live.model.metadata
    build = current_build(wiring.engine, live.feature_set)
    if build is None:
        raise RefusedError(f"{live.feature_set.name} has no build.", remedy="Run `tipoff features backfill`.")
    first = _first_unseen_date(live.version, champion)
    frame = read_rows(wiring.engine, live.feature_set, build_id=build.build_id, date_from=first)
    rows = make_dataset(
        frame, live.feature_set, target=metadata.target, population=metadata.population, build_id=build.build_id
    )
    if not rows.in_population.any():
        raise RefusedError(
            f"There are no rows of {metadata.population} from {first} on, which neither version has seen.",
            remedy="Ingest later games and run `tipoff features backfill`, or train up to an earlier date.",
        )
    return rows


def _first_unseen_date(challenger: ModelVersion, champion: ModelVersion | None) -> date:
    """The first validation date of the challenger, or the day after either's training where that is later."""
    validated = min(date.fromisoformat(metric["date_from"]) for metric in challenger.metrics)
    seen = [version.train_to for version in (challenger, champion) if version is not None and version.train_to]
    return max([validated, *(last + timedelta(days=1) for last in seen)])


def _champion(wiring: Wiring, champion: ModelVersion | None, rows: Dataset) -> Contender | None:
    if champion is None:
        return None
    live = _load(wiring, champion)
    return _contender(live, _matrix_for(wiring, live, rows)[rows.in_population])


def _contender(live: LiveModel, matrix: Floats) -> Contender:
    return Contender(
        name=live.version.title,
        system=live.version.system,
        predictions=live.model.predict(matrix).point,
        estimates=live.model.metadata.estimates,
        train_to=live.version.train_to,
    )


def _matrix_for(wiring: Wiring, live: LiveModel, rows: Dataset) -> Floats:
    """What the model reads of the same player-games, in the same order, from its own feature set's rows."""
    names = live.model.metadata.features
    if live.feature_set == rows.feature_set:
        return rows.matrix(names)
    span = rows.frame["game_date"]
    own = read_rows(wiring.engine, live.feature_set, date_from=span.min(), date_to=span.max())  # type: ignore[arg-type]  # dates
    key = ["game_id", "player_id"]
    joined = rows.frame.select(key).join(own.select(*key, *names), on=key, how="left", maintain_order="left")
    matrix: Floats = joined.select(pl.col(names).cast(pl.Float64)).to_numpy().astype(np.float64)
    return matrix


def _feature_facts(wiring: Wiring, live: LiveModel) -> FeatureFacts:
    name = live.version.feature_set
    dates = stale_dates(wiring.engine, live.feature_set, wiring.settings)
    stale = f"{len(dates)} dates from {min(dates)} on; build them again: `tipoff features backfill`" if dates else None
    return FeatureFacts(
        feature_set=name,
        set_hash=live.version.feature_set_hash,
        declared_hash=load_feature_set(name).hash if name in feature_set_names() else None,
        stale=stale,
        absent=tuple(live.model.metadata.absent_features),
    )
