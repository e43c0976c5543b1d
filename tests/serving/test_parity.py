"""Ten thousand stored rows through HTTP: the bits of the model applied offline, by ids and by features alike."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest

from registry.stages import Stage
from registry.versions import production
from serving.faults import InvalidRequestError
from serving.http import parse
from serving.live import load_live
from serving.schemas import PredictRequest

pytestmark = pytest.mark.slow

N_ROWS = 10_000
A_REQUEST = 500


@pytest.fixture(scope="module")
def world(make_league: Any, make_world: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A league large enough, with an xgboost in Production."""
    folder = tmp_path_factory.mktemp("parity")
    made = make_world(make_league(folder / "league", n_teams=8, regular_games=60, n_seasons=2), folder / "home")
    made.move(made.register("xgboost"), Stage.PRODUCTION)
    yield made
    made.engine.dispose()


def bits(value: float | None) -> bytes:
    return struct.pack("<d", float("nan") if value is None else value)


def test_ten_thousand_rows_are_bit_equal_offline_by_ids_and_by_features(world, start_service):
    rows = world.rows().head(N_ROWS)
    assert rows.height == N_ROWS
    names = world.feature_set.names
    live = load_live(production(world.engine), Stage.PRODUCTION, world.home)
    matrix = rows.select(pl.col(live.model.metadata.features).cast(pl.Float64)).fill_null(np.nan).to_numpy()
    offline = live.model.predict(matrix)
    expected = [
        (bits(point), bits(low), bits(high))
        for point, low, high in zip(offline.point, offline.low, offline.high, strict=True)
    ]
    with start_service(world) as service:
        for start in range(0, N_ROWS, A_REQUEST):
            block = rows[start : start + A_REQUEST]
            ids = [{"player_id": p, "game_id": g} for g, p in block.select("game_id", "player_id").rows()]
            features = [{"features": values} for values in block.select(names).to_dicts()]
            for asked in (ids, features):
                # one row goes another way than many: both are asked for
                said = service.predict(asked).json()["predictions"] if start else one_by_one(service, asked)
                found = [
                    (bits(each["predicted_points"]), *map(bits, each["interval"])) if each["error"] is None else each
                    for each in said
                ]
                assert found == expected[start : start + A_REQUEST]
                missing = [[name for name in names if row[name] is None] for row in block.select(names).to_dicts()]
                assert [each["missing"] for each in said] == missing


def one_by_one(service: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [service.predict([row]).json()["predictions"][0] for row in rows]


@pytest.mark.parametrize("value", ["1e39", "-1e300", "NaN", "Infinity", "-Infinity", '"1"'])
def test_what_training_refused_serving_refuses(value):
    """Training takes no infinite value and none beyond float32 (systems/base.py, systems/narrow.py)."""
    with pytest.raises(InvalidRequestError) as refused:
        parse(PredictRequest, f'{{"rows": [{{"features": {{"pace_score": {value}}}}}]}}'.encode())
    assert refused.value.field == "rows.0.features.pace_score"
