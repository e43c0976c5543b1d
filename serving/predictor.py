"""The predictor: feature rows in, answers out. Pure: no database, no clock, no default in place of a missing value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from math import isfinite
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contracts.populations import LINE_TARGET
from serving.faults import InvalidRequestError
from serving.live import LiveModel
from serving.schemas import Answer, Contribution, Explanation, RowError
from systems.model import Predictions

Floats = npt.NDArray[np.float64]


class FeatureRow(NamedTuple):
    """The values of one player-game by feature name (None: missing), and where they came from.

    `build_id`, `feature_set_hash`, `player_id`, `game_id` and `known_line` are those of the stored row; None for a
    row that the caller wrote.
    """

    values: Mapping[str, float | None]
    player_id: int | None = None
    game_id: str | None = None
    build_id: int | None = None
    feature_set_hash: str | None = None
    known_line: float | None = None


class RowFault(NamedTuple):
    """A row that cannot be predicted: code (unknown_player, no_features, stale_features) and reason."""

    code: str
    message: str
    player_id: int | None = None
    game_id: str | None = None


class Gathered(NamedTuple):
    """What is asked about, made ready for the model: `good` are those of `rows` that are no faults.

    `lines` has the line of each good row, `values` (good rows, features of the set) float64, NaN: missing.
    """

    rows: Sequence[FeatureRow | RowFault]
    good: Sequence[FeatureRow]
    lines: Sequence[float | None]
    values: Floats


def predict(live: LiveModel, rows: Sequence[FeatureRow | RowFault], lines: Sequence[float | None]) -> list[Answer]:
    """An answer for every row, in order, all from `live`; a row without a prediction says why.

    `lines` holds the caller's line for each row (None: the row's known line, if any). A value is used as it is: a
    missing one reaches the model as missing, one outside its range is named in `out_of_range`.
    Raises what `gather` raises.
    """
    gathered = gather(live, rows, lines)
    return tell(live, gathered, ask_model(live, gathered))


def gather(live: LiveModel, rows: Sequence[FeatureRow | RowFault], lines: Sequence[float | None]) -> Gathered:
    """The first step of `predict`: rows by other definitions than the model's are faults from here on.

    Raises InvalidRequestError naming the first row and name that is no feature of the model's set.
    """
    own = (None, live.version.feature_set_hash)
    checked = [
        row if isinstance(row, RowFault) or row.feature_set_hash in own else _of_other_features(live, row)
        for row in rows
    ]
    chosen = [(row, line) for row, line in zip(checked, lines, strict=True) if isinstance(row, FeatureRow)]
    good = [row for row, _ in chosen]
    values = _complete_values(live, good)
    if values is None:
        _check_names(live, checked)
        values = _values(live, good)
    # a row's known line is one of one target, and says nothing of another
    has_known = live.version.target == LINE_TARGET
    asked = [row.known_line if line is None and has_known else line for row, line in chosen]
    return Gathered(checked, good, asked, values)


def ask_model(live: LiveModel, gathered: Gathered) -> Predictions:
    """The second: what the model says of the values. Most of its time passes outside Python."""
    if not len(gathered.values):
        return Predictions(*3 * (np.empty(0),))
    return live.model.predict(gathered.values[:, live.columns])


def tell(live: LiveModel, gathered: Gathered, made: Predictions) -> list[Answer]:
    """The third: the answers, made of what the model said."""
    answers = iter(_answer_rows(live, gathered, made))
    return [_fault_answer(live, row) if isinstance(row, RowFault) else next(answers) for row in gathered.rows]


def explain(live: LiveModel, row: FeatureRow | RowFault, line: float | None, *, top: int) -> Explanation:
    """One row's answer and the `top` features that moved it, the strongest first.

    Contributions are in the target's unit; with `base` and `rest`, what all others moved, they add up to the estimate.
    """
    gathered = gather(live, [row], [line])
    answer = tell(live, gathered, ask_model(live, gathered))[0]
    if answer.error is not None or isinstance(row, RowFault):
        return Explanation(**asdict(answer))
    names = live.model.metadata.features
    base, moved = _contributions(live, gathered.values[:, live.columns])
    order = np.argsort(-np.abs(moved), kind="stable")[:top]
    contributions = [
        Contribution(feature=names[i], value=row.values.get(names[i]), contribution=float(moved[i])) for i in order
    ]
    rest = float(moved.sum() - sum(each.contribution for each in contributions))
    return Explanation(**asdict(answer), base=base, contributions=contributions, rest=rest)


def _check_names(live: LiveModel, rows: Sequence[FeatureRow | RowFault]) -> None:
    """Nothing, where every name is a feature of the model's set; those of stored rows always are."""
    known = live.feature_names
    for place, row in enumerate(rows):
        if isinstance(row, FeatureRow) and not known.issuperset(row.values):
            unknown = next(name for name in row.values if name not in known)
            raise InvalidRequestError(
                f"{unknown!r} is not a feature of {live.feature_set.name}.",
                field=f"rows.{place}.features.{unknown}",
                remedy="GET /model lists the names.",
            )


