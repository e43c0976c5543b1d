"""Where the service listens when nobody tells it."""

from __future__ import annotations

import os

from contracts.errors import UsageError
from contracts.settings import ServingSettings


def default_port(settings: ServingSettings) -> int:
    """PORT, by which platforms that run containers tell theirs, else the settings' port.

    Raises UsageError where PORT is no port.
    """
    told = os.environ.get("PORT")
    if not told:
        return settings.port
    if not told.isdecimal() or not 1 <= int(told) <= 65535:
        raise UsageError(f"PORT is {told!r}, which is not a port.", remedy="Set it to 1 to 65535, or unset it.")
    return int(told)
