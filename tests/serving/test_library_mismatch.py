"""Trained with one library version, served with another: what changes a golden row never answers over HTTP."""

from __future__ import annotations

import math
from typing import Any

import pytest

from contracts.model_metadata import ModelMetadata

pytestmark = pytest.mark.slow  # a service for each

OLD = "1.7.6"


def older(metadata: ModelMetadata) -> ModelMetadata:
    """As if another xgboost had trained it, which gave the very same predictions."""
    return metadata.model_copy(update={"library_versions": metadata.library_versions | {"xgboost-cpu": OLD}})


def older_and_off(metadata: ModelMetadata) -> ModelMetadata:
    """... which gave another last bit for one golden row."""
    first, *others = metadata.golden_rows
    off = first.model_copy(update={"predicted": math.nextafter(first.predicted, math.inf)})
    return older(metadata).model_copy(update={"golden_rows": [off, *others]})


def ready(service: Any, http_status: int, **wanted: Any) -> dict[str, Any]:
    """What /readyz says once it says what is `wanted`."""
    for _ in range(600):
        told = service.wait_for("/readyz", http_status).json()
        said = told.get("error", told)
        if wanted.items() <= said.items():
            return dict(said)
    raise AssertionError(told)


def test_a_mismatch_that_changes_a_golden_row_is_refused_and_the_last_good_goes_on(world, start_service):
    with start_service(world) as service:
        first = service.promote("xgboost", edit=older_and_off)
        told = ready(service, 503, code="not_ready")
        assert f"xgboost-cpu {OLD} -> " in told["message"]
        assert "golden row 0" in told["message"]
        assert "Install the versions" in told["remedy"]
        assert service.predict([{"features": {"points_avg_season": 20.0}}]).json()["error"]["code"] == "not_ready"

        good = service.promote("xgboost", seed=8)
        ready(service, 200, status="ready", model_version=good.version)

        worse = service.promote("xgboost", seed=9, edit=older_and_off)
        told = ready(service, 200, status="degraded")
        assert f"Version {worse.version} is in Production and does not load" in told["reason"]
        assert f"xgboost-cpu {OLD} -> " in told["reason"]
        row = service.predict([{"features": {"points_avg_season": 20.0}}]).json()["predictions"][0]
        assert (row["model_version"], row["model_sha256"]) == (good.version, good.sha256)
        assert row["model_sha256"] not in (first.sha256, worse.sha256)


def test_a_mismatch_that_changes_no_golden_row_is_answered_with_and_told(world, start_service):
    with start_service(world) as service:
        version = service.promote("xgboost", edit=older)
        ready(service, 200, status="ready", model_version=version.version)
        assert service.client.get("/model").json()["library_versions"]["xgboost-cpu"] == OLD
