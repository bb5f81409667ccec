"""REST: through Chalice's own gateway, with what API Gateway adds."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest

from infra.local.limits import Limits
from tests.gateway.served import Served, served


def test_a_route_and_its_query(gateway: Served) -> None:
    answer = gateway.http("GET", "/api/echo/ada?x=1&y=%20z")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["name"] == "ada"
    assert answer.json["query"] == {"x": "1", "y": " z"}


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_the_root(gateway: Served, path: str) -> None:
    assert gateway.http("GET", path).json == {"path": "/"}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/octet-stream", ""])
def test_a_body_of_any_type(gateway: Served, kind: str) -> None:
    answer = gateway.http("POST", "/api/echo/ada", "{é".encode(), {"Content-Type": kind})
    assert answer.json["body"] == "{é"
    assert answer.json["type"] == kind


def test_no_body_at_all(gateway: Served) -> None:
    assert gateway.http("POST", "/api/echo/ada").json["body"] == ""


def test_the_request_context(gateway: Served) -> None:
    before = time.time_ns() // 1_000_000
    contexts = [gateway.http("GET", "/api/echo/ada").json["context"] for _ in range(2)]
    first, second = contexts
    assert first["requestId"] != second["requestId"]
    assert re.fullmatch(r"[0-9a-f-]{36}", first["requestId"])
    assert before <= first["requestTimeEpoch"] <= time.time_ns() // 1_000_000
    assert first["stage"] == "api"
    assert first["apiId"] == "local"
    assert first["httpMethod"] == "GET"
    assert first["path"] == "/api/echo/ada"
    assert first["resourcePath"] == "/echo/{name}"
    assert first["identity"]["sourceIp"] == "127.0.0.1"


def test_errors(gateway: Served) -> None:
    refused = gateway.http("GET", "/api/refuse")
    assert (refused.status, refused.json["Code"]) == (400, "BadRequestError")
    failed = gateway.http("GET", "/api/raise")
    assert (failed.status, failed.json["Code"]) == (500, "InternalServerError")
    missing = gateway.http("GET", "/api/nowhere")
    assert (missing.status, missing.json) == (403, {"message": "Missing Authentication Token"})
    assert missing.headers["x-amzn-ErrorType"] == "UnauthorizedException"
    assert gateway.http("DELETE", "/api/refuse").status == 405


def test_a_preflight(gateway: Served) -> None:
    headers = {"Origin": "https://site.example", "Access-Control-Request-Method": "POST"}
    answer = gateway.http("OPTIONS", "/api/echo/ada", headers=headers)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://site.example"
    assert set(answer.headers["Access-Control-Allow-Methods"].split(",")) >= {"GET", "POST"}
    simple = gateway.http("GET", "/api/echo/ada", headers=headers)
    assert simple.headers["Access-Control-Allow-Origin"] == "https://site.example"


def test_binary_both_ways(gateway: Served) -> None:
    kind = "application/octet-stream"
    body = bytes(range(256))
    answer = gateway.http("POST", "/api/bytes", body, {"Content-Type": kind, "Accept": kind})
    assert answer.headers["Content-Type"] == kind
    assert answer.body == bytes(reversed(body))


def test_several_headers_of_one_name(gateway: Served) -> None:
    answer = gateway.http("GET", "/api/cookies")
    assert answer.status == 201
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert answer.headers["Content-Type"] == "text/plain"


def test_a_body_that_is_too_large() -> None:
    with served(limits=Limits(request=100)) as gateway:
        answer = gateway.http("POST", "/api/echo/ada", b"x" * 101)
        assert (answer.status, answer.json) == (413, {"message": "Request Too Long"})
        assert gateway.http("POST", "/api/echo/ada", b"x" * 100).status == 200


def test_requests_side_by_side_keep_their_own_current_request(gateway: Served) -> None:
    answers: dict[int, str] = {}

    def request(n: int) -> None:
        answers[n] = gateway.http("POST", f"/api/echo/{n}", json.dumps(n).encode()).json["body"]

    threads = [threading.Thread(target=request, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {n: str(n) for n in range(24)}
