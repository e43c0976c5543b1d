"""How often the gate lets an equal challenger pass, and a better one: by simulation from two real versions' errors.

`python -m benchmarks.gate_calibration --home FOLDER --versions A B [--write]`: FOLDER is a TIPOFF_HOME in which both
versions are registered; `--write` writes docs/gate_calibration.md. Last line: one JSON object of shares.

Whole dates are drawn from the rows that neither version has seen, with all that happened on them, so that players of
one night go on sharing shocks and both versions' errors stay as alike as they are. Equal challengers: on each drawn
date a coin says which version is called the champion. Better by 1 %: each of the challenger's predictions then moves
1 % of its way to the result, which takes 1 % from every error.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.calibration_page import calibration_page
from contracts.metrics import Floats
from contracts.settings import GateSettings
from registry.bootstrap import lower_bound_by_date
from registry.evidence import Contender, Evidence, Slice
from registry.gate import decide, level_of
from registry.versions import get_version
from tipoff.same_rows import SameRows, gather_rows, load
from tipoff.wiring import wire

N_ROWS = 20_000
WEEKS = 26
TRIALS = 50
PAGE = Path(__file__).parents[1] / "docs" / "gate_calibration.md"


@dataclass(frozen=True)
class Pair:
    """Two versions over the same rows, cut into dates: `days[i]` are the places of date i's rows."""

    same: SameRows
    days: tuple[np.ndarray, ...]

    @staticmethod
    def of(same: SameRows) -> Pair:
        """The rows of the population, date by date."""
        places = np.flatnonzero(same.rows.in_population)
        _, starts = np.unique(same.rows.dates[places], return_index=True)
        return Pair(same, tuple(np.split(places, starts[1:])))

    @cached_property
    def gains(self) -> Floats:
        """By how much the second version's absolute error is under the first's, row by row."""
        first, second = (np.abs(said.point - self.same.actual) for said in self.same.predictions)
        return np.asarray(first - second, dtype=np.float64)

    @cached_property
    def baselines(self) -> dict[str, Floats]:
        """Each baseline over every row, NaN where the row is outside the population."""
        found: dict[str, Floats] = {}
        for name, values in self.same.baselines().items():
            found[name] = np.full(len(self.same.actual), np.nan)
            found[name][self.same.rows.in_population] = values
        return found


@dataclass(frozen=True)
class Draw:
    """Rows of drawn dates: `rows` places in the pair, `day` which drawn date each belongs to, `swapped` (rows,)."""

    rows: np.ndarray
    day: np.ndarray
    swapped: np.ndarray


def main() -> None:
    """Simulate, print and, if asked, write the page."""
    given = _arguments()
    os.environ["TIPOFF_HOME"] = str(given.home)
    wiring = wire()
    versions = [get_version(wiring.engine, number) for number in given.versions]
    pair = Pair.of(gather_rows(wiring, tuple(load(wiring, version) for version in versions)))
    settings = GateSettings()
    told = _facts(pair) | {"pair": " and ".join(version.title for version in versions)}
    print(json.dumps(told))
    found = simulate(pair, settings, given.simulations, np.random.default_rng(7))
    if given.write:
        PAGE.write_text(calibration_page(told, found, settings, given.simulations))
    print(json.dumps(found))


def simulate(pair: Pair, settings: GateSettings, n: int, rng: np.random.Generator) -> dict[str, float]:
    """The share of `n` challengers, seasons or sweeps that come to a promotion, by what they are."""
    tests: dict[str, Callable[[], bool]] = {
        "equal": lambda: decide(_evidence(pair, _draw(pair, rng), 0.0), settings).passed,
        "equal_by_mae_alone": lambda: bool(_gains(pair, _draw(pair, rng)).mean() > 0),
        "better_1_percent": lambda: decide(_evidence(pair, _draw(pair, rng), 0.01), settings).passed,
        "better_1_percent_26th_attempt": lambda: _passes(pair, _draw(pair, rng), settings, WEEKS, 0.01),
        "season_of_26_equals": lambda: any(
            _passes(pair, _draw(pair, rng), settings, week, 0.0) for week in range(1, WEEKS + 1)
        ),
        "season_of_26_equals_level_unspent": lambda: any(
            _passes(pair, _draw(pair, rng), settings, 1, 0.0) for _ in range(WEEKS)
        ),
        "sweep_winner": lambda: _winner_passes(pair, settings, rng, on_gate_rows=False),
        "sweep_winner_chosen_on_the_gate_s_rows": lambda: _winner_passes(pair, settings, rng, on_gate_rows=True),
    }
    return {name: _share(test, n, name) for name, test in tests.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate_calibration", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--versions", type=int, nargs=2, required=True)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def _share(test: Callable[[], bool], n: int, name: str) -> float:
    share = sum(test() for _ in range(n)) / n
    print(f"{name}: {share:.1%} of {n}", flush=True)
    return share


