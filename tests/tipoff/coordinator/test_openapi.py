"""The coordinator's description: every endpoint, every body, on a page that needs nothing from outside."""

from __future__ import annotations

import re

from tipoff.coordinator.docs_page import docs_page
from tipoff.coordinator.openapi import OPERATIONS, describe
from tipoff.coordinator.schemas import StartRequest, StatusResponse

UNTOLD = {"/docs", "/openapi.json", "/page.js"}
"""What describes, and what is part of a page."""


def test_every_endpoint_is_described_with_its_method(make_front):
    told = {(verb.upper(), path) for path, verbs in describe("1.0")["paths"].items() for verb in verbs}
    there = make_front().endpoints
    assert told == {(verb, path) for path, verbs in there.items() for verb in verbs if path not in UNTOLD}


def test_every_body_that_is_named_is_there():
    document = describe("1.0")
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert referred <= document["components"]["schemas"].keys()
    assert {"StartRequest", "StatusResponse", "PlayerState", "ErrorBody"} <= referred


def test_what_wants_the_token_says_so():
    document = describe("1.0")
    said = {path for path, verbs in document["paths"].items() for each in verbs.values() if "security" in each}
    assert said == {"/start", "/status", "/complete", "/events", "/"}
    assert {each.path for each in OPERATIONS if 401 in each.errors} == said


def test_the_page_shows_every_operation_field_and_status_and_fetches_nothing():
    page = docs_page(describe("1.0"))
    for each in OPERATIONS:
        assert f"<code>{each.path}</code>" in page
    for name in (*StartRequest.model_fields, *StatusResponse.model_fields, "players[].reason", "409", "202"):
        assert name in page
    assert not re.search(r"https?://|src=|<script", page)
