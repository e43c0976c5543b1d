"""The simulated league beside the real one: the figures that decide how hard players are to predict.

`python -m benchmarks.league_calibration [SEASONS]` prints a table of both, SEASONS (3) simulated ones with seed 7, one
of how much recent games tell, which is not calibrated, and the lowest mean absolute error that anybody can reach in
the simulated ones. The real files are looked for in TIPOFF_TEST_DATA (default: ../shared/data from the project's root).
Both columns come from the same functions, which read nothing but the layouts of the files.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import polars as pl

from features.sources.league.populations import tell_populations
from features.sources.simulated import oracle_mae, simulate_league

DATA = Path(os.environ.get("TIPOFF_TEST_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data")
BOX_SEASONS = ("2021-22", "2022-23", "2023-24")
"""Whole seasons of 82 games, after the two that the pandemic cut."""
LINED_SEASON = "2023-24"
TOLERANCE = 0.05
SEED = 7


def main() -> None:
    """Print the tables, then the oracle's errors."""
    n_seasons = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(*table(real_figures(), simulated_figures(n_seasons)), sep="\n")
    real, simulated = (recency(logs) for logs in (_real_seasons(), simulate_league(n_seasons, SEED)["game-logs"]))
    print("\nNot calibrated:", *table(real, simulated), sep="\n")
    print(f"\nLowest MAE that anybody can reach (seed {SEED}, last of {n_seasons} seasons):")
    for name, error in oracle_mae(n_seasons, SEED).items():
        print(f"{name:>12}: {error.mae:.3f} points over {error.n:,} player-games")


def table(real: dict[str, float], simulated: dict[str, float]) -> list[str]:
    """One line a figure: its name, the real value, the simulated one, and how far that is off."""
    return [f"{'':<44}{'real':>9}{'simulated':>11}{'off':>8}"] + [
        f"{name:<44}{value:>9.3f}{simulated[name]:>11.3f}{simulated[name] / value - 1:>+8.1%}"
        for name, value in real.items()
    ]


def simulated_figures(n_seasons: int, seed: int = SEED) -> dict[str, float]:
    """The figures of a simulated league of `n_seasons` seasons."""
    league = simulate_league(n_seasons, seed)
    return figures(league["game-logs"]) | lined_figures(league["game-logs"], league["points-lines"])


def real_figures() -> dict[str, float]:
    """The same figures of the real seasons; lines were recorded in one of them only.

    Raises FileNotFoundError where the files are not in TIPOFF_TEST_DATA.
    """
    lines = pl.read_parquet(DATA / "points_lines.parquet")
    return figures(_real_seasons()) | lined_figures(_real_logs(LINED_SEASON), lines)


def figures(logs: pl.DataFrame) -> dict[str, float]:
    """What box scores say; `logs` in the layout of LeagueGameLog, whole seasons."""
    rows = tell_populations(logs)
    teams = logs.group_by("GAME_ID", "TEAM_ID").agg(pl.len(), pl.sum("PTS", "MIN"))
    games = teams.group_by("GAME_ID").agg(pl.max("MIN"), (pl.max("PTS") - pl.min("PTS")).alias("margin"))
    regulars = rows.filter("rotation", pl.col("days_since_last").is_not_null())
    return {
        **{f"MAE of the season average, {name}": _off(rows.filter(name), "average") for name in ("played", "rotation")},
        "points of a player-game": _one(logs, pl.mean("PTS")),
        "points, standard deviation": _one(logs, pl.std("PTS")),
        "minutes of a player-game": _one(logs, pl.mean("MIN")),
        "minutes, standard deviation": _one(logs, pl.std("MIN")),
        "players of a team who appear in a game": _one(teams, pl.mean("len")),
        "days between a regular's appearances": _one(regulars, pl.mean("days_since_last")),
        "share of games with overtime": _one(games, (pl.col("MIN") > 252).mean()),
        "points of a team": _one(teams, pl.mean("PTS")),
        "points of a team, standard deviation": _one(teams, pl.std("PTS")),
        "winning margin": _one(games, pl.mean("margin")),
        "shots of a player-game": _one(logs, pl.mean("FGA")),
        "threes tried in a player-game": _one(logs, pl.mean("FG3A")),
        "share of player-games of the rotation": rows.filter("rotation").height / rows.height,
    }


def lined_figures(logs: pl.DataFrame, lines: pl.DataFrame) -> dict[str, float]:
    """What lines that stood an hour before tip-off say, on player-games of `played`."""
    rows = tell_populations(logs, lines).filter("lined")
    return {
        "MAE of the line, lined": _off(rows, "line"),
        "MAE of the season average, lined": _off(rows, "average"),
        "points of a lined player-game": _one(rows, pl.mean("PTS")),
        "minutes of a lined player-game": _one(rows, pl.mean("MIN")),
    }


def recency(logs: pl.DataFrame) -> dict[str, float]:
    """How far a player's minutes and points fall from the means of his season and of its last five games, on `played`.

    Where roles change, the last five games tell more of his minutes than the season does.
    """
    rows = tell_populations(logs).with_columns((pl.col("SEASON_ID") % 10_000).alias("season"))
    found = {}
    for what, column in (("minutes", "MIN"), ("points", "PTS")):
        value = pl.col(column).cast(pl.Float64)
        means = {"season": value.cum_sum() / value.cum_count(), "last 5": value.rolling_mean(5, min_samples=1)}
        for name, mean in means.items():
            known = rows.with_columns(mean.shift(1).over("PLAYER_ID", "season").alias("guess")).filter("played")
            found[f"MAE of {what} by the {name} average, played"] = _one(known, (value - pl.col("guess")).abs().mean())
    return found


def _real_seasons() -> pl.DataFrame:
    return pl.concat([_real_logs(season) for season in BOX_SEASONS])


def _real_logs(season: str) -> pl.DataFrame:
    logs = pl.read_csv(DATA / "player_game_logs" / f"{season}.csv.gz")
    return logs.with_columns(pl.col("GAME_ID").cast(pl.String).str.zfill(10))


def _off(rows: pl.DataFrame, guess: str) -> float:
    return _one(rows, (pl.col("PTS") - pl.col(guess)).abs().mean())


def _one(frame: pl.DataFrame, figure: pl.Expr) -> float:
    return float(frame.select(figure).item())


if __name__ == "__main__":
    main()
