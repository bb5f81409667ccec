"""The seed's transcript, replayed; then what Parley promises beyond it.

The replay runs through the gateway, over HTTP, and through Chalice's own test client. Where Parley
answers differently on purpose, the row says so.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from chalice.test import Client

from infra.local.tables import create_tables
from tests import parts
from tests.conversations.conftest import Service
from tests.conversations.http import Answer, post, request

Door = Callable[..., Answer]
"""door(method, path, body, content_type)"""


@pytest.fixture(params=["gateway", "chalice test client"])
def door(request: pytest.FixtureRequest) -> Door:
    name = "over_http" if request.param == "gateway" else "in_process"
    found: Door = request.getfixturevalue(name)
    return found


@pytest.fixture
def over_http(service: Service) -> Door:
    def send(method: str, path: str, body: str = "", content_type: str | None = None) -> Answer:
        return request(method, service.rest + path, body.encode() or None, content_type)

    return send


@pytest.fixture(scope="session")
def chalice_client(
    dynamodb_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Chalice's own test client, with a stage whose DynamoDB is DynamoDB Local."""
    import app

    table = f"transcript-{uuid.uuid4()}"
    create_tables(parts.dynamodb_client(dynamodb_endpoint), parts.TEMPLATE, {"TableName": table})
    project = tmp_path_factory.mktemp("project")
    environment = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_endpoint,
        "TABLE_NAME": table,
        "SIGNING_KEYS": "test:" + "s" * 32,
        "ACCESS": "open",
        "ORIGINS": "*",
        "STATS": "public",
    }
    config = {"app_name": "parley", "stages": {"test": {"environment_variables": environment}}}
    (project / ".chalice").mkdir()
    (project / ".chalice" / "config.json").write_text(json.dumps(config))
    boto3.DEFAULT_SESSION = None
    with Client(app.app, stage_name="test", project_dir=str(project)) as client:
        yield client


@pytest.fixture
def in_process(chalice_client: Client) -> Door:
    def send(method: str, path: str, body: str = "", content_type: str | None = None) -> Answer:
        headers = {"Content-Type": content_type} if content_type else {}
        answer = chalice_client.http.request(method, path, headers=headers, body=body.encode())
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, names, answer.body)

    return send


# -- the transcript ------------------------------------------------------------------------------


def test_health(door: Door) -> None:
    answer = door("GET", "/health")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json["status"] == "ok"
    assert answer.json["serviceName"] == "Signaling Server"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", answer.json["serverTime"])


@pytest.mark.parametrize("body", ["", "nope", '{"roomId":5}', "[]"])
def test_a_join_that_cannot_be_understood(door: Door, body: str) -> None:
    answer = door("POST", "/rooms/join", body)
    # The original says text/plain; here every error is JSON.
    assert (answer.status, answer.json["error"]) == (400, "Invalid payload")
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("body", ["{}", "null", '{"roomId":""}'])
def test_a_join_without_a_room_makes_one(door: Door, body: str) -> None:
    answer = door("POST", "/rooms/join", body)
    assert answer.status == 200
    assert answer.json["status"] == "joined"
    assert re.fullmatch("[0-9A-Za-z]{6}", answer.json["ClientId"])
    # The original's ids have 6 characters and "" is a room's name; here they hold 128 bits.
    assert re.fullmatch("[0-9A-Za-z]{22}", answer.json["roomId"])


def test_keys_match_without_regard_to_case(door: Door, garden: str) -> None:
    body = json.dumps({"roomid": garden, "clientid": "x", "status": "y"})
    answer = door("POST", "/rooms/join", body)
    assert (answer.json["roomId"], answer.json["status"]) == (garden, "joined")
    assert answer.json["ClientId"] != "x"


def test_stats_of_one_room_and_of_all(door: Door, garden: str) -> None:
    joined = [door("POST", "/rooms/join", json.dumps({"roomId": garden})).json for _ in "ab"]
    one = door("GET", f"/rooms/stats?roomId={quote(garden)}").json
    assert one["roomId"] == garden
    assert sorted(one["clients"]) == sorted(answer["ClientId"] for answer in joined)
    everything = door("GET", "/rooms/stats").json
    (listed,) = [room for room in everything["rooms"] if room["roomId"] == garden]
    assert sorted(listed["clients"]) == sorted(one["clients"])
    # The original always says 0.
    assert everything["totalRooms"] == len(everything["rooms"])


