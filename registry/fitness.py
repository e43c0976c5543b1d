"""Whether a challenger's files may serve: what is told of them, and what they did in a process of their own. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from contracts.settings import GateSettings
from registry.verdict import Test

SHA256 = re.compile(r"[0-9a-f]{64}")
MEGABYTE = 1e6


@dataclass(frozen=True)
class Trial:
    """What a fresh process with the service's environment found: `fault` says why the version cannot answer (None: it
    loads, and its golden rows come out to the bit); `latency_ms` is the median time of one row's prediction."""

    fault: str | None
    n_golden_rows: int = 0
    latency_ms: float | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Provenance:
    """What binds a version to its code and data.

    `commit` is None where it was trained by an installed tipoff: then `versions` (by distribution) must name which. In
    a checkout `is_dirty` says whether the code had changes that no commit holds (None: not known).
    `declared_hash` is that of its feature set as it is declared now (None: no set of that name).
    """

    feature_set: str
    set_hash: str
    declared_hash: str | None
    run_id: str
    sha256: str
    dataset_sha256: str
    commit: str | None
    is_dirty: bool | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def judge_files(trial: Trial, settings: GateSettings) -> Iterator[Test]:
    """Whether it loads and proves itself, how fast it answers, how large it is."""
    limit = "loads, golden rows equal"
    if trial.fault is not None:
        detail = f"In a fresh process with the service's environment it does not answer: {trial.fault}"
        yield Test("model_loads", False, detail, None, limit)
        return
    detail = (
        "A fresh process with the service's environment loaded it, its checksum held and "
        f"{trial.n_golden_rows} of {trial.n_golden_rows} golden rows came out to the bit."
    )
    yield Test("model_loads", True, detail, float(trial.n_golden_rows), limit)
    yield _within(
        "latency", "The median time of one row's prediction is", trial.latency_ms, settings.max_latency_ms, "ms"
    )
    size = None if trial.size_bytes is None else trial.size_bytes / MEGABYTE
    yield _within("size", "Its files have", size, settings.max_size_mb, "MB")


def judge_provenance(provenance: Provenance, settings: GateSettings) -> Iterator[Test]:
    """Whether its feature set is known as it was trained on, and whether run, commit, data and libraries are told."""
    yield _feature_set_known(provenance)
    lacking = list(_lacking(provenance))
    if provenance.commit and not settings.accept_changed_code:
        lacking += _changes(provenance)
    told = (
        f"Run {provenance.run_id[:12]}, {_source(provenance)}, data sha256 {provenance.dataset_sha256[:12]}, "
        f"files sha256 {provenance.sha256[:12]}, {len(provenance.versions)} library versions"
    )
    detail = f"Not told: {', '.join(lacking)}. {told}." if lacking else f"{told}."
    yield Test("provenance_complete", not lacking, detail, float(len(lacking)), "0 facts missing")


def _source(facts: Provenance) -> str:
    if not facts.commit:
        return f"tipoff {facts.versions.get('tipoff')}"
    return f"commit {facts.commit[:12]}" + (" with changes that it does not hold" if facts.is_dirty else "")


def _changes(facts: Provenance) -> Iterator[str]:
    """Why the commit does not say which code it was."""
    if facts.is_dirty:
        yield "the code (it was trained with changes that no commit holds: commit them and train again)"
    elif facts.is_dirty is None:
        yield "whether the code had changes that no commit holds (train again)"


def _within(name: str, what: str, figure: float | None, most: float, unit: str) -> Test:
    if figure is None:
        return Test(name, False, f"{what} unknown.", None, f"<= {most:g} {unit}")
    return Test(
        name, figure <= most, f"{what} {figure:.2f} {unit}; at most {most:g} {unit}.", figure, f"<= {most:g} {unit}"
    )


def _feature_set_known(facts: Provenance) -> Test:
    absent = (
        f" Features absent from the model: {', '.join(facts.absent)}." if facts.absent else " No feature is absent."
    )
    if facts.declared_hash is None:
        said = f"Feature set {facts.feature_set} is not declared: trained on hash {facts.set_hash[:12]}."
    elif facts.declared_hash != facts.set_hash:
        said = (
            f"Feature set {facts.feature_set} is declared with hash {facts.declared_hash[:12]}, "
            f"trained on {facts.set_hash[:12]}: train again."
        )
    else:
        said = f"Feature set {facts.feature_set} has the hash it was trained on, {facts.set_hash[:12]}."
    return Test("feature_set_known", facts.declared_hash == facts.set_hash, said + absent, None, "the declared hash")


def _lacking(facts: Provenance) -> Iterator[str]:
    if not facts.run_id:
        yield "the run"
    if not facts.commit and "tipoff" not in facts.versions:
        yield "the commit, or the installed version of tipoff"
    if not SHA256.fullmatch(facts.dataset_sha256) or not facts.dataset_sha256.strip("0"):
        yield "the digest of the data"
    if not SHA256.fullmatch(facts.sha256):
        yield "the sha256 of the files"
    unknown = [name for name in facts.libraries if name not in facts.versions]
    if unknown or not facts.versions:
        yield f"the versions of {', '.join(unknown) or 'its libraries'}"
