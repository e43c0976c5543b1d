"""What a batch is about: the player-games expected on a date, for each system wanted, and a hash of its inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.feature_set import FeatureSet
from contracts.home import REGISTERED_MODEL
from contracts.populations import population
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from features.table.row_hash import row_hashes
from features.table.rows import current_build, read_rows
from registry.stages import Stage
from registry.versions import ModelVersion, list_versions, version_in_stage
from serving.faults import NoProductionError, UnknownSystemError
from serving.freshness import Freshness
from serving.live import resolve_version
from serving.lookup import find_slate
from systems.catalog import system_names

PRODUCTION = "production"

Key = tuple[str, int]
"""(game_id, player_id)."""


@dataclass(frozen=True)
class ExpectedRow:
    """One player-game that one system is to predict, by a version of the registry (None: none answers to it)."""

    system: str
    model_version: int | None
    game_id: str
    player_id: int


@dataclass(frozen=True)
class Expectation:
    """Everything that a batch of `game_date` must end with, and what it would be predicted from, as a hash."""

    game_date: date
    rows: Sequence[ExpectedRow]
    inputs_hash: str


def expect(
    engine: sa.Engine,
    settings: Settings,
    game_date: date,
    freshness: Freshness | None = None,
    model_name: str = REGISTERED_MODEL,
) -> Expectation:
    """What is expected on `game_date`, told before anything runs: by the slate of the current builds alone.

    `freshness` remembers which dates are stale between two calls.

    Raises NoGamesError where nobody is expected.
    """
    wanted = wanted_versions(engine, settings.coordinator.systems, model_name)
    names = {version.feature_set for version in wanted.values() if version is not None}
    sets = [load_feature_set(name) for name in sorted(names | {settings.training.feature_set})]
    slates = {chosen.name: _slate(engine, chosen, game_date) for chosen in sets}
    keys = sorted({key for slate in slates.values() for key in slate.select("game_id", "player_id").rows()})
    if not keys:  # the same words as the service's
        find_slate(engine, load_feature_set(settings.training.feature_set), game_date)
    rows = [
        ExpectedRow(system, version.version if version is not None else None, *key)
        for system, version in wanted.items()
        for key in keys
    ]
    known = freshness or Freshness(engine, settings)
    stale = [chosen.name for chosen in sets if game_date in known.stale(chosen)]
    return Expectation(game_date, rows, _hash(slates, stale, wanted))


def wanted_versions(
    engine: sa.Engine, names: Iterable[str] | None, model_name: str = REGISTERED_MODEL
) -> dict[str, ModelVersion | None]:
    """What predicts a slate: each of `names` with the version that answers to it now, or None.

    Without names: every system that has a version, the version in Production for its own system, and Staging where
    its version would otherwise not be asked; where there is no version at all, production, which nothing answers to.
    """
    if names is not None:
        return {name: _resolve(engine, model_name, name) for name in dict.fromkeys(names)}
    known = {version.system for version in list_versions(engine, model_name)}
    found = {name: _resolve(engine, model_name, name) for name in [*system_names(), *sorted(known)] if name in known}
    live = version_in_stage(engine, Stage.PRODUCTION, model_name)
    if live is not None:
        found[live.system] = live
    staging = version_in_stage(engine, Stage.STAGING, model_name)
    if staging is not None and found[staging.system] != staging:
        found["staging"] = staging
    return found or {PRODUCTION: None}


def _resolve(engine: sa.Engine, model_name: str, name: str) -> ModelVersion | None:
    try:
        return resolve_version(engine, model_name, name)[0]
    except (NoProductionError, UnknownSystemError):
        return None


def _slate(engine: sa.Engine, feature_set: FeatureSet, game_date: date) -> pl.DataFrame:
    """What the current build of the set says of the date's expected player-games; empty where it is not built."""
    columns = ["game_id", "player_id", "line", *feature_set.names]
    if current_build(engine, feature_set) is None:
        return pl.DataFrame(schema={"game_id": pl.String, "player_id": pl.Int64})
    rows = read_rows(
        engine,
        feature_set,
        date_from=game_date,
        date_to=game_date,
        columns=list(dict.fromkeys(["is_expected", *columns])),
    )
    return rows.filter(population("expected")).select(columns)


def _hash(slates: Mapping[str, pl.DataFrame], stale: Sequence[str], wanted: Mapping[str, ModelVersion | None]) -> str:
    """SHA-256 (hex) of every expected row's values, of the versions asked, and of the sets whose rows are stale.

    What happened since is not in it; a build that only says that the rows are right after all is.
    """
    digest = hashlib.sha256(f"stale: {' '.join(stale)};".encode())
    for name, slate in sorted(slates.items()):
        words = row_hashes(slate).sort().to_numpy().astype("<i8").tobytes() if slate.height else b""
        digest.update(f"{name}:{slate.height}:".encode() + words)
    for system, version in sorted(wanted.items()):
        digest.update(
            f"{system}={version.version if version else None}:{version.sha256 if version else None};".encode()
        )
    return digest.hexdigest()
