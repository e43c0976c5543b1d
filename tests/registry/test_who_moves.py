"""Nothing but the promotion module moves a version: neither in our history nor in MLflow."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("benchmarks", "features", "monitoring", "registry", "serving", "systems", "tipoff", "training")
MOVES_IN_MLFLOW = {
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "transition_model_version_stage",
    "update_model_version",
    "update_registered_model",
    "create_model_version",
    "create_registered_model",
    "delete_model_version",
    "delete_registered_model",
    "set_model_version_tag",
    "set_registered_model_tag",
    "delete_model_version_tag",
    "delete_registered_model_tag",
    "register_model",
}
ALLOWED = {"registry/mlflow_mirror.py", "registry/mlflow_client.py"}


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((PROJECT / package).rglob("*.py"))]


def calls_in(text: str) -> set[str]:
    """The names of all that is called or handed on as an attribute."""
    return {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}


def test_only_the_mirror_calls_what_moves_versions_in_mlflow() -> None:
    movers = {
        path.relative_to(PROJECT).as_posix() for path in sources() if calls_in(path.read_text()) & MOVES_IN_MLFLOW
    }
    assert movers == ALLOWED


@pytest.mark.parametrize(
    "planted", ["client.set_registered_model_alias(name, 'production', 3)", "m = c.register_model"]
)
def test_a_planted_move_would_be_found(planted: str) -> None:
    assert calls_in(planted) & MOVES_IN_MLFLOW


def test_only_the_chain_writes_to_the_history() -> None:
    writes = re.compile(r"insert\(\s*promotion_history|INSERT INTO promotion_history")
    writers = {path.relative_to(PROJECT).as_posix() for path in sources() if writes.search(path.read_text())}
    assert writers == {"registry/chain.py"}
