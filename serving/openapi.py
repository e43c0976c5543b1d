"""The service's description in OpenAPI 3.1, made from the bodies themselves, and the page that shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.schemas import (
    ErrorBody,
    ExplainRequest,
    ExplainResponse,
    ModelCard,
    PredictBatchRequest,
    PredictBatchResponse,
    PredictRequest,
    PredictResponse,
)

Endpoint = tuple[str, str, type[BaseModel] | None, type[BaseModel] | None, str]

ENDPOINTS: tuple[Endpoint, ...] = (
    ("post", "/predict", PredictRequest, PredictResponse, "Predict player-games, by ids or by features"),
    ("post", "/predict-batch", PredictBatchRequest, PredictBatchResponse, "Predict the slate of a date"),
    ("post", "/explain", ExplainRequest, ExplainResponse, "Name the features that moved one prediction"),
    ("get", "/model", None, ModelCard, "Describe the version in Production"),
    ("get", "/readyz", None, None, "200 once Production is resolved and its golden rows hold, else 503 and why"),
    ("get", "/livez", None, None, "200 while the process runs"),
    ("get", "/metrics", None, None, "Prometheus metrics"),
)

ERRORS = {
    "401": "the bearer token is absent or wrong",
    "404": "an unknown system, or a date without games",
    "408": "the body did not come in time",
    "413": "the body is too large",
    "422": "the body is wrong; `field` says where",
    "429": "too many requests at once",
    "503": "no_production or not_ready",
}

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
    bodies = {ErrorBody} | {body for _, _, *pair, _ in ENDPOINTS for body in pair if isinstance(body, type)}
    ordered = sorted(bodies, key=lambda body: body.__name__)
    _, definitions = models_json_schema(
        [(body, "validation") for body in ordered], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, Any] = {}
    for verb, path, request, response, summary in ENDPOINTS:
        paths.setdefault(path, {})[verb] = _operation(request, response, summary)
    return {
        "openapi": "3.1.0",
        "info": {"title": "tipoff prediction service", "version": version},
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "TIPOFF_API_TOKEN"}},
        },
    }


def _operation(request: type[BaseModel] | None, response: type[BaseModel] | None, summary: str) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "done"}
    operation: dict[str, Any] = {"summary": summary, "responses": {"200": done}}
    if response is not None:
        done["content"] = _content(response)
    if request is not None:
        operation["requestBody"] = {"required": True, "content": _content(request)}
        operation["security"] = [{"token": []}]
        operation["responses"] |= {
            status: {"description": reason, "content": _content(ErrorBody)} for status, reason in ERRORS.items()
        }
    return operation


def _content(body: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}}
