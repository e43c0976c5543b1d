"""How often the gate's paired test lets an equal challenger pass, and a better one: by simulation.

`python -m benchmarks.gate_calibration [SIMULATIONS]` prints a table. A row's paired difference (champion's absolute
error minus the challenger's) is drawn as row noise plus a shock that the whole game date shares; the sizes below are
stated with the table. Three tests are compared on the same draws: "MAE is lower", the plain bootstrap over dates, and
the gate's own bound.
"""

from __future__ import annotations

import sys

import numpy as np

from contracts.metrics import bootstrap_means_by_date
from contracts.settings import GateSettings
from registry.bootstrap import lower_bound_by_date

ROW_NOISE = 1.0
"""Standard deviation of one row's paired difference, points."""
DATE_SHOCK = 0.12
"""Standard deviation of what a date's rows share, points."""
DATES = (20, 40, 80, 160)
GAMES_A_DATE = (1, 13)
ROWS_A_GAME = 20
GAINS = (0.0, 0.045)
"""True improvements in points of MAE; 0.045 is one per cent of 4.5."""


def main() -> None:
    """Print the table."""
    n_simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"{n_simulations} simulations a line; row noise {ROW_NOISE}, date shock {DATE_SHOCK} points")
    print(f"{'dates':>6} {'rows':>7} {'true gain':>10} {'MAE lower':>10} {'plain':>7} {'gate':>7}")
    for n_dates in DATES:
        for gain in GAINS:
            n_rows, shares = simulate(n_dates, gain, n_simulations, GateSettings())
            print(f"{n_dates:>6} {n_rows:>7,.0f} {gain:>10.3f} " + " ".join(f"{share:>7.1%}" for share in shares))


def simulate(n_dates: int, gain: float, n_simulations: int, settings: GateSettings) -> tuple[float, list[float]]:
    """Mean number of rows, and the shares of challengers that pass: lower MAE, plain bootstrap, the gate's bound."""
    rng = np.random.default_rng(n_dates)
    passed = np.zeros(3)
    n_rows = 0
    for _ in range(n_simulations):
        day = np.repeat(np.arange(n_dates), rng.integers(*GAMES_A_DATE, n_dates) * ROWS_A_GAME)
        values = gain + rng.normal(0, ROW_NOISE, len(day)) + rng.normal(0, DATE_SHOCK, n_dates)[day]
        means = bootstrap_means_by_date(values, day, resamples=settings.resamples, seed=settings.seed)
        bound = lower_bound_by_date(
            values, day, confidence=settings.confidence, resamples=settings.resamples, seed=settings.seed
        )
        passed += [values.mean() > 0, np.quantile(means, 1 - settings.confidence) > 0, bound > 0]
        n_rows += len(day)
    return n_rows / n_simulations, list(passed / n_simulations)


if __name__ == "__main__":
    main()
