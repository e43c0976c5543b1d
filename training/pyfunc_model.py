"""The model as MLflow loads it (`mlflow models serve`, `mlflow.pyfunc.load_model`): our folder, proved, behind pyfunc.

MLflow runs this file when the model is loaded ("models from code"), so nothing is pickled; calling `set_model` at its
end is how MLflow finds the model, and is the one thing in this project that an import does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from systems.model import Model, load_model

ARTIFACT = "native"


class NativeModel(PythonModel):
    """A frame with the model's features as float64 columns in; point, low and high out, one row each."""

    _model: Model

    def load_context(self, context: PythonModelContext) -> None:
        """Load the folder; its golden rows must hold.

        Raises RefusedError where they do not.
        """
        self._model = load_model(Path(context.artifacts[ARTIFACT]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Columns `predicted` and its 80 % interval `low`, `high`."""
        matrix = model_input[self._model.metadata.features].to_numpy(dtype="float64")
        predictions = self._model.predict(matrix)
        return pd.DataFrame({"predicted": predictions.point, "low": predictions.low, "high": predictions.high})


mlflow.models.set_model(NativeModel())
