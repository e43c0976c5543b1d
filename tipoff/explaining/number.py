"""Where the number of one prediction comes from: its features, what moved it, its version, run, build and sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from contracts.errors import TipoffError
from contracts.feature_set import FeatureSet
from features.builders.compute import BUILDERS
from features.feature_sets import load_feature_set
from features.table.rows import read_rows
from features.table.versioned_rows import as_of, builder_table
from registry.versions import get_version, stage_of
from serving.live import load_live
from serving.predictor import FeatureRow, explain
from tipoff.explaining.built import missing_features
from tipoff.lineage import trace

if TYPE_CHECKING:
    from tipoff.wiring import Wiring

TOP = 10
"""Features that are told to have moved it, the strongest first."""


def explain_number(wiring: Wiring, prediction_id: int) -> dict[str, Any]:
    """prediction, features, source_dates (by builder), moved, then what `registry lineage` says of it.

    `moved` has base, contributions and rest, in the target's unit; `fault` in their place where the version cannot
    answer any more. `features` are those of the build that it was made from, each with its builder and, where it has
    no value, the reason. Raises UsageError where there is no such prediction.
    """
    links = trace(wiring, f"prediction:{prediction_id}")["links"]
    said = links.pop("predictions")[0]
    feature_set = load_feature_set(said["feature_set"])
    key = (said["game_id"], said["player_id"])
    rows = read_rows(wiring.engine, feature_set, build_id=said["build_id"], player_games=[key])
    row: dict[str, Any] = rows.row(0, named=True) if rows.height else {}
    return {
        "prediction": said,
        "features": _features(feature_set, row),
        "source_dates": _source_dates(wiring.engine, feature_set, said),
        "moved": _moved(wiring, said, feature_set, row),
        "lineage": links,
    }


def _features(feature_set: FeatureSet, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """name, value, builder, reason (why it has no value) of each feature, in the set's order; none without a row."""
    if not row:
        return []
    reasons = missing_features(row["missing"])
    return [
        {
            "name": feature.name,
            "value": row[feature.name],
            "builder": feature.builder,
            "reason": reasons.get(feature.name),
            "definition": feature.definition,
        }
        for feature in feature_set.features
    ]


def _source_dates(engine: sa.Engine, feature_set: FeatureSet, said: Mapping[str, Any]) -> dict[str, Any]:
    """builder -> the latest source date of its row about the player-game (a team's builder: of the game), if any."""
    found: dict[str, Any] = {}
    with engine.connect() as connection:
        for builder in BUILDERS:
            table = builder_table(builder, feature_set)
            query = sa.select(sa.func.max(table.c.max_source_date)).where(
                table.c.game_id == said["game_id"], as_of(table, said["build_id"])
            )
            if "player_id" in table.c:
                query = query.where(table.c.player_id == said["player_id"])
            found[builder] = connection.scalar(query)
    return found


def _moved(wiring: Wiring, said: Mapping[str, Any], feature_set: FeatureSet, row: Mapping[str, Any]) -> dict[str, Any]:
    if not row:
        return {"fault": f"Build {said['build_id']} has no row of it any more."}
    version = get_version(wiring.engine, said["model_version"])
    try:
        live = load_live(version, stage_of(wiring.engine, version.version), wiring.home)
    except TipoffError as error:
        return {"fault": error.message}
    asked = FeatureRow(
        values={name: row[name] for name in feature_set.names},
        player_id=said["player_id"],
        game_id=said["game_id"],
        build_id=said["build_id"],
        feature_set_hash=feature_set.hash,
        known_line=row["line"],
    )
    told = explain(live, asked, said["line"], top=TOP)
    if told.error is not None:
        return {"fault": told.error.message}
    return {
        "predicted_again": told.predicted_points,
        "base": told.base,
        "contributions": [each.model_dump() for each in told.contributions or []],
        "rest": told.rest,
    }
