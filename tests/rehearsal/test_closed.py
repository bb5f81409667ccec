"""The stage prod with nothing configured: what is closed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conversations.caller import Caller
from tests.conversations.http import request
from tests.rehearsal import inventory
from tests.rehearsal.cloud import Cloud
from tests.rehearsal.conftest import Hire
from tests.rehearsal.operators import Operator

pytestmark = pytest.mark.timeout(300)

PROD = ("--stage", "prod")
GARDEN = json.dumps({"roomId": "garden", "ClientId": "k3J9aQ"}).encode()


def shake_hands(websocket: str, origin: str) -> None:
    """Open a socket as a page would, and close it."""
    with connect(websocket, additional_headers={"Origin": origin}, open_timeout=30):
        pass


@dataclass(frozen=True)
class Prod:
    """What a deployment says of itself."""

    operator: Operator
    rest: str
    websocket: str
    page: str


@pytest.fixture(scope="module")
def prod(cloud: Cloud, hire: Hire) -> Prod:
    """Deployed with the one thing that it asks for."""
    operator = hire(STATS="")
    refused = operator.aws("deploy", *PROD)
    assert refused.code == 1
    assert "no key would verify one: say --token-key" in refused.said
    assert not any(inventory.take(cloud)[kind] for kind in ("stacks", "functions", "tables"))
    ran = operator.aws("deploy", *PROD, "--token-key")
    assert ran.code == 0, ran.said
    said = dict(re.findall(r"^(REST|WebSocket|Page) +(\S+)$", ran.said, re.MULTILINE))
    return Prod(operator, said["REST"], said["WebSocket"], said["Page"].rstrip("/"))


def test_without_a_token_rest_tells_nothing_but_health(prod: Prod) -> None:
    assert request("GET", f"{prod.rest}/health").json["status"] == "ok"
    for method, path in (
        ("POST", "/rooms/join"),
        ("POST", "/rooms/leave"),
        ("POST", "/rooms/door"),
        ("POST", "/rooms/remove"),
        ("GET", "/rooms/stats"),
        ("GET", "/rooms/stats?roomId=garden"),
        ("GET", "/ice-servers"),
    ):
        answer = request(method, prod.rest + path, GARDEN if method == "POST" else None)
        assert (answer.status, answer.json["code"]) == (401, "unauthorized"), path


def test_without_a_token_no_socket_enters(prod: Prod) -> None:
    with Caller(prod.websocket) as eve:
        for room in ({"roomId": "garden"}, {}):
            eve.says({"type": "join", **room})
            eve.is_refused("unauthorized")


def test_pages_of_other_origins_are_refused_and_its_own_is_not(prod: Prod) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        shake_hands(prod.websocket, "https://evil.example")
    assert refusal.value.response.status_code == 403
    foreign = request("GET", f"{prod.rest}/health", headers={"Origin": "https://evil.example"})
    assert foreign.status == 403
    assert "access-control-allow-origin" not in foreign.headers
    shake_hands(prod.websocket, prod.page)
    own = request("OPTIONS", f"{prod.rest}/rooms/join", headers={"Origin": prod.page})
    assert own.headers["access-control-allow-origin"] == prod.page


def test_the_environment_of_the_functions_holds_no_secret(prod: Prod, cloud: Cloud) -> None:
    found = cloud.client("dynamodb").scan(TableName="parley-prod")["Items"]
    keys = {item["pk"]["S"]: item["keys"]["S"] for item in found if "keys" in item}
    assert {"secret#signing", "secret#issuing"} <= keys.keys()
    assert keys["secret#signing"] != keys["secret#issuing"]
    functions = cloud.client("lambda").list_functions()["Functions"]
    settings = [function["Environment"]["Variables"] for function in functions]
    assert len(settings) >= 4
    for each in settings:
        assert (each["ACCESS"], each["ORIGINS"]) == ("token", prod.page)
        assert each.get("STATS", "members") == "members"
        for text in keys.values():
            assert text.partition(":")[2] not in json.dumps(each)


def test_a_token_from_the_command_lets_in(prod: Prod) -> None:
    issued = ("python", "-m", "infra.token", *PROD, "--room", "garden", "--subject", "ada")
    ran = prod.operator.types(*issued)
    assert ran.code == 0, ran.said
    with Caller(prod.websocket) as ada:
        assert ada.joins("garden", token=ran.said.strip())["peers"] == []
        bearer = {"Authorization": f"Bearer {ran.said.strip()}"}
        stats = request("GET", f"{prod.rest}/rooms/stats", headers=bearer).json
        assert stats["rooms"] == [{"roomId": "garden", "clients": [ada.client_id]}]
        other = request("GET", f"{prod.rest}/rooms/stats?roomId=attic", headers=bearer)
        assert other.status == 401
