"""What is said about REST at /openapi.json, held against what REST does: no 5xx, nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import issuer, parts
from tests.conversations.http import request

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CASES = 1_000
_PLAIN = {"health", "openapi_json"}  # they take nothing: one case is all there is


@dataclass(frozen=True)
class Mode:
    """A desk, and the headers with which it is asked: somebody's own, or whatever comes up."""

    rest: str
    headers: tuple[dict[str, str] | None, ...]


@pytest.fixture(scope="module", params=["open", "token"])
def mode(request: pytest.FixtureRequest) -> Iterator[Mode]:
    environment = {"ACCESS": request.param, "TOKEN_KEYS": issuer.KEYS}
    environment |= dict.fromkeys(("JOINS_PER_MINUTE", "ROOMS_PER_HOUR", "WRONG_TOKENS"), "0")
    admin = {"Authorization": f"Bearer {issuer.token(role='admin')}"}
    with parts.desk(environment) as url:
        yield Mode(f"{url}/api", (None, admin))


def test_each_door_is_described_and_only_doors_are(mode: Mode) -> None:
    document = request("GET", f"{mode.rest}/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert {"/health", "/rooms/join", "/rooms/leave", "/rooms/stats"} <= set(document["paths"])
    for path, operations in document["paths"].items():
        for method in operations:
            answer = request(method.upper(), mode.rest + path, b"{}" if method == "post" else None)
            assert answer.status != 404 or answer.json["code"] == "peer-not-found"
            assert str(answer.status) in operations[method]["responses"]


@pytest.mark.timeout(600)
def test_no_request_is_answered_outside_the_description(mode: Mode) -> None:
    schema = schemathesis.openapi.from_url(f"{mode.rest}/openapi.json")
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    varied = [each for each in operations if each.definition.raw["operationId"] not in _PLAIN]
    statuses: Counter[int] = Counter()
    strategies: list[st.SearchStrategy[Any]] = [
        each.as_strategy(generation_mode=kind)
        for each in varied
        for kind in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if kind is GenerationMode.POSITIVE or each.definition.raw["operationId"] != "ice_servers"
    ]

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(strategies), headers=st.sampled_from(mode.headers))
    def ask(case: Any, headers: dict[str, str] | None) -> None:
        answer = case.call(base_url=mode.rest, headers=headers)
        case.validate_response(answer, checks=CHECKS)
        statuses[answer.status_code] += 1

    ask()
    for each in operations:
        case = each.Case()
        case.validate_response(case.call(base_url=mode.rest), checks=CHECKS)
    assert sum(statuses.values()) >= CASES
    assert {200, 400, 401} <= set(statuses), statuses
