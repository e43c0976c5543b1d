"""From float64 to the float32 that tree libraries compute in: one place, for fitting and predicting alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from systems.base import Floats


def to_float32(matrix: Floats, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """`matrix` (n, len(names)) rounded to float32, NaN kept; a row gives the same bits alone or among others.

    Raises ValueError naming the column where a value is beyond what float32 holds.
    """
    with np.errstate(over="ignore"):
        narrow = np.ascontiguousarray(matrix, dtype=np.float32)
    if np.isinf(narrow).any():
        column = int(np.flatnonzero(np.isinf(narrow).any(axis=0))[0])
        raise ValueError(f"{names[column]} is beyond what float32 holds")
    return narrow