def test_stats_of_a_room_that_nobody_is_in(door: Door) -> None:
    # The original answers with an empty id and null.
    answer = door("GET", "/rooms/stats?roomId=nobody")
    assert (answer.status, answer.json) == (200, {"roomId": "nobody", "clients": []})


def test_a_leave(door: Door, garden: str) -> None:
    joined = door("POST", "/rooms/join", json.dumps({"roomId": garden})).json
    leaving = json.dumps({"roomId": garden, "clientId": joined["ClientId"]})
    answer = door("POST", "/rooms/leave", leaving)
    expected = {"roomId": garden, "ClientId": joined["ClientId"], "status": "left"}
    assert (answer.status, answer.json) == (200, expected)
    assert door("POST", "/rooms/leave", leaving).status == 404


@pytest.mark.parametrize("room", ["abc", "nobody"])
def test_a_leave_of_nobody(door: Door, room: str) -> None:
    answer = door("POST", "/rooms/leave", json.dumps({"roomId": room, "ClientId": "nope"}))
    assert (answer.status, answer.json["error"]) == (404, "Client not found in room")


@pytest.mark.parametrize("body", ['{"roomId":"abc"}', "{}", '{"ClientId":"x"}', '{"roomId":""}'])
def test_a_leave_that_does_not_say_who(door: Door, body: str) -> None:
    answer = door("POST", "/rooms/leave", body)
    # The original answers with text that is no JSON.
    assert (answer.status, answer.json["error"]) == (400, "Invalid request payload")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/rooms/join"),
        ("PUT", "/rooms/leave"),
        ("DELETE", "/rooms/stats"),
        ("POST", "/health"),
    ],
)
def test_another_method(door: Door, method: str, path: str) -> None:
    answer = door(method, path)
    assert answer.status == 405
    assert "error" in answer.json
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/x-www-form-urlencoded",  # what plain `curl -d` says
        "text/plain",
        "application/octet-stream",
        "image/png",
        "nonsense",
        None,
    ],
)
def test_the_body_counts_and_not_its_type(
    door: Door, garden: str, content_type: str | None
) -> None:
    answer = door("POST", "/rooms/join", json.dumps({"roomId": garden}), content_type)
    assert (answer.status, answer.json["roomId"]) == (200, garden)


# -- beyond it -----------------------------------------------------------------------------------


def test_a_join_brings_a_proof_for_the_socket(door: Door, garden: str) -> None:
    answer = door("POST", "/rooms/join", json.dumps({"roomId": garden})).json
    assert answer["resumeToken"]
    assert answer["since"] > 1_700_000_000_000


def test_a_room_name_that_cannot_be(door: Door) -> None:
    for room in ("x" * 129, "a\u0000b"):
        answer = door("POST", "/rooms/join", json.dumps({"roomId": room}))
        assert (answer.status, answer.json["code"]) == (400, "bad-message")
        answer = door("GET", f"/rooms/stats?roomId={quote(room)}")
        assert (answer.status, answer.json["code"]) == (400, "bad-message")


def test_a_full_room_is_a_conflict(door: Door, garden: str) -> None:
    body = json.dumps({"roomId": garden})
    assert {door("POST", "/rooms/join", body).status for _ in range(16)} == {200}
    answer = door("POST", "/rooms/join", body)
    assert (answer.status, answer.json["code"]) == (409, "room-full")


def test_pages_elsewhere_may_ask(door: Door) -> None:
    assert door("GET", "/health").headers["access-control-allow-origin"] == "*"
    assert door("POST", "/rooms/join", "nope").headers["access-control-allow-origin"] == "*"


def test_pages_elsewhere_may_ask_whether_they_may(over_http: Door) -> None:
    preflight = over_http("OPTIONS", "/rooms/join")
    assert preflight.status in (200, 204)
    assert "POST" in preflight.headers["access-control-allow-methods"]


def test_many_ask_at_once(service: Service, garden: str) -> None:
    url = f"{service.rest}/rooms/join"
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: post(url, {"roomId": garden}), range(24)))
    assert sorted(answer.status for answer in answers) == [200] * 16 + [409] * 8
    clients: Any = [answer.json["ClientId"] for answer in answers if answer.status == 200]
    assert len(set(clients)) == 16
