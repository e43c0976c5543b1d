"""The cut-off of lines is an argument that nobody can leave out, and what was captured after it is not known."""

from __future__ import annotations

import ast
import importlib.resources
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from features.builders.points_lines import lines_at_cut_off

CUTOFF = "line_cutoff_minutes"
CARRIERS = {CUTOFF, "settings"}
"""As what the cut-off is handed on: itself, or the settings that hold it."""
CAPTURED = {"points_lines", "captured_at"}
"""What a function names that reads something with a time of capture."""
GIVEN_MOMENTS = {"latest_captured"}
"""Its rows carry the last moment that they may know, in a column that it requires."""


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function of the builders' modules, by name."""
    for file in importlib.resources.files("features.builders").iterdir():
        if file.name.endswith(".py"):
            found = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)]
            yield from ((f"{file.name}: {node.name}", node) for node in found)


def test_no_function_has_a_cut_off_of_its_own() -> None:
    """Wherever it is an argument it must be given: a default would be a cut-off that nobody chose."""
    takers = {name: node for name, node in functions() if CUTOFF in required(node) | defaulted(node)}
    assert {"points_lines.py: lines_at_cut_off", "injury_list.py: listed_status", "cutoff.py: cut_off"} <= set(takers)
    assert [name for name, node in functions() if defaulted(node) & CARRIERS] == []


def test_every_function_that_reads_what_was_captured_takes_the_cut_off() -> None:
    readers = {name: node for name, node in functions() if words(node) & CAPTURED and node.name not in GIVEN_MOMENTS}
    assert {"points_lines.py: lines_at_cut_off", "injury_list.py: latest_entry"} <= set(readers)
    assert [name for name, node in readers.items() if not required(node) & CARRIERS] == []


def required(node: ast.FunctionDef) -> set[str]:
    """The parameters that a call must give."""
    positional = [*node.args.posonlyargs, *node.args.args]
    must = positional[: len(positional) - len(node.args.defaults)]
    keywords = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return {each.arg for each in must} | {each.arg for each, default in keywords if default is None}


def defaulted(node: ast.FunctionDef) -> set[str]:
    """The parameters that a call may leave out."""
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return {each.arg for each in every} - required(node)


def words(node: ast.FunctionDef) -> set[str]:
    """Names, attributes and texts in a function's body, its docstring aside."""
    found = set()
    for part in ast.walk(ast.Module(node.body, [])):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.add(part.value)
        elif isinstance(part, ast.Name | ast.Attribute):
            found.add(part.id if isinstance(part, ast.Name) else part.attr)
    return found


def test_leaving_the_cut_off_out_is_an_error() -> None:
    with pytest.raises(TypeError, match=CUTOFF):
        lines_at_cut_off(*_one_line(minutes_before=61))  # type: ignore[call-arg]


@pytest.mark.parametrize(("minutes_before", "is_known"), [(61, True), (60, True), (59, False), (0, False), (-5, False)])
def test_a_line_is_known_up_to_the_cut_off_and_not_a_minute_later(minutes_before: int, is_known: bool) -> None:
    found = lines_at_cut_off(*_one_line(minutes_before), 60)
    assert found["vegas_points_line"].to_list() == [20.5 if is_known else None]
    assert found["vegas_opening_line"].to_list() == [20.5 if is_known else None]


def test_another_cut_off_is_another_answer() -> None:
    lines = _one_line(minutes_before=30)
    assert lines_at_cut_off(*lines, 30)["vegas_points_line"].to_list() == [20.5]
    assert lines_at_cut_off(*lines, 31)["vegas_points_line"].to_list() == [None]


def _one_line(minutes_before: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """One book's only snapshot so many minutes before tip-off, the game, and the row."""
    tip_off = datetime(2023, 1, 1, 20, tzinfo=UTC)
    key = {"game_id": ["0022200001"], "player_id": [1]}
    captured = pl.Series([tip_off - timedelta(minutes=minutes_before)], dtype=pl.Datetime("us", "UTC"))
    tips = pl.Series([tip_off], dtype=pl.Datetime("us", "UTC"))
    lines = pl.DataFrame(key | {"book": ["one"], "captured_at": captured, "line": [20.5], "tip_off_at": tips})
    return lines, pl.DataFrame({"game_id": ["0022200001"], "tip_off_at": tips}), pl.DataFrame(key)
