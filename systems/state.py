"""The small states of systems as JSON: what was fitted, under names, every double to the bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from contracts.errors import RefusedError
from contracts.settings import Section

State = TypeVar("State", bound=Section)

TRAIN_AGAIN = "Train the model again: `tipoff train`."


def write_state(state: Section, path: Path) -> None:
    """Write `state` to `path`; the same bytes for the same state."""
    path.write_text(json.dumps(state.model_dump(), indent=2, allow_nan=False) + "\n")


def read_state(kind: type[State], path: Path) -> State:
    """What `write_state` wrote.

    Raises RefusedError where the file is absent, damaged, or not of `kind`.
    """
    try:
        content: Any = json.loads(path.read_text())
        return kind.model_validate(content)
    except (OSError, ValueError, ValidationError) as error:
        raise RefusedError(f"{path} cannot be read: {error}.", remedy=TRAIN_AGAIN) from error
