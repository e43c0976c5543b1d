"""The service's description in OpenAPI 3.1, made from the bodies themselves, and the page that shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from serving.examples import EXAMPLES, error_example
from serving.schemas import (
    ErrorBody,
    ExplainRequest,
    ExplainResponse,
    Liveness,
    ModelCard,
    PredictBatchRequest,
    PredictBatchResponse,
    PredictRequest,
    PredictResponse,
    Readiness,
)

Shape = tuple[type[BaseModel], JsonSchemaMode]
Endpoint = tuple[str, str, type[BaseModel] | None, type[BaseModel] | None, str, tuple[str, ...]]

ERRORS = {
    "401": "the bearer token is absent or wrong",
    "404": "an unknown system, or a date without games",
    "405": "another method",
    "408": "the body did not come in time",
    "413": "the body is too large",
    "422": "the body is wrong; `field` says where",
    "429": "too many requests at once, or in a second",
    "503": "no_production, not_ready, or a database that does not answer",
}
ASKED = tuple(ERRORS)

ENDPOINTS: tuple[Endpoint, ...] = (
    ("post", "/predict", PredictRequest, PredictResponse, "Predict player-games, by ids or by features", ASKED),
    ("post", "/predict-batch", PredictBatchRequest, PredictBatchResponse, "Predict the slate of a date", ASKED),
    ("post", "/explain", ExplainRequest, ExplainResponse, "Name the features that moved one prediction", ASKED),
    ("get", "/model", None, ModelCard, "Describe the version in Production", ("405", "503")),
    (
        "get",
        "/readyz",
        None,
        Readiness,
        "200 once Production is resolved and its golden rows hold, else 503 and why",
        ("405", "503"),
    ),
    ("get", "/livez", None, Liveness, "200 while the process runs and follows the registry", ("405", "503")),
    ("get", "/metrics", None, None, "Prometheus metrics", ("405",)),
)

DOCS_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>tipoff prediction service</title><link rel="stylesheet" href="/static_content/swagger-ui.css"></head>
<body><div id="ui"></div>
<script src="/static_content/swagger-ui-bundle.js"></script><script src="/docs.js"></script></body>
</html>
"""

DOCS_SCRIPT = 'SwaggerUIBundle({url: "/docs.json", dom_id: "#ui", deepLinking: true});\n'


def describe(version: str) -> dict[str, Any]:
    """The OpenAPI document of the service at `version`."""
    takes: set[Shape] = {(body, "validation") for _, _, body, *_ in ENDPOINTS if body is not None}
    gives: set[Shape] = {(body, "serialization") for _, _, _, body, *_ in ENDPOINTS if body is not None}
    refusal: Shape = (ErrorBody, "serialization")
    bodies = sorted(takes | gives | {refusal}, key=lambda pair: pair[0].__name__)
    _, definitions = models_json_schema(bodies, ref_template="#/components/schemas/{model}")
    paths: dict[str, Any] = {}
    for verb, path, request, response, summary, errors in ENDPOINTS:
        paths.setdefault(path, {})[verb] = _operation(path, request, response, summary, errors)
    return {
        "openapi": "3.1.0",
        "info": {"title": "tipoff prediction service", "version": version},
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "TIPOFF_API_TOKEN"}},
        },
    }


def _operation(
    path: str, request: type[BaseModel] | None, response: type[BaseModel] | None, summary: str, errors: tuple[str, ...]
) -> dict[str, Any]:
    text = {"text/plain": {"schema": {"type": "string"}}}
    responses = {"200": {"description": "done", "content": text if response is None else _content(response)}}
    for status in errors:
        shape = {"schema": {"$ref": "#/components/schemas/ErrorBody"}, "example": error_example(status)}
        responses[status] = {"description": ERRORS[status], "content": {"application/json": shape}}
    operation: dict[str, Any] = {"summary": summary, "operationId": path.strip("/"), "responses": responses}
    if request is not None:
        operation["requestBody"] = {"required": True, "content": _content(request)}
        operation["security"] = [{"token": []}]
    return operation


def _content(body: type[BaseModel]) -> dict[str, Any]:
    shape: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}
    named = EXAMPLES.get(body)
    if named:
        shape["examples"] = {name.replace(" ", "_"): {"summary": name, "value": each} for name, each in named.items()}
    return {"application/json": shape}
