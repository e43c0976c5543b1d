"""Which libraries a prediction was made with."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version


def library_versions(distributions: Sequence[str]) -> dict[str, str]:
    """Python's version and those of the installed among `distributions`, by name.

    One library may come as one of several distributions (xgboost or xgboost-cpu), so an absent one is left out.
    """
    versions = {"python": platform.python_version()}
    for name in distributions:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
