"""What MLflow's pages should show of our versions: stages, aliases, tags and readable descriptions. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from registry.history import Entry
from registry.proofs import Proof
from registry.stages import Stage
from registry.verdict import Verdict
from registry.versions import ModelVersion

ARTIFACT_TAG = "tipoff.verdict_artifact"
"""Names the artifact of the version's run that holds its latest entry with a verdict, whole, as JSON."""


PRUNED_TAG = "tipoff.pruned"


@dataclass(frozen=True)
class VersionPicture:
    """What MLflow should show of one version; `verdict` is its latest judged entry of the history, plain."""

    version: int
    run_id: str
    stage: Stage
    tags: Mapping[str, str]
    description: str
    verdict: Mapping[str, Any] | None


@dataclass(frozen=True)
class Picture:
    """What MLflow should show of a registered model; `aliases` name -> version number.

    `head` is the newest entry of the whole history when the picture was drawn.
    """

    model_name: str
    versions: tuple[VersionPicture, ...]
    aliases: Mapping[str, int]
    tags: Mapping[str, str]
    description: str
    head: str


@dataclass(frozen=True)
class Change:
    """One place where MLflow differs: `subject` 'model' or 'version 3', `field` as 'stage' or 'alias production'."""

    subject: str
    field: str
    found: str | None
    wanted: str | None

    def __str__(self) -> str:
        def shown(value: str | None) -> str:
            return "nothing" if value is None else f"{value.splitlines()[0][:60]!r}"

        return f"{self.subject}, {self.field}: {shown(self.found)} instead of {shown(self.wanted)}"


def draw(
    model_name: str,
    versions: Sequence[ModelVersion],
    entries: Sequence[Entry],
    *,
    way_back: Sequence[int],
    head: str,
    proofs: Mapping[int, Proof] | None = None,
    pruned: Collection[int] = (),
) -> Picture:
    """The picture of `versions` as `entries` (all of the model's, in order) have left them.

    `proofs` by the entry they prove; `pruned` the versions whose files were deleted.
    """
    by_version = {
        version.version: [entry for entry in entries if entry.version == version.version] for version in versions
    }
    pictures = tuple(
        _version_picture(version, by_version[version.version], proofs or {}, is_pruned=version.version in pruned)
        for version in versions
    )
    stages = {picture.version: picture.stage for picture in pictures}
    aliases = _aliases(stages, way_back)
    return Picture(
        model_name,
        pictures,
        aliases,
        {"tipoff.history_head": head},
        _model_description(versions, by_version, aliases),
        head,
    )


def version_tags(version: ModelVersion) -> dict[str, str]:
    """What never changes about a version, as tags."""
    return {
        "system": version.system,
        "target": version.target,
        "feature_set": version.feature_set,
        "feature_set_hash": version.feature_set_hash,
        "build_id": str(version.build_id),
        "sha256": version.sha256,
        "trained": _trained(version),
    }


def _aliases(stages: Mapping[int, Stage], way_back: Sequence[int]) -> dict[str, int]:
    aliases = {
        str(stage).lower(): version for version, stage in stages.items() if stage in (Stage.STAGING, Stage.PRODUCTION)
    }
    return aliases | ({"previous": way_back[-2]} if len(way_back) > 1 else {})


def _version_picture(
    version: ModelVersion, entries: Sequence[Entry], proofs: Mapping[int, Proof], *, is_pruned: bool
) -> VersionPicture:
    moved = _last_move(entries)
    judged = _last_judged(entries)
    tags = version_tags(version) | {"tipoff.stage": str(moved.to_stage), "tipoff.since": _minute(moved.at)}
    kept = None
    if judged is not None and judged.verdict is not None:
        tags["tipoff.verdict"] = Verdict.from_json(judged.verdict).summary()
        tags[ARTIFACT_TAG] = f"gate/verdict-{judged.seq:06d}.json"
        kept = judged.to_json()
    description = _version_description(version, moved, judged, proofs.get(moved.seq))
    if is_pruned:
        tags[PRUNED_TAG] = "true"
        description = f"Pruned: its files were deleted, it can never answer again.\n\n{description}"
    return VersionPicture(version.version, version.run_id, moved.to_stage, tags, description, kept)


def _version_description(version: ModelVersion, moved: Entry, judged: Entry | None, proof: Proof | None) -> str:
    parts = [
        _standing(version, moved) + (f" {proof}" if proof is not None else ""),
        f"Predicts **{version.target}** with `{version.system}` over feature set `{version.feature_set}` "
        f"({version.feature_set_hash[:12]}), build {version.build_id}; {_trained(version)}. "
        f"Files: sha256 `{version.sha256[:12]}`.",
    ]
    if judged is not None:
        parts.append(_judgement(judged))
    figures = _metric_table(list(_metrics_in(version.metrics)))
    if figures:
        parts.append(f"**Validation at registration**\n\n{figures}")
    return "\n\n".join(parts)


