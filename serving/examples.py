"""Examples for the service's description: bodies that it takes and answers that it gives, each held to its schema."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from serving.schemas import (
    ErrorBody,
    ExplainRequest,
    ExplainResponse,
    ModelCard,
    PredictBatchRequest,
    PredictBatchResponse,
    PredictRequest,
    PredictResponse,
    Readiness,
)

SHA256 = "a97a89d7c76a7fd200e29b154283058cd5f700eff98be18789314ca33e6ff1a9"
DEFINITIONS = "251d39a52ceefa4f3b0fb5f8ef1a5f0d1a5fbd8a6d1a7a9f6ce1ea4bd47e7f21"
IDS = {"player_id": 203999, "game_id": "0022300869"}
MODEL = {"target": "points", "system": "xgboost", "model_version": 2, "model_sha256": SHA256, "stage": "Production"}

ANSWER: dict[str, Any] = {
    **IDS,
    "predicted_points": 25.82,
    "interval": [14.5, 37.33],
    "line": 24.5,
    "over_probability": 0.555,
    "missing": ["pct_paint", "pct_mid_range"],
    "out_of_range": [],
    **MODEL,
    "feature_set": "v2_33features",
    "build_id": 1,
    "error": None,
}
UNKNOWN: dict[str, Any] = {
    **ANSWER,
    **dict.fromkeys(("predicted_points", "interval", "line", "over_probability", "build_id")),
    "player_id": 1,
    "missing": [],
    "error": {"code": "unknown_player", "message": "No player 1 was ever ingested."},
}
MOVED = {"feature": "points_avg_season", "value": 26.1, "contribution": 9.4}

EXAMPLES: dict[type[BaseModel], dict[str, dict[str, Any]]] = {
    PredictRequest: {
        "by ids": {"rows": [{**IDS, "line": 24.5}], "system": "production"},
        "by features": {"rows": [{"features": {"points_avg_season": 26.1, "pace_score": None}, "line": 24.5}]},
    },
    PredictBatchRequest: {"a date": {"game_date": "2024-03-02"}},
    ExplainRequest: {"by ids": {"row": IDS, "top": 5}},
    PredictResponse: {
        "predicted": {"predictions": [ANSWER]},
        "a row without a prediction": {"predictions": [UNKNOWN]},
    },
    PredictBatchResponse: {
        "a slate": {"game_date": "2024-03-02", "expected": 2, "predicted": 1, "predictions": [ANSWER, UNKNOWN]}
    },
    ExplainResponse: {"explained": {**ANSWER, "base": 10.2, "contributions": [MOVED], "rest": 6.22}},
    ModelCard: {
        "a version": {
            "status": "ready",
            "reason": None,
            "model_name": "tipoff-points",
            "version": 2,
            "stage": "Production",
            "system": "xgboost",
            "sha256": SHA256,
            "target": "points",
            "estimates": "median",
            "feature_set": "v2_33features",
            "feature_set_hash": DEFINITIONS,
            "features": ["points_avg_last_5", "points_avg_season"],
            "accepted_features": ["points_avg_last_5", "points_avg_season", "pct_paint"],
            "build_id": 1,
            "population": "played",
            "train_from": "2019-10-31",
            "train_to": "2023-11-08",
            "metrics": [{"name": "mae", "value": 4.523, "n": 24514, "population": "played"}],
            "library_versions": {"xgboost-cpu": "3.2.0"},
            "run_id": "192a1782b63443d1968b289cf6476658",
            "registered_at": "2026-11-23T09:30:00Z",
            "lineage": {
                "git_commit": "3c16c1fd2f0b7f5c8f1c2e3d4a5b6c7d8e9f0a1b",
                "dataset_sha256": "7d1c0f1f6e1ee0b6f7a14e0f5f5c3b9cb52a8ec4de3a1d8d7ff1e0e4b6a5c4d3",
                "training_samples": 65087,
                "seed": 7,
                "hyperparameters": {"max_depth": 6},
                "created_at": "2026-11-23T09:29:40+00:00",
                "artifact_uri": "s3://models/tipoff/2",
            },
        }
    },
    Readiness: {
        "ready": {"status": "ready", "model_version": 2, "model_sha256": SHA256, "reason": None, "remedy": None}
    },
}
"""Body -> name -> example."""

ERROR_EXAMPLES: dict[str, dict[str, Any]] = {
    "401": {"code": "unauthorized", "message": "The bearer token is absent or wrong."},
    "404": {"code": "unknown_system", "message": "No version of tipoff-points answers to the system 'catboost'."},
    "405": {"code": "method_not_allowed", "message": "/predict does not answer to this method."},
    "408": {"code": "too_slow", "message": "The body did not come within 10 seconds."},
    "413": {"code": "too_large", "message": "2500000 bytes; at most 2000000 are taken."},
    "422": {
        "code": "invalid",
        "message": "'pace_scoer' is not a feature of v2_33features.",
        "field": "rows.0.features.pace_scoer",
        "remedy": "GET /model lists the names.",
    },
    "429": {"code": "too_many_requests", "message": "Too many requests at once.", "remedy": "Retry."},
    "503": {
        "code": "no_production",
        "message": "No version of tipoff-points is in Production.",
        "remedy": "Promote one: `tipoff promote`.",
    },
}
"""Status -> what `error` holds."""


def error_example(status: str) -> dict[str, Any]:
    """The whole body of an example of a refusal."""
    return ErrorBody.model_validate({"error": ERROR_EXAMPLES[status]}).model_dump()
