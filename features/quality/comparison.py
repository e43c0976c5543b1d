"""Gates against an earlier build: what shifted, collapsed, froze, was shuffled, turned round or came back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from contracts.feature_set import FeatureSet
from contracts.settings import QualitySettings
from features.quality.reference import SAME_DATES, Reference
from features.quality.statistics import (
    N_BINS,
    Floats,
    correlation,
    correlation_matrix,
    kolmogorov_smirnov,
    population_stability_index,
)
from features.quality.verdict import Bench, Outcome

FEW_VALUES = 10
"""A feature of no more distinct values follows the schedule rather than the player: its definition bounds it."""
MANY_VALUES = 100
"""A feature of no more distinct values is equal by chance now and then: equality says nothing about it."""


@dataclass(frozen=True)
class Pair:
    """A feature's values in the new rows and in the earlier ones; NaN is what is missing.

    `n_now` and `n_then` are how many players (teams, where a team's players share the value: `is_shared`) stand behind
    them: rows of one player say much the same, so that chance is told by these and not by the rows.
    """

    name: str
    now: Floats
    then: Floats
    n_now: int
    n_then: int
    is_shared: bool

    @cached_property
    def known(self) -> tuple[Floats, Floats]:
        """The values that are there, now and then."""
        return self.now[~np.isnan(self.now)], self.then[~np.isnan(self.then)]

    @property
    def chance(self) -> float:
        """1/n + 1/m over who stands behind the values: what a difference by chance grows with."""
        return 1 / max(self.n_now, 1) + 1 / max(self.n_then, 1)

    @cached_property
    def n_distinct_then(self) -> int:
        """Distinct values then."""
        return len(np.unique(self.known[1]))


def judge_comparison(bench: Bench, reference: Reference, feature_set: FeatureSet, settings: QualitySettings) -> None:
    """Every gate of this module that the rows suffice for.

    Where a source came since (a feature has values that had none), what stands on it moves rightly: the shifts are
    then told, not refused.
    """
    n = min(reference.new.height, reference.old.height)
    if n < settings.min_pairs:
        bench.not_judged(f"comparison with the {reference.kind}", n, settings.min_pairs)
        return
    every = _pairs(reference, feature_set)
    is_same = reference.kind == SAME_DATES
    passed_over = set() if is_same else _by_calendar(feature_set).union(settings.accumulating)
    pairs = [pair for pair in every if pair.name not in passed_over and _has_values(pair, settings)]
    source_came = is_same and any(len(pair.known[0]) and not len(pair.known[1]) for pair in every)
    otherwise = Outcome.WATCH if source_came else Outcome.FAILED
    fewest = FEW_VALUES if reference.is_settled else MANY_VALUES
    for pair in pairs:
        if pair.n_distinct_then > fewest:
            _judge_outside(bench, pair, otherwise, settings)
    if is_same:
        _judge_agreement(bench, reference, pairs, otherwise, settings)
    else:
        _judge_steps(bench, reference, pairs, settings)
        _judge_repetition(bench, reference, pairs, settings)
    if not reference.is_settled:
        bench.skip("shift", f"the season opened less than {settings.settling_days} days ago")
        return
    for pair in every:
        if is_same or (reference.is_over and pair.name not in settings.max_null_share_of):
            _judge_null_change(bench, pair, otherwise, settings)
    if n < settings.min_rows:
        bench.not_judged("shift", n, settings.min_rows)
        return
    for pair in pairs:
        _judge_shift(bench, pair, reference.kind, otherwise, settings)
        _judge_values(bench, pair, otherwise, settings)
    _judge_associations(bench, pairs, otherwise, settings)


def had_values(reference: Reference, feature_set: FeatureSet, settings: QualitySettings) -> list[str]:
    """The features that the earlier rows have values of: any in the same dates, more than a share in other ones.

    None where the season just opened: windows are empty then.
    """
    if not reference.is_settled:
        return []
    most_nulls = 1.0 if reference.kind == SAME_DATES else 1 - settings.max_lost_share
    old = reference.old
    if reference.kind != SAME_DATES:  # a source that came since the season before is known by this one
        old = old.filter(pl.col("season") == pl.col("season").max())
    return [name for name in feature_set.names if old.height and old[name].null_count() < most_nulls * old.height]


def _by_calendar(feature_set: FeatureSet) -> set[str]:
    """Features that the calendar decides: other dates have others of them."""
    return {feature.name for feature in feature_set.features if feature.may_be_constant}


def _has_values(pair: Pair, settings: QualitySettings) -> bool:
    return min(map(len, pair.known)) >= settings.min_values


def _pairs(reference: Reference, feature_set: FeatureSet) -> list[Pair]:
    """Each feature's values of the two sides, with who stands behind them."""
    sides = (reference.new, reference.old)
    now, then = (frame.select(pl.col(feature_set.names).fill_null(float("nan"))).to_numpy() for frame in sides)
    players, teams = ([frame[key].n_unique() for frame in sides] for key in ("player_id", "team_id"))
    shared = _shared_by_team(reference.old, feature_set)
    pairs = []
    for place, name in enumerate(feature_set.names):
        n_now, n_then = teams if name in shared else players
        pairs.append(Pair(name, now[:, place], then[:, place], n_now, n_then, is_shared=name in shared))
    return pairs


def _shared_by_team(rows: pl.DataFrame, feature_set: FeatureSet) -> set[str]:
    """The features of which the players of a team in a game nearly always have one value."""
    spread = pl.col(feature_set.names)
    shared = rows.group_by("game_id", "team_id").agg((spread.max() == spread.min()).fill_null(value=True))
    return {name for name in feature_set.names if (shared[name].mean() or 0.0) > 0.9}  # type: ignore[operator]


def _judge_null_change(bench: Bench, pair: Pair, otherwise: Outcome, settings: QualitySettings) -> None:
    now, then = float(np.isnan(pair.now).mean()), float(np.isnan(pair.then).mean())
    detail = f"NULL in {now:.1%} of the rows, {then:.1%} then"
    bench.at_most(
        "null_change", abs(now - then), settings.max_null_change, otherwise=otherwise, column=pair.name, detail=detail
    )


def _judge_outside(bench: Bench, pair: Pair, otherwise: Outcome, settings: QualitySettings) -> None:
    """Values outside the earlier ones' range, half of it wider: another unit is seen even on one date."""
    now, then = pair.known
    low, high = np.quantile(then, [0.005, 0.995])
    slack = max(high - low, abs(high) * 0.1) / 2
    share = float(((now < low - slack) | (now > high + slack)).mean())
    detail = f"{share:.1%} of the values outside {low - slack:g} to {high + slack:g}; {now.min():g} to {now.max():g}"
    bench.at_most("outside", share, settings.max_outside, otherwise=otherwise, column=pair.name, detail=detail)


def _judge_shift(bench: Bench, pair: Pair, kind: str, otherwise: Outcome, settings: QualitySettings) -> None:
    """PSI over the earlier deciles, KS beside it for people.

    Other dates are other games: what PSI is by chance alone, about (bins - 1)(1/n + 1/m), is allowed twice there.
    """
    now, then = pair.known
    psi, ks = population_stability_index(then, now), kolmogorov_smirnov(then, now)
    limit = settings.max_psi_same_dates
    if kind != SAME_DATES:
        limit = settings.max_psi_same_stage + 2 * (N_BINS - 1) * pair.chance
    detail = f"KS {ks:.2f} against the {kind}; median {np.median(now):g}, {np.median(then):g} then"
    bench.at_most("shift", psi, limit, otherwise=otherwise, column=pair.name, detail=detail)


def _judge_values(bench: Bench, pair: Pair, otherwise: Outcome, settings: QualitySettings) -> None:
    """Distinct values collapsed, or one value took over; on as many rows of both."""
    n = min(map(len, pair.known))
    now, then = (np.unique(values[:: len(values) // n][:n], return_counts=True)[1] for values in pair.known)
    detail = f"{len(now)} distinct values in {n} rows, {len(then)} then"
    ratio = len(now) / len(then)
    bench.at_least("distinct", ratio, settings.min_distinct_ratio, otherwise=otherwise, column=pair.name, detail=detail)
    shares = now.max() / n, then.max() / n
    detail = f"one value fills {shares[0]:.1%} of the rows, {shares[1]:.1%} then"
    rise = shares[0] - shares[1]
    bench.at_most("mode", rise, settings.max_mode_rise, otherwise=otherwise, column=pair.name, detail=detail)


def _judge_agreement(
    bench: Bench, reference: Reference, pairs: list[Pair], otherwise: Outcome, settings: QualitySettings
) -> None:
    """Each row against itself as it stood: shuffled players and turned signs keep every distribution."""
    key = ["game_id", "player_id"]
    places = reference.new.select(*key).with_row_index("now").join(
        reference.old.select(*key).with_row_index("then"), on=key, how="inner"
    )  # fmt: skip
    now, then = places["now"].to_numpy(), places["then"].to_numpy()
    for pair in pairs:
        both = ~np.isnan(pair.now[now]) & ~np.isnan(pair.then[then])
        first, second = pair.now[now][both], pair.then[then][both]
        if len(first) < settings.min_pairs or np.ptp(second) == 0:
            continue
        r = 1.0 if np.array_equal(first, second) else correlation(first, second)
        detail = f"correlation {r:.2f} with the same {len(first)} rows as they stood"
        bench.at_least("agreement", r, settings.min_agreement, otherwise=otherwise, column=pair.name, detail=detail)


def _judge_steps(bench: Bench, reference: Reference, pairs: list[Pair], settings: QualitySettings) -> None:
    """Each row against the same player's row before it, now as then: form moves slowly, and it does move.

    Only steps from one opponent to another count: within a play-off series all that an opponent decides stands still.
    A team's values of a season's first games are those of one game, then of two: they are held to it once they settled.
    """
    steps = _Steps.of(reference, settings.stage_days)
    n_now, n_then = int(steps.is_new.sum()), int((~steps.is_new).sum())
    if min(n_now, n_then) < settings.min_pairs:
        bench.not_judged("continuity", min(n_now, n_then), settings.min_pairs, "rows with one of the player before")
        return
    for pair in pairs:
        values = np.concatenate([pair.then, pair.now])
        before, after = values[steps.before], values[steps.after]
        known = ~np.isnan(before) & ~np.isnan(after)
        now, then = known & steps.is_new, known & ~steps.is_new
        if min(now.sum(), then.sum()) < settings.min_pairs:
            continue
        r_now, r_then = correlation(before[now], after[now]), correlation(before[then], after[then])
        is_slow = r_then >= settings.min_continuity and pair.n_distinct_then > FEW_VALUES
        if is_slow and (reference.is_settled or not pair.is_shared):
            detail = f"correlation {r_now:.2f} with the player's row before, {r_then:.2f} then"
            fall = r_then - r_now
            bench.at_most("continuity", fall, settings.max_continuity_fall, column=pair.name, detail=detail)
        if pair.n_distinct_then > MANY_VALUES:
            frozen, usual = (float((before[side] == after[side]).mean()) for side in (now, then))
            detail = f"{frozen:.1%} of the values are those of the player's row before, {usual:.1%} then"
            bench.at_most("frozen", frozen - usual, settings.max_frozen_rise, column=pair.name, detail=detail)


def _judge_repetition(bench: Bench, reference: Reference, pairs: list[Pair], settings: QualitySettings) -> None:
    """Values that the player had in an earlier season at this stage: last season's file, ingested again."""
    last = int(reference.new["season"].max())  # type: ignore[arg-type]
    earlier = (reference.old["season"] < last).to_numpy()
    now = (reference.new["season"] == last).to_numpy()
    players_then = reference.old["player_id"].to_numpy()[earlier]
    players_now = reference.new["player_id"].to_numpy()[now]
    is_shared = np.isin(players_now, players_then)
    if is_shared.sum() < settings.min_pairs:
        bench.not_judged("repeated", int(is_shared.sum()), settings.min_pairs, "rows of players of the season before")
        return
    for pair in pairs:
        if pair.n_distinct_then <= MANY_VALUES:
            continue
        had = set(zip(players_then.tolist(), pair.then[earlier].tolist(), strict=True))
        asked = zip(players_now[is_shared].tolist(), pair.now[now][is_shared].tolist(), strict=True)
        known = [item for item in asked if item[1] == item[1] and item[1] != 0.0]
        if len(known) < settings.min_pairs:
            continue
        share = sum(item in had for item in known) / len(known)
        detail = f"{share:.1%} of {len(known)} values are ones the player had at this stage a season ago"
        bench.at_most("repeated", share, settings.max_repeated, column=pair.name, detail=detail)


def _judge_associations(bench: Bench, pairs: list[Pair], otherwise: Outcome, settings: QualitySettings) -> None:
    """How a feature goes with the others: it changes where one is shuffled or turned round and all else is as it was.

    What a correlation changes by chance, about sqrt(1/n + 1/m), is allowed twice.
    """
    pairs = [pair for pair in pairs if _is_dense(pair)]
    if len(pairs) < 2:
        return
    now = correlation_matrix(np.column_stack([pair.now for pair in pairs]))
    then = correlation_matrix(np.column_stack([pair.then for pair in pairs]))
    chance = np.array([pair.chance for pair in pairs])
    change = np.abs(now - then) - 2 * np.sqrt(np.maximum.outer(chance, chance))
    for place, pair in enumerate(pairs):
        other = int(change[place].argmax())
        figure, limit = float(change[place, other]), settings.max_association_change
        detail = f"correlation with {pairs[other].name} {now[place, other]:.2f}, {then[place, other]:.2f} then"
        bench.at_most("association", figure, limit, otherwise=otherwise, column=pair.name, detail=detail)


def _is_dense(pair: Pair) -> bool:
    known = min(len(values) / len(every) for values, every in zip(pair.known, (pair.now, pair.then), strict=True))
    return known > 0.5 and all(np.ptp(values) > 0 for values in pair.known)


@dataclass(frozen=True)
class _Steps:
    """Places of consecutive rows of a player in (then, now) put together; `is_new`: the later one is of now.

    Against different opponents, at most so many days apart.
    """

    before: npt.NDArray[np.int64]
    after: npt.NDArray[np.int64]
    is_new: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, reference: Reference, most_days: int) -> _Steps:
        """Steps of at most `most_days` days."""
        keys = ["player_id", "game_date", "opponent_id"]
        both = pl.concat([reference.old.select(keys), reference.new.select(keys)])
        player, day = both["player_id"].to_numpy(), both["game_date"].to_physical().to_numpy()
        opponent = both["opponent_id"].to_numpy()
        order = np.lexsort((day, player))
        gap = np.diff(day[order])
        is_step = (np.diff(player[order]) == 0) & (gap > 0) & (gap <= most_days) & (np.diff(opponent[order]) != 0)
        before, after = order[:-1][is_step], order[1:][is_step]
        return cls(before, after, after >= reference.old.height)