def _standing(version: ModelVersion, moved: Entry) -> str:
    if moved.action == "register":
        command = f"`tipoff promote --version {version.version}`"
        return f"Not promoted yet: {_moved(moved)}. {command} holds the gate over it."
    live = ": this version answers" if moved.to_stage == Stage.PRODUCTION else ""
    return f"{moved.to_stage}{live}, {_moved(moved)}."


def _moved(moved: Entry) -> str:
    """'promoted 2026-11-23 02:35 UTC by ana (the reason)'."""
    words = {"register": "registered", "promote": "promoted", "rollback": "brought back", "archive": "archived"}
    why = f" ({moved.reason})" if moved.reason else ""
    return f"{words[moved.action]} {_minute(moved.at)} by {moved.actor}{why}"


def _judgement(judged: Entry) -> str:
    verdict = Verdict.from_json(judged.verdict or {"tests": []})
    return f"**Gate of {_minute(judged.at)}**: {_outcome(judged)}\n\n{verdict.to_markdown()}"


def _outcome(judged: Entry) -> str:
    """'passed 23 of 23 tests', and where the move went another way than the verdict, who willed it and why."""
    verdict = Verdict.from_json(judged.verdict or {"tests": []})
    if judged.action == "promote" and not verdict.passed:
        return f"{verdict.summary()}, **overridden** by {judged.actor}: {judged.reason}"
    if judged.action == "refuse" and verdict.passed:
        return f"{verdict.summary()}, but refused: {judged.reason}"
    return verdict.summary()


def _model_description(
    versions: Sequence[ModelVersion], by_version: Mapping[int, Sequence[Entry]], aliases: Mapping[str, int]
) -> str:
    known = {version.version: version for version in versions}
    lines = ["No version is in Production: `tipoff promote` holds the gate over the newest one."]
    if "production" in aliases:
        live = known[aliases["production"]]
        lines = [f"**Live: {live.title}**, {_moved(_last_move(by_version[live.version]))}."]
        judged = _last_judged(by_version[live.version])
        if judged is not None and judged.verdict is not None:
            lines.append(f"Why: its gate {_outcome(judged)}. {_better(judged.verdict)}".strip())
    if "previous" in aliases:
        lines.append(f"Way back: {known[aliases['previous']].title}, by `tipoff rollback --reason TEXT`.")
    if "staging" in aliases:
        lines.append(f"In Staging: {known[aliases['staging']].title}.")
    lines.append(
        "Stages, aliases and tags here follow tipoff's promotion history (`tipoff registry history`), which is the "
        "truth: moving them by hand changes nothing, and `tipoff registry repair` puts them back."
    )
    return "\n\n".join(lines)


def _better(verdict: Mapping[str, Any]) -> str:
    """The sentence of the paired test, or of a baseline where there was no champion."""
    details = {test["name"]: test["detail"] for test in verdict["tests"]}
    chosen = [name for name in details if name.startswith("better_than_")]
    return str(details[chosen[0]]) if chosen else ""


def _metric_table(metrics: Sequence[Mapping[str, Any]]) -> str:
    """A row for each population with its dates and number of rows, a column for each figure."""
    names = list(dict.fromkeys(metric["name"] for metric in metrics))
    cells: dict[tuple[Any, ...], dict[str, str]] = {}
    for metric in metrics:
        about = (metric["population"], metric.get("date_from", ""), metric.get("date_to", ""), metric["n"])
        cells.setdefault(about, {})[metric["name"]] = f"{metric['value']:.4f}"
    titles = " | ".join(name.replace("_", " ") for name in names)
    rows = [
        f"| {population} | {first} to {last} | {n:,} | {' | '.join(values.get(name, '') for name in names)} |"
        for (population, first, last, n), values in cells.items()
    ]
    head = [f"| population | dates | rows | {titles} |", f"|---|---|---:|{'---:|' * len(names)}"]
    return "\n".join([*head, *rows]) if rows else ""


def _metrics_in(metrics: Any) -> Iterator[Mapping[str, Any]]:
    """Everything in `metrics`, however nested, that has the keys of a Metric."""
    if isinstance(metrics, Mapping):
        if {"name", "value", "n", "population"} <= set(metrics):
            yield metrics
        else:
            for value in metrics.values():
                yield from _metrics_in(value)
    elif isinstance(metrics, list | tuple):
        for value in metrics:
            yield from _metrics_in(value)


def _last_move(entries: Sequence[Entry]) -> Entry:
    return [entry for entry in entries if entry.action != "refuse"][-1]


def _last_judged(entries: Sequence[Entry]) -> Entry | None:
    judged = [entry for entry in entries if entry.verdict is not None]
    return judged[-1] if judged else None


def _trained(version: ModelVersion) -> str:
    if version.train_to is None:
        return "nothing was fitted"
    return f"trained on {version.train_from} to {version.train_to}"


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