def _facts(pair: Pair) -> dict[str, float]:
    """How alike the two versions err, and how much a date's rows share."""
    first, second = (said.point - pair.same.actual for said in pair.same.predictions)
    rows = pair.same.rows.in_population
    return {
        "dates": len(pair.days),
        "rows": int(rows.sum()),
        "error_correlation": float(np.corrcoef(first[rows], second[rows])[0, 1]),
        "error_shock": _noise_and_shock(pair, first)[1],
        "error_shock_of_the_other": _noise_and_shock(pair, second)[1],
        "row_noise": _noise_and_shock(pair, pair.gains)[0],
        "date_shock": _noise_and_shock(pair, pair.gains)[1],
        "mae": float(np.abs(first[rows]).mean()),
        "mae_of_the_other": float(np.abs(second[rows]).mean()),
    }


def _noise_and_shock(pair: Pair, values: Floats) -> tuple[float, float]:
    """Standard deviations of what is a row's own, and of what a date's rows share (by moments; at least 0)."""
    means = np.array([values[day].mean() for day in pair.days])
    within = float(np.mean([values[day].var(ddof=1) for day in pair.days]))
    shock = max(0.0, float(means.var(ddof=1)) - within * float(np.mean([1 / len(day) for day in pair.days])))
    return math.sqrt(within), math.sqrt(shock)


def _draw(pair: Pair, rng: np.random.Generator) -> Draw:
    """Whole dates with replacement until there are N_ROWS rows, each with its coin."""
    chosen: list[int] = []
    n_rows = 0
    while n_rows < N_ROWS:
        chosen.append(int(rng.integers(len(pair.days))))
        n_rows += len(pair.days[chosen[-1]])
    sizes = [len(pair.days[place]) for place in chosen]
    rows = np.concatenate([pair.days[place] for place in chosen])
    return Draw(rows, np.repeat(np.arange(len(chosen)), sizes), np.repeat(rng.random(len(chosen)) < 0.5, sizes))


def _evidence(pair: Pair, draw: Draw, better: float) -> Evidence:
    """What the gate would be given, over all tests."""
    same, rows = pair.same, draw.rows
    dates = np.datetime64("2023-10-01", "D") + draw.day
    actual = same.actual[rows]
    champion, challenger = _sides(pair, draw, "point")
    challenger = challenger + better * (actual - challenger)
    low, high = _sides(pair, draw, "low")[1], _sides(pair, draw, "high")[1]
    chosen = same.rows.in_population[rows]
    parts = tuple(
        Slice(name, dates[part], actual[part], challenger=challenger[part], champion=champion[part])
        for name, part in ((name, mask[rows]) for name, mask in same.masks())
    )
    return Evidence(
        population=same.rows.population,
        build_id=same.rows.build_id,
        dates=dates[chosen],
        actual=actual[chosen],
        challenger=Contender("challenger", "a", challenger[chosen], "median", None, low[chosen], high[chosen]),
        champion=Contender("champion", "b", champion[chosen], "median", None),
        baselines={name: values[rows][chosen] for name, values in pair.baselines.items()},
        line=same.line[rows][chosen],
        known_dates=dates[chosen],
        slices=parts,
    )


def _sides(pair: Pair, draw: Draw, what: str) -> tuple[Floats, Floats]:
    """(champion, challenger): the two versions, changed over where the coin says so."""
    first, second = (getattr(said, what)[draw.rows] for said in pair.same.predictions)
    return np.where(draw.swapped, second, first), np.where(draw.swapped, first, second)


def _gains(pair: Pair, draw: Draw, better: float = 0.0) -> Floats:
    actual = pair.same.actual[draw.rows]
    champion, challenger = (np.abs(side - actual) for side in _sides(pair, draw, "point"))
    return np.asarray(champion - (1 - better) * challenger, dtype=np.float64)


def _passes(pair: Pair, draw: Draw, settings: GateSettings, attempt: int, better: float) -> bool:
    """The gate's paired test alone: an upper bound of what passes all of them."""
    return _exceeds(_gains(pair, draw, better), draw.day, settings, attempt)


def _exceeds(gains: Floats, day: np.ndarray, settings: GateSettings, attempt: int) -> bool:
    confidence = 1 - level_of(attempt, settings)
    bound = lower_bound_by_date(gains, day, confidence=confidence, resamples=settings.resamples, seed=settings.seed)
    return min(bound, float(gains.mean())) > settings.margin


def _winner_passes(pair: Pair, settings: GateSettings, rng: np.random.Generator, *, on_gate_rows: bool) -> bool:
    """Whether the best of TRIALS equals passes, chosen on dates before or, as it must not be, on the gate's own."""
    draw = _draw(pair, rng)
    folds = draw if on_gate_rows else _draw(pair, rng)
    coins = [_coins(folds, rng) for _ in range(TRIALS)]
    seen = _by_day(pair, folds)
    best = max(coins, key=lambda coin: float(seen @ coin))
    own = best if on_gate_rows else _coins(draw, rng)
    return _exceeds(pair.gains[draw.rows] * own[draw.day], draw.day, settings, 1)


def _by_day(pair: Pair, draw: Draw) -> Floats:
    return np.bincount(draw.day, weights=pair.gains[draw.rows])


def _coins(draw: Draw, rng: np.random.Generator) -> Floats:
    """Which way the pair's difference counts on each drawn date, for one trial."""
    return np.where(rng.random(int(draw.day.max()) + 1) < 0.5, -1.0, 1.0)


if __name__ == "__main__":
    main()
