"""Every known leak and error, planted, is caught by name; docs/leaks.md says so, and stays what is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.leakbench import elsewhere
from benchmarks.leakbench.code_plants import CodePlant
from benchmarks.leakbench.data_plants import DataPlant
from benchmarks.leakbench.page import PAGE, PLANTS, line, lines_of_page, make_worlds, try_plant
from benchmarks.leakbench.planting import planted
from benchmarks.leakbench.world import World
from features.builders import windows


@pytest.fixture(scope="module")
def worlds() -> dict[str, World]:
    return make_worlds()


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_the_plant_is_caught_by_its_column_as_the_page_says(
    plant: CodePlant | DataPlant, worlds: dict[str, World], built_file: Path
) -> None:
    detections = try_plant(plant, worlds, built_file)
    assert detections, "nothing caught it"
    assert all(plant.column in each.message for each in detections)
    assert line(plant, detections) in set(lines_of_page()), "docs/leaks.md is stale: run `make leakbench`"


def test_the_page_has_every_plant_once_and_nothing_else() -> None:
    names = [each.split(" | ")[0].removeprefix("| ") for each in lines_of_page()]
    assert names == [plant.name for plant in PLANTS]
    assert len(set(names)) == len(names) >= 60


def test_every_failure_of_the_catalogue_has_a_plant_or_a_test_elsewhere_or_is_said_to_have_none() -> None:
    planted_here = {int(number) for plant in PLANTS for number in re.findall(r"\d+", plant.source)}
    assert planted_here | set(elsewhere.ELSEWHERE) | set(elsewhere.NOT_YET) == set(range(1, 33))
    assert not set(elsewhere.NOT_YET) & (planted_here | set(elsewhere.ELSEWHERE))
    for test in elsewhere.ELSEWHERE.values():
        file, _, name = test.partition("::")
        assert f"def {name}(" in (PAGE.parents[1] / file).read_text(), test
    assert elsewhere.told() in PAGE.read_text(), "docs/leaks.md is stale: run `make leakbench`"


def test_the_world_without_a_plant_has_nothing_to_catch(worlds: dict[str, World]) -> None:
    sound = CodePlant("nothing", "", "windows", "n * (n - 1)).sqrt()", "n * (n - 1)).sqrt() ", "points_avg_last_5")
    assert try_plant(sound, worlds, Path()) == []


def test_a_plant_is_gone_after_its_block() -> None:
    code = windows.Past._place.__code__
    with planted(windows, 'codes.to_numpy(), side="left"', 'codes.to_numpy(), side="right"'):
        assert windows.Past._place.__code__ is not code
    assert windows.Past._place.__code__ is code


def test_a_plant_that_no_longer_fits_the_source_is_refused() -> None:
    with pytest.raises(LookupError, match="not once"), planted(windows, "no such text", ""):
        pass
