"""`tipoff demo`: the whole job once, on a simulated league."""

from __future__ import annotations

import click


@click.command()
@click.option("--seasons", default=2, show_default=True, type=click.IntRange(1, 10), help="How many simulated seasons.")
@click.option("--teams", default=30, show_default=True, type=click.IntRange(4, 30), help="How many teams.")
@click.option("--games", default=82, show_default=True, type=click.IntRange(6, 82), help="Regular games of a team.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0), help="Same seed, same league.")
def demo(seasons: int, teams: int, games: int, seed: int) -> None:
    """Simulated league -> feature table -> mlflow run -> promotion -> service -> predictions over HTTP -> grades."""
    from tipoff.demo import run_demo

    run_demo(["--seasons", str(seasons), "--teams", str(teams), "--games", str(games), "--seed", str(seed)])
