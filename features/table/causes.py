"""Why rows of two builds differ: what each was made from, date by date, held beside the other's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property

import sqlalchemy as sa

from contracts.database import read_frame
from contracts.feature_set import FeatureSet
from contracts.tables import build_dates, builds, raw_digests
from features.table.inputs import KNOWN_FROM_THE_NEXT_DAY, is_used
from features.table.raw_history import Found, raw_digests_at


class Cause(StrEnum):
    """Why a row is not the same in two builds; a row may have several."""

    RAW = "raw_correction"
    """Facts that it may know changed: corrected, deleted, moved, come late, of a kind ingested for the first time."""
    CODE = "code"
    DEFINITION = "definition"
    SETTINGS = "settings"
    NOT_BUILT = "not_built"
    """One of the two builds had not computed the date."""
    NOT_RECORDED = "not_recorded"
    """Its inputs changed, in which way was not yet kept when one of the builds was made."""
    UNEXPLAINED = "unexplained"
    """Nothing that makes a row changed: report it."""


@dataclass(frozen=True)
class RawChange:
    """Facts of one kind and date that two builds found different."""

    kind: str
    game_date: date


@dataclass(frozen=True)
class Reasons:
    """Why rows of one date differ; `raw` says which facts, `new_kinds` which were ingested for the first time."""

    causes: tuple[Cause, ...]
    raw: tuple[RawChange, ...] = ()
    new_kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """What a build was made by and under: `settings_hash` and `ingested` are None where that was not kept yet."""

    build_id: int
    feature_set: str
    feature_set_hash: str
    code_hash: str
    settings_hash: str | None
    ingested: frozenset[str] | None


class History:
    """Which build computed which date from what, as it is kept in the database."""

    def __init__(self, connection: sa.Connection) -> None:
        """Read the history of all builds."""
        self._connection = connection
        self._made = {row["build_id"]: _made(row) for row in connection.execute(sa.select(builds)).mappings()}
        self._digests: dict[int, Found] = {}
        self._raw_changes: dict[tuple[int, int], list[RawChange]] = {}
        first = connection.execute(sa.select(sa.func.min(raw_digests.c.from_build))).scalar()
        self._first_with_raw = first if first is not None else max(self._made, default=0) + 1

    def reasons(self, day: date, a: int, b: int, feature_sets: Mapping[str, FeatureSet]) -> Reasons:
        """Why rows of `day` are not the same in builds `a` and `b`."""
        then, now = self._computed_by(day, a), self._computed_by(day, b)
        # a build that computed nothing of the date has left no row there, knowing what it knew
        old, new = self._made[then or a], self._made[now or b if now != then else b]
        raw = [each for each in self._changed_facts(old, new) if _may_know(day, each, feature_sets, old, new)]
        if then is None or now is None:
            raw = [each for each in raw if each.game_date == day]
            return Reasons((*([Cause.RAW] if raw else []), Cause.NOT_BUILT), tuple(raw))
        kinds = sorted(new.ingested ^ old.ingested) if new.ingested is not None and old.ingested is not None else []
        causes = [Cause.RAW] if raw or kinds else []
        if now != then:  # else the date is gone, and its rows with it, whoever made them
            causes += [cause for cause, differs in _of_maker(old, new) if differs]
        if not causes:
            is_same = self._inputs_hash(then, day) == self._inputs_hash(now, day) and now != then
            causes = [Cause.UNEXPLAINED if is_same else Cause.NOT_RECORDED]
        return Reasons(tuple(causes), tuple(raw), tuple(kinds))

    def _computed_by(self, day: date, build_id: int) -> int | None:
        """The newest build up to `build_id`, of the same set, that computed `day`; None where none did."""
        name = self._made[build_id].feature_set
        makers = [made for made, _ in self._dates.get(day, []) if made <= build_id]
        return max((made for made in makers if self._made[made].feature_set == name), default=None)

    def _inputs_hash(self, build_id: int, day: date) -> str:
        return dict(self._dates[day])[build_id]

    def _changed_facts(self, old: Made, new: Made) -> Sequence[RawChange]:
        """Kinds and dates whose facts the two builds found different, where both were kept."""
        pair = (old.build_id, new.build_id)
        if min(pair) < self._first_with_raw:
            return []
        if pair not in self._raw_changes:
            then, now = (self._found(build_id) for build_id in pair)
            differing = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
            self._raw_changes[pair] = [RawChange(kind, day) for kind, day in differing]
        return self._raw_changes[pair]

    def _found(self, build_id: int) -> Found:
        if build_id not in self._digests:
            self._digests[build_id] = raw_digests_at(self._connection, build_id)
        return self._digests[build_id]

    @cached_property
    def _dates(self) -> dict[date, list[tuple[int, str]]]:
        dates: dict[date, list[tuple[int, str]]] = {}
        for row in read_frame(self._connection, sa.select(build_dates)).iter_rows(named=True):
            dates.setdefault(row["game_date"], []).append((row["build_id"], row["inputs_hash"]))
        return dates


def _made(row: sa.RowMapping) -> Made:
    inputs = row["inputs"] or {}
    ingested = inputs.get("ingested")
    return Made(
        build_id=row["build_id"],
        feature_set=row["feature_set"],
        feature_set_hash=row["feature_set_hash"],
        code_hash=row["code_hash"],
        settings_hash=inputs.get("settings_hash"),
        ingested=None if ingested is None else frozenset(ingested),
    )


def _of_maker(old: Made, new: Made) -> list[tuple[Cause, bool]]:
    settings = {old.settings_hash, new.settings_hash}
    return [
        (Cause.CODE, old.code_hash != new.code_hash),
        (Cause.DEFINITION, old.feature_set_hash != new.feature_set_hash),
        (Cause.SETTINGS, None not in settings and len(settings) > 1),
    ]


def _may_know(day: date, change: RawChange, feature_sets: Mapping[str, FeatureSet], old: Made, new: Made) -> bool:
    """Whether rows of `day` may know the facts that changed."""
    is_past = change.game_date < day or (change.game_date == day and change.kind not in KNOWN_FROM_THE_NEXT_DAY)
    return is_past and any(is_used(change.kind, feature_sets[made.feature_set]) for made in (old, new))
