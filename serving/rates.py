"""How often a caller may ask: a bucket of tokens for each, filled at the rate that the settings allow."""

from __future__ import annotations

from collections import OrderedDict

MOST_CALLERS = 10_000
"""Callers remembered at once; the longest silent is forgotten first, and starts with a full bucket again."""


class Rates:
    """At most `per_second` requests a second for each caller, a second's worth at once; 0: as many as they like."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(per_second, 1.0)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def is_over(self, caller: str, now: float) -> bool:
        """Whether the request of `caller` at `now` (monotonic seconds) is one too many; if not, it is counted."""
        if not self._per_second:
            return False
        left, since = self._left.pop(caller, (self._most, now))
        left = min(self._most, left + (now - since) * self._per_second)
        is_over = left < 1
        self._left[caller] = left if is_over else left - 1, now
        if len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        return is_over
