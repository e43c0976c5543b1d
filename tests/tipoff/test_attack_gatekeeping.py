"""A champion that cannot answer any more fails the verdict; it does not make every promotion impossible."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.errors import UnavailableError
from registry.verdict import Test, Verdict
from tipoff import gatekeeping

GOOD = Test("better_than_season_average", True, "MAE 4.5 against 4.7")
CHALLENGER, CHAMPION = object(), object()


def judge(monkeypatch: pytest.MonkeyPatch, champion: Any, *, is_gone: bool) -> tuple[Verdict, bool]:
    """The verdict where all other tests pass, and whether the champion was among the evidence."""
    asked: list[bool] = []

    def load(_wiring: Any, _version: Any) -> None:
        if is_gone:
            raise UnavailableError("The model's folder is absent.")

    def gather(*_: Any, has_champion: bool) -> None:
        asked.append(has_champion)

    monkeypatch.setattr(gatekeeping, "_load", load)
    monkeypatch.setattr(gatekeeping, "gather_evidence", gather)
    monkeypatch.setattr(gatekeeping, "decide", lambda *_: Verdict.of([GOOD]))

    class Wiring:
        class settings:
            gate = None

    return gatekeeping.make_judge(Wiring())(CHALLENGER, champion), asked[0]  # type: ignore[arg-type]  # fakes


def test_a_champion_that_is_gone_fails_the_verdict_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict, was_asked = judge(monkeypatch, CHAMPION, is_gone=True)
    assert not verdict.passed
    assert [test.name for test in verdict.failures] == ["champion_answers"]
    assert "folder is absent" in verdict.failures[0].detail
    assert not was_asked


def test_a_champion_that_answers_is_held_against_the_challenger(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict, was_asked = judge(monkeypatch, CHAMPION, is_gone=False)
    assert verdict.passed
    assert was_asked


def test_an_empty_place_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict, was_asked = judge(monkeypatch, None, is_gone=False)
    assert verdict.passed
    assert not was_asked
