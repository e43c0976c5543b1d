"""Bodies are strict: what is not allowed is refused, and the field is named."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from serving.examples import ERROR_EXAMPLES, EXAMPLES
from serving.openapi import ENDPOINTS, describe
from serving.schemas import ExplainRequest, Liveness, PredictBatchRequest, PredictRequest, first_fault

IDS = '{"player_id": 203999, "game_id": "0022300001"}'


def fault_of(body, text: str) -> str | None:
    with pytest.raises(ValidationError) as caught:
        body.model_validate_json(text)
    return first_fault(caught.value)[0]


def rows(row: str) -> str:
    return f'{{"rows": [{IDS}, {row}]}}'


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", '"1.0"', "true", "[1]", "1e999", "1e300"])
def test_a_feature_that_is_no_plain_number_is_refused_by_name(value):
    assert fault_of(PredictRequest, rows(f'{{"features": {{"pace_score": {value}}}}}')) == "rows.1.features.pace_score"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ('{"player_id": "203999", "game_id": "0022300001"}', "rows.1.player_id"),
        ('{"player_id": 203999.5, "game_id": "0022300001"}', "rows.1.player_id"),
        ('{"player_id": 99999999999999999999, "game_id": "0022300001"}', "rows.1.player_id"),
        ('{"player_id": 203999, "game_id": 22300001}', "rows.1.game_id"),
        ('{"player_id": 203999, "game_id": "22300001"}', "rows.1.game_id"),
        ('{"player_id": 203999, "game_id": "0022300001", "lime": 24.5}', "rows.1.lime"),
        ('{"player_id": 203999, "game_id": "0022300001", "line": -3}', "rows.1.line"),
        ('{"player_id": 203999, "game_id": "0022300001", "line": "24.5"}', "rows.1.line"),
        ('{"player_id": 203999}', "rows.1"),
        ('{"player_id": 203999, "game_id": "0022300001", "features": {}}', "rows.1"),
        ("{}", "rows.1"),
        ("7", "rows.1"),
    ],
)
def test_a_wrong_row_is_refused_at_its_place(row, field):
    assert fault_of(PredictRequest, rows(row)) == field


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"rows": []}', "rows"),
        ('{"row": []}', "rows"),
        (f'{{"rows": [{IDS}], "system": "version:0"}}', "system"),
        (f'{{"rows": [{IDS}], "system": "a b"}}', "system"),
        (f'{{"rows": [{IDS}], "feature_set_hash": "abc"}}', "feature_set_hash"),
        (f'{{"rows": [{IDS}], "extra": 1}}', "extra"),
        ("[", None),
        ("", None),
    ],
)
def test_a_wrong_body_is_refused(text, field):
    assert fault_of(PredictRequest, text) == field


@pytest.mark.parametrize("value", ['"2024-02-30"', '"yesterday"', "20240301", '"2024-03-01T00:00:00Z"', "null"])
def test_a_game_date_is_a_date(value):
    assert fault_of(PredictBatchRequest, f'{{"game_date": {value}}}') == "game_date"


def test_all_faults_are_told_together():
    with pytest.raises(ValidationError) as caught:
        PredictRequest.model_validate_json('{"rows": [{"features": {"a": NaN, "b": "x"}}], "extra": 1}')
    message = first_fault(caught.value)[1]
    assert all(name in message for name in ("rows.0.features.a", "rows.0.features.b", "extra"))


def test_null_and_whole_numbers_are_features():
    asked = PredictRequest.model_validate_json('{"rows": [{"features": {"a": null, "b": 3, "c": -0.5}, "line": 20}]}')
    assert asked.rows[0].features == {"a": None, "b": 3.0, "c": -0.5}
    assert asked.system == "production"
    assert ExplainRequest.model_validate_json(f'{{"row": {IDS}}}').top == 10


def test_the_description_holds_every_endpoint_and_resolves_every_body():
    document = describe("1.0")
    assert {(verb, path) for path, verbs in document["paths"].items() for verb in verbs} == {
        endpoint[:2] for endpoint in ENDPOINTS
    }
    known = document["components"]["schemas"]
    text = str(document)
    referred = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred <= known.keys()
    assert {"PredictRequest", "Answer", "ErrorBody"} <= referred


@pytest.mark.parametrize(
    ("body", "name"), [(body, name) for body, examples in EXAMPLES.items() for name in examples], ids=str
)
def test_every_example_is_a_body_of_its_kind_and_names_nothing_else(body, name):
    example = EXAMPLES[body][name]
    read = body.model_validate_json(json.dumps(example))
    assert example.keys() <= read.model_dump().keys()
    assert body.model_validate_json(read.model_dump_json()) == read


def test_every_body_and_every_refusal_has_an_example():
    for _, _, request, response, _, errors in ENDPOINTS:
        assert all(body in EXAMPLES for body in (request, response) if body not in (None, Liveness))
        assert set(errors) <= ERROR_EXAMPLES.keys()
    text = json.dumps(describe("1.0"))
    assert '"by_ids"' in text
    assert "pace_scoer" in text


def test_the_description_says_that_a_row_is_of_one_kind():
    assert describe("1.0")["components"]["schemas"]["Row"]["oneOf"] == [
        {"required": ["player_id", "game_id"]},
        {"required": ["features"]},
    ]