def _of_other_features(live: LiveModel, row: FeatureRow) -> RowFault:
    return RowFault(
        "stale_features",
        f"The row was built by the definitions {_short(row.feature_set_hash)}, the model by "
        f"{_short(live.version.feature_set_hash)}: `tipoff features backfill` builds it again.",
        player_id=row.player_id,
        game_id=row.game_id,
    )


def _answer_rows(live: LiveModel, gathered: Gathered, made: Predictions) -> list[Answer]:
    """The answers about the good rows, in order."""
    values, (lows, highs) = gathered.values, live.bounds
    told = zip(
        gathered.good,
        gathered.lines,
        made.point.tolist(),
        zip(made.low.tolist(), made.high.tolist(), strict=True),
        _over_probabilities(live, made.point, gathered.lines),
        _named(live.names, np.isnan(values)),
        _named(live.names, (values < lows) | (values > highs)),
        strict=True,
    )
    answers = [
        Answer(
            player_id=row.player_id,
            game_id=row.game_id,
            predicted_points=point,
            interval=interval,
            line=line,
            over_probability=over,
            missing=missing,
            out_of_range=outside,
            build_id=row.build_id,
            **live.identity,
        )
        for row, line, point, interval, over, missing, outside in told
    ]
    is_known = np.isfinite(made.point) & np.isfinite(made.low) & np.isfinite(made.high)
    for place in np.flatnonzero(~is_known).tolist():
        answers[place] = _without_prediction(live, gathered.good[place], answers[place])
    return answers


def _without_prediction(live: LiveModel, row: FeatureRow, answer: Answer) -> Answer:
    """`answer` with the reason why the model says nothing of its row in place of what is no number."""
    missing = [name for name in live.model.metadata.features if row.values.get(name) is None]
    reason = f"{live.version.system} cannot predict this row; missing: {', '.join(missing) or 'nothing'}."
    error = RowError(code="not_predictable", message=reason)
    return replace(answer, predicted_points=None, interval=None, over_probability=None, error=error)


def _fault_answer(live: LiveModel, fault: RowFault) -> Answer:
    return Answer(
        player_id=fault.player_id,
        game_id=fault.game_id,
        error=RowError(code=fault.code, message=fault.message),
        **live.identity,
    )


def _complete_values(live: LiveModel, rows: Sequence[FeatureRow]) -> Floats | None:
    """`_values` of rows that have every name of the set and no other; None where one has not: quicker than to look."""
    names, given = live.names, [row.values for row in rows]
    if len(names) == 1 or any(len(values) != len(names) for values in given):
        return None
    try:
        flat = list(chain.from_iterable(map(itemgetter(*names), given)))
    except KeyError:
        return None
    return np.array(flat, dtype=np.float64).reshape(len(rows), len(names))


def _values(live: LiveModel, rows: Sequence[FeatureRow]) -> Floats:
    """Shape (rows, features of the set), NaN where missing; float64 so that a stored value arrives bit-equal."""
    flat = [row.values.get(name) for row in rows for name in live.names]
    return np.array(flat, dtype=np.float64).reshape(len(rows), len(live.names))


def _named(names: Sequence[str], chosen: npt.NDArray[np.bool_]) -> list[list[str]]:
    """For each row the features whose cell is chosen."""
    found: list[list[str]] = [[] for _ in range(len(chosen))]
    if chosen.any():
        for row, place in np.argwhere(chosen).tolist():
            found[row].append(names[place])
    return found


def _over_probabilities(live: LiveModel, point: Floats, lines: Sequence[float | None]) -> list[float | None]:
    places = [i for i, line in enumerate(lines) if line is not None and isfinite(point[i])]
    found: list[float | None] = [None] * len(lines)
    if places:
        asked = np.array([lines[i] for i in places], dtype=np.float64)
        for i, probability in zip(places, live.model.over_probability(point[places], asked).tolist(), strict=True):
            found[i] = probability
    return found


def _contributions(live: LiveModel, matrix: Floats) -> tuple[float, Floats]:
    explanation = live.model.explain(matrix)
    return float(explanation.base[0]), explanation.by_feature[0]


def _short(digest: str | None) -> str:
    return (digest or "none")[:12]
