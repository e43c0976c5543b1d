"""The gate's evidence, gathered and judged: what `registry.promotion.promote` asks for a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from contracts.errors import TipoffError
from features.feature_sets import feature_set_names, load_feature_set
from features.table.status import stale_dates
from monitoring.shadow import read_shadow
from registry.attempts import count_attempt
from registry.evidence import Evidence
from registry.fitness import Provenance, Trial, judge_files, judge_provenance
from registry.gate import decide, level_of
from registry.stages import Stage
from registry.verdict import Test, Verdict
from registry.versions import ModelVersion, entered_stage_at
from serving.live import LiveModel
from serving.trial import try_version
from systems.catalog import system_class
from systems.versions import library_versions
from tipoff.same_rows import SameRows, first_validated_date, gather_rows, load
from training.source import find_source

if TYPE_CHECKING:
    from registry.promotion import Judge
    from tipoff.wiring import Wiring


def make_judge(wiring: Wiring, to: Stage = Stage.PRODUCTION) -> Judge:
    """What a promotion to `to` asks for a verdict: both versions predict the same rows afresh.

    A version that cannot answer fails the verdict, which says why, and so does a champion that cannot any more: only an
    override goes past it.
    """

    def judge(challenger: ModelVersion, champion: ModelVersion | None) -> Verdict:
        trial = _try(wiring, challenger)
        tests = list(judge_files(trial, wiring.settings.gate))
        if trial.fault is not None:
            return Verdict.of(tests, _about(challenger, champion, None))
        live = load(wiring, challenger)
        tests += judge_provenance(_provenance(live), wiring.settings.gate)
        if to == Stage.PRODUCTION:
            tests += _judge_shadow(wiring, challenger, champion)
        champion_live, fault = _load_champion(wiring, challenger, champion)
        tests += fault
        evidence = gather_evidence(wiring, live, champion_live)
        tests += decide(evidence, wiring.settings.gate).tests
        return Verdict.of(tests, _about(challenger, champion, evidence, live) | _spent(wiring, evidence))

    return judge


def gather_evidence(wiring: Wiring, live: LiveModel, champion: LiveModel | None) -> Evidence:
    """Everything the gate asks for, on rows that neither version has seen; there may be none.

    The rows are those of the challenger's training population, from its validation dates on, after the last date that
    either version was trained on. The attempt is counted before any error is reckoned.
    Raises RefusedError where nothing is built.
    """
    models = (live,) if champion is None else (champion, live)
    same = gather_rows(wiring, models, first_validated_date(live))
    chosen = same.rows.in_population
    return Evidence(
        population=same.rows.population,
        build_id=same.rows.build_id,
        dates=same.rows.dates[chosen],
        actual=same.actual[chosen],
        challenger=same.contender(len(models) - 1),
        champion=None if champion is None else same.contender(0),
        baselines=same.baselines(),
        line=same.line[chosen],
        known_dates=same.known_dates,
        stale=_stale(wiring, live),
        slices=() if champion is None else same.slices(),
        alone=same.alone(),
        attempt=1 if champion is None else _count(wiring, live.version, champion.version, same),
    )


def _try(wiring: Wiring, version: ModelVersion) -> Trial:
    told = try_version(wiring.home, version.version, version.model_name)
    return Trial(told["fault"], told.get("golden_rows", 0), told.get("latency_ms"), told.get("size_bytes"))


def _provenance(live: LiveModel) -> Provenance:
    version, metadata = live.version, live.model.metadata
    known = version.feature_set in feature_set_names()
    return Provenance(
        feature_set=version.feature_set,
        set_hash=version.feature_set_hash,
        declared_hash=load_feature_set(version.feature_set).hash if known else None,
        run_id=version.run_id,
        sha256=version.sha256,
        dataset_sha256=metadata.dataset_sha256,
        commit=metadata.git_commit,
        is_dirty=metadata.git_dirty,
        versions=metadata.library_versions,
        libraries=tuple(name for name in system_class(version.system).libraries if name in library_versions([name])),
        absent=tuple(metadata.absent_features),
    )


def _judge_shadow(wiring: Wiring, challenger: ModelVersion, champion: ModelVersion | None) -> Iterator[Test]:
    """Whether Staging was graded beside Production for as long as the settings ask; asked for nothing, not tested."""
    wanted = wiring.settings.gate.shadow_dates
    if wanted == 0 or champion is None:
        return
    since = entered_stage_at(wiring.engine, challenger.version, Stage.STAGING, challenger.model_name)
    if since is None:
        detail = f"{challenger.title} is not in Staging: `tipoff promote --version {challenger.version} --to staging`."
        yield Test("shadow_period", False, detail, 0.0, f">= {wanted}")
        return
    shadow = read_shadow(wiring.engine, challenger.version, champion.version, since)
    detail = (
        f"In Staging since {since:%Y-%m-%d %H:%M} UTC; graded live beside {champion.title} on {shadow.n_dates} dates "
        f"({shadow.n_rows:,} player-games); {wanted} dates are wanted."
    )
    if shadow.n_rows:
        detail += f" MAE there {shadow.staging_mae:.4f} against {shadow.production_mae:.4f}."
    yield Test("shadow_period", shadow.n_dates >= wanted, detail, float(shadow.n_dates), f">= {wanted}")


def _load_champion(
    wiring: Wiring, challenger: ModelVersion, champion: ModelVersion | None
) -> tuple[LiveModel | None, list[Test]]:
    """The champion, or the test that says why it cannot be asked."""
    try:
        if champion is None or champion.target == challenger.target:
            return (None if champion is None else load(wiring, champion)), []
        fault = f"{champion.title} predicts {champion.target}, {challenger.title} {challenger.target}."
    except TipoffError as error:
        fault = error.message
    detail = f"The version in Production cannot be held against it: {fault}"
    return None, [Test("champion_answers", False, detail, limit="it loads, proves itself and predicts the same")]


def _stale(wiring: Wiring, live: LiveModel) -> str | None:
    dates = stale_dates(wiring.engine, live.feature_set, wiring.settings)
    return f"{len(dates)} dates from {min(dates)} on; build them again: `tipoff features backfill`" if dates else None


def _count(wiring: Wiring, challenger: ModelVersion, champion: ModelVersion, same: SameRows) -> int:
    chosen = same.rows.dates[same.rows.in_population]
    if len(chosen) == 0:
        return 1  # nothing can be seen, so nothing is spent
    return count_attempt(
        wiring.engine,
        challenger.model_name,
        champion=champion.version,
        challenger=challenger.version,
        build_id=same.rows.build_id,
        date_to=date.fromisoformat(str(chosen.max())),
        n_rows=len(chosen),
    )


def _about(
    challenger: ModelVersion, champion: ModelVersion | None, evidence: Evidence | None, live: LiveModel | None = None
) -> dict[str, Any]:
    """What a verdict was found on: versions, rows, data and code."""
    about: dict[str, Any] = {
        "challenger": challenger.version,
        "champion": champion.version if champion else None,
        "feature_set": challenger.feature_set,
        "feature_set_hash": challenger.feature_set_hash,
        "judged_by": {"commit": find_source().commit, **library_versions(["tipoff", "numpy"])},
    }
    if live is not None:
        about["trained_by"] = {"commit": live.model.metadata.git_commit, **live.model.metadata.library_versions}
        about["trained_on"] = {"build_id": challenger.build_id, "dataset_sha256": live.model.metadata.dataset_sha256}
    if evidence is not None:
        about["judged_on"] = _rows_of(evidence)
    return about


def _rows_of(evidence: Evidence) -> dict[str, Any]:
    dates = evidence.dates
    return {
        "build_id": evidence.build_id,
        "population": evidence.population,
        "rows": evidence.n_rows,
        "date_from": str(dates.min()) if len(dates) else None,
        "date_to": str(dates.max()) if len(dates) else None,
    }


def _spent(wiring: Wiring, evidence: Evidence) -> dict[str, Any]:
    if evidence.champion is None:
        return {}
    return {"attempt": evidence.attempt, "level": level_of(evidence.attempt, wiring.settings.gate)}
