"""Only legal moves, and Production by way of Staging."""

from itertools import product

import pytest

from contracts.errors import RefusedError
from registry.stages import LEGAL_MOVES, Stage, check_move, promotion_steps

LEGAL = {
    ("None", "Staging"),
    ("None", "Archived"),
    ("Staging", "Production"),
    ("Staging", "Archived"),
    ("Production", "Archived"),
    ("Archived", "Staging"),
    ("Archived", "Production"),
}


@pytest.mark.parametrize(("from_stage", "to_stage"), list(product(Stage, Stage)))
def test_a_move_is_legal_exactly_where_the_table_says(from_stage: Stage, to_stage: Stage) -> None:
    if (from_stage.value, to_stage.value) in LEGAL:
        check_move(from_stage, to_stage)
    else:
        with pytest.raises(RefusedError, match=f"stage {from_stage} cannot move to {to_stage}") as refused:
            check_move(from_stage, to_stage)
        assert all(str(stage) in str(refused.value.remedy) for stage in LEGAL_MOVES[from_stage])


def test_every_stage_is_in_the_table() -> None:
    assert set(LEGAL_MOVES) == set(Stage)


def test_a_promotion_to_production_passes_staging() -> None:
    assert promotion_steps(Stage.NONE, Stage.PRODUCTION) == [
        (Stage.NONE, Stage.STAGING),
        (Stage.STAGING, Stage.PRODUCTION),
    ]
    assert promotion_steps(Stage.STAGING, Stage.PRODUCTION) == [(Stage.STAGING, Stage.PRODUCTION)]
    assert promotion_steps(Stage.ARCHIVED, Stage.PRODUCTION)[0] == (Stage.ARCHIVED, Stage.STAGING)


def test_nothing_is_promoted_to_where_it_stands_or_back_to_staging_from_production() -> None:
    with pytest.raises(RefusedError, match="already"):
        promotion_steps(Stage.PRODUCTION, Stage.PRODUCTION)
    with pytest.raises(RefusedError, match="cannot move"):
        promotion_steps(Stage.PRODUCTION, Stage.STAGING)
