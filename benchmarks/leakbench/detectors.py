"""What catches a plant in the code: the quality gate before a row is written, then verify on what was written."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.leakbench.code_plants import CodePlant
from benchmarks.leakbench.planting import planted
from benchmarks.leakbench.world import STORE, World
from contracts.errors import RefusedError
from contracts.settings import QualitySettings
from features.builders.compute import compute
from features.quality.gates import judge
from features.verify.comparison import Mismatch, as_mismatches, find_mismatches
from features.verify.mutation import find_leaks

GATE = "quality gate"
ORACLE = "verify: oracle"
MUTATION = "verify: mutation"


@dataclass(frozen=True)
class Detection:
    """Who caught the plant, and what was said."""

    detector: str
    message: str


def detect(plant: CodePlant, world: World) -> list[Detection]:
    """Every detection of `plant` that names its column; what the gate refuses is not written, so it stops there."""
    module = importlib.import_module(f"features.builders.{plant.module}")
    with planted(module, plant.old, plant.new):
        return list(_detections(plant, world))


def told(mismatches: Sequence[Mismatch]) -> str:
    """How many cells differ, and the first of them."""
    n = len(mismatches)
    return f"{n:,} {'cell differs' if n == 1 else 'cells differ'}; {mismatches[0]}"


def _detections(plant: CodePlant, world: World) -> Iterator[Detection]:
    try:
        frames = compute(world.raw, world.feature_set, world.settings)
        judge(frames, world.feature_set, QualitySettings()).refuse()
    except RefusedError as refused:
        if plant.column in refused.message:
            yield Detection(GATE, refused.message)
        return
    rows = frames[STORE]
    cells = find_mismatches(rows, world.ask(rows), world.raw, world.feature_set)
    of_column = as_mismatches(cells.filter(cells["column"] == plant.column))
    if of_column:
        yield Detection(ORACLE, told(of_column))
    if not plant.is_leak:
        return
    for leak in find_leaks(world.raw, world.feature_set, world.settings, world.cut_date):
        if leak.column == plant.column and leak.builder == STORE:
            yield Detection(MUTATION, str(leak))
            return
