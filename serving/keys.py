"""Keys of a body: one that stands twice in an object is found, where JSON parsers silently take the last."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from pydantic import BaseModel

from serving.schemas import Row

COLON = ord(":")


def repeated_key(asked: BaseModel, content: bytes) -> str | None:
    """The first key that an object of `content` has twice (None: none does); `asked` is what it was read as.

    Each key brings a colon, and of the values only a system's name may hold one: where the colons are as many as the
    keys that were read, nothing was dropped, and the body is not parsed again.
    """
    if np.count_nonzero(np.frombuffer(content, dtype=np.uint8) == COLON) == _n_colons(asked):
        return None
    found: list[str] = []
    json.loads(content, object_pairs_hook=lambda pairs: _keep_repeated(pairs, found))
    return found[0] if found else None


def _n_colons(value: object) -> int:
    if isinstance(value, Row):  # there are many, and none of its texts may hold a colon
        return len(value.model_fields_set) + len(value.features or ())
    if isinstance(value, BaseModel):
        given, values = value.model_fields_set, value.__dict__
        return len(given) + sum([_n_colons(values[name]) for name in given])
    if isinstance(value, list):
        return sum(map(_n_colons, value))
    if isinstance(value, dict):  # of plain values
        return len(value)
    return value.count(":") if isinstance(value, str) else 0


def _keep_repeated(pairs: list[tuple[str, Any]], found: list[str]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    found.extend(name for place, name in enumerate(names) if name in names[:place])
    return dict(pairs)
