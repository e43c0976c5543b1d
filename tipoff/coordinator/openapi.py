"""The coordinator's description in OpenAPI 3.1, made from the bodies themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.schemas import ErrorBody
from tipoff.coordinator.schemas import (
    CompleteRequest,
    CompleteResponse,
    EventResponse,
    Liveness,
    StartRequest,
    StartResponse,
    StatusResponse,
)

ERRORS = {
    401: "the bearer token is absent or wrong",
    404: "there is no such batch, date or player-game",
    405: "another method",
    408: "the body did not come in time",
    409: "the player-game has ended in another state",
    413: "the body is too large",
    422: "the body or the query is wrong; its error names the field",
    429: "too many requests at once, or in a second",
    503: "not_ready, or a database that does not answer",
}
ASKED = (401, 405, 408, 413, 422, 429, 503)
HTML, TEXT = "text/html", "text/plain"

GAME_DATE = {"type": "string", "format": "date"}
CLOUD_EVENT = {
    "type": "object",
    "description": "CloudEvents 1.0, structured; binary mode and the Pub/Sub push envelope are taken too",
    "required": ["id", "source", "type"],
    "properties": {
        "id": {"type": "string", "description": "the same of the same source is the same event"},
        "source": {"type": "string"},
        "type": {"const": "features.completed"},
        "time": {"type": "string", "format": "date-time"},
        "data": {"type": "object", "description": "game_date, builder, status (complete, partial, failed), rows"},
    },
}


@dataclass(frozen=True)
class Operation:
    """One method of one path. `answer` is a body, or the media type of one that is no JSON; `query` names parameters,
    each with its description."""

    verb: str
    path: str
    summary: str
    answer: type[BaseModel] | str
    body: type[BaseModel] | None = None
    status: int = 200
    errors: tuple[int, ...] = (405, 503)
    query: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    wants_token: bool = False


OPERATIONS = (
    Operation(
        "post",
        "/start",
        "Open the batch of a date; the same date again while it is open is the same batch",
        *(StartResponse, StartRequest, 202, (*ASKED, 404)),
        wants_token=True,
    ),
    Operation(
        "get",
        "/status",
        "How a batch stands, with every player-game: one of the two parameters",
        *(StatusResponse, None, 200, (401, 404, 405, 422, 429, 503)),
        query=(
            ("batch_id", "as 2024-03-01-r1", {"type": "string"}),
            ("game_date", "the newest revision of this date", GAME_DATE),
        ),
        wants_token=True,
    ),
    Operation(
        "post",
        "/complete",
        "End one player-game; said again it changes nothing",
        *(CompleteResponse, CompleteRequest, 200, (*ASKED, 404, 409)),
        wants_token=True,
    ),
    Operation("post", "/events", "Take an event", EventResponse, None, 202, ASKED, wants_token=True),
    Operation(
        "get",
        "/",
        "The live page",
        *(HTML, None, 200, (401, 405, 422, 429, 503)),
        query=(("date", "another date than the page would choose", GAME_DATE),),
        wants_token=True,
    ),
    Operation("get", "/metrics", "Prometheus metrics", TEXT, errors=(405,)),
    Operation("get", "/livez", "200 while the process answers", Liveness, errors=(405,)),
    Operation("get", "/readyz", "200 while workers work and the schedule is looked at, else 503 and why", Liveness),
)


def describe(version: str) -> dict[str, Any]:
    """The OpenAPI document of the coordinator at `version`."""
    answers = {each.answer for each in OPERATIONS if not isinstance(each.answer, str)}
    bodies = {each.body for each in OPERATIONS if each.body is not None}
    shapes = [(body, "validation") for body in bodies] + [(body, "serialization") for body in {*answers, ErrorBody}]
    ordered: Any = sorted(shapes, key=lambda pair: pair[0].__name__)
    _, definitions = models_json_schema(ordered, ref_template="#/components/schemas/{model}")
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.verb] = _told(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "tipoff coordinator", "version": version},
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "TIPOFF_API_TOKEN"}},
        },
    }


def _told(each: Operation) -> dict[str, Any]:
    content = {each.answer: {"schema": {"type": "string"}}} if isinstance(each.answer, str) else _json(each.answer)
    responses: dict[str, Any] = {str(each.status): {"description": "done", "content": content}}
    for status in sorted(each.errors):
        responses[str(status)] = {"description": ERRORS[status], "content": _json(ErrorBody)}
    operation: dict[str, Any] = {
        "summary": each.summary,
        "operationId": each.path.strip("/") or "page",
        "responses": responses,
    }
    if each.query:
        operation["parameters"] = [
            {"name": name, "in": "query", "required": False, "description": about, "schema": schema}
            for name, about, schema in each.query
        ]
    if each.path == "/events":
        structured = {"application/cloudevents+json": {"schema": CLOUD_EVENT}}
        operation["requestBody"] = {"required": True, "content": structured}
    elif each.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(each.body)}
    if each.wants_token:
        operation["security"] = [{"token": []}]
    return operation


def _json(body: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}}
