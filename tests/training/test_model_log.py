"""Logging a model: without MLflow's look at every installed package, which takes longer than all the rest."""

from __future__ import annotations

import sys

import mlflow
import pytest
from mlflow.utils.lazy_load import LazyLoader

from training.model_log import VERSIONS_CHECK, _sure_of_versions


def test_mlflows_look_at_what_is_installed_is_put_aside_where_its_stand_in_is_not_loaded_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = sys.modules["mlflow.pyfunc"]
    own = getattr(module, VERSIONS_CHECK)
    monkeypatch.setattr(mlflow, "pyfunc", LazyLoader("mlflow.pyfunc", globals(), "mlflow.pyfunc"))
    with _sure_of_versions():
        assert getattr(module, VERSIONS_CHECK) is not own
    assert getattr(module, VERSIONS_CHECK) is own
