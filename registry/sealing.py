"""Seals: a hash over an entry and the one before, so that a chain of entries cannot be altered without a trace."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

FIRST_PREVIOUS_HASH = "0" * 64


def seal(unsealed: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the previous hash and the canonical JSON of an entry without its hash.

    An entry has at least `previous_hash` and `at`, an aware time.
    """
    plain = dict(unsealed) | {"at": unsealed["at"].astimezone(UTC).isoformat(timespec="microseconds")}
    return hashlib.sha256((plain["previous_hash"] + canonical(plain)).encode()).hexdigest()


def canonical(plain: object) -> str:
    """JSON that is the same for the same values: keys sorted, no spaces, ASCII; NaN is refused."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
