"""The least that answers with a prediction: FastAPI and XGBoost's inplace_predict, nothing checked, kept or told.

Started by `python -m benchmarks.bare_fastapi MODEL_FILE PORT`; what `make bench-serving` holds the service against.
"""

from __future__ import annotations

import sys

import numpy as np
import uvicorn
import xgboost
from fastapi import FastAPI
from pydantic import BaseModel


class Body(BaseModel):
    """Rows of features by name; null: missing."""

    rows: list[dict[str, float | None]]


def make_app(model_file: str) -> FastAPI:
    """POST /predict over the booster in `model_file`, with one thread a prediction."""
    booster = xgboost.Booster(model_file=model_file)
    booster.set_param({"nthread": 1})
    names = booster.feature_names
    app = FastAPI()

    @app.post("/predict")
    async def predict(body: Body) -> dict[str, list[float]]:
        matrix = np.array([[row[name] for name in names] for row in body.rows], dtype=np.float32)
        return {"predictions": booster.inplace_predict(matrix).tolist()}

    return app


if __name__ == "__main__":
    uvicorn.run(make_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
