"""The page that shows the coordinator's OpenAPI document, without a script and without anything to fetch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitoring.report.markup import Column, Html, details, document, h, mark, table
from monitoring.report.style import STYLE


def docs_page(described: Mapping[str, Any]) -> Html:
    """Every operation of an OpenAPI document with its parameters, body and answers."""
    schemas = described["components"]["schemas"]
    title = described["info"]["title"]
    told = [
        _operation(verb, path, operation, schemas)
        for path, verbs in described["paths"].items()
        for verb, operation in verbs.items()
    ]
    about = h("p", "The same for programs: ", h("code", "GET /openapi.json"), " (OpenAPI 3.1).", class_="muted")
    return document(title, STYLE, h("main", h("h1", f"{title} {described['info']['version']}"), about, told))


def _operation(verb: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Html:
    token = "Wants the token where TIPOFF_API_TOKEN is set." if "security" in operation else "Wants no token."
    body = operation.get("requestBody")
    return h(
        "section",
        h("h2", mark(verb.upper(), "good" if verb == "get" else "watch"), " ", h("code", path)),
        h("p", operation["summary"], "."),
        h("p", token, class_="muted"),
        _fields("query", _parameters(operation)) if "parameters" in operation else None,
        [_fields(f"body, {media}", _properties(each["schema"], schemas)) for media, each in body["content"].items()]
        if body
        else None,
        _answers(operation["responses"], schemas),
    )


def _answers(responses: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Html]:
    done = {status: response for status, response in responses.items() if status < "400"}
    refused = {status: response for status, response in responses.items() if status >= "400"}
    told = [
        _fields(f"{status}, {media}", _properties(each["schema"], schemas))
        for status, response in done.items()
        for media, each in response["content"].items()
    ]
    rows = [(status, response["description"]) for status, response in refused.items()]
    return [*told, details("refused with", table([Column("status"), Column("where")], rows, is_narrow=True))]


Field = tuple[str, str, str]
"""A name, what kind of value it has, and what it means."""


def _fields(title: str, fields: list[Field]) -> Html:
    columns = [Column(title), Column("kind"), Column("meaning")]
    shown = table(columns, [(h("code", name), kind, about) for name, kind, about in fields], is_narrow=True)
    return shown if fields else h("p", h("b", title), class_="muted")


def _parameters(operation: Mapping[str, Any]) -> list[Field]:
    return [(each["name"], _kind(each["schema"]), each["description"]) for each in operation["parameters"]]


def _properties(schema: Mapping[str, Any], schemas: Mapping[str, Any], above: str = "") -> list[Field]:
    """The fields of a body; those of the bodies that it lists follow, as players[].state."""
    found = schemas[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    required = found.get("required", ())
    fields: list[Field] = []
    for name, each in found.get("properties", {}).items():
        kind = _kind(each) + ("" if name in required else ", may be absent")
        fields.append((above + name, kind, each.get("description", "")))
        if "$ref" in each.get("items", {}):
            fields += _properties(each["items"], schemas, f"{above}{name}[].")
    return fields


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("format") or schema.get("type", "anything"))
