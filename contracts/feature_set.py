"""The identity of a feature set: what a model binds to, and what the feature table is filled by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One column of the feature table, and its definition.

    `low` and `high` bound the values (None: no bound); the range is a check that reports and never alters.
    `null_reason` says why the value is NULL where its source is there. `may_be_constant` exempts it from
    the rule that a constant column fails a build.
    """

    name: str
    builder: str
    definition: str
    low: float | None = None
    high: float | None = None
    null_reason: str | None = None
    may_be_constant: bool = False


@dataclass(frozen=True)
class FeatureSet:
    """An ordered list of features under a name; order and definitions ARE the version."""

    name: str
    features: tuple[Feature, ...]
    accept_closing_game_lines: bool = False

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return [feature.name for feature in self.features]

    @property
    def hash(self) -> str:
        """SHA-256 (hex) over the ordered (name, definition) list and the declared use of closing lines."""
        identity = [[feature.name, feature.definition] for feature in self.features]
        text = json.dumps([identity, self.accept_closing_game_lines], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
