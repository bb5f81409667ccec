"""`chalice local` serves the same REST routes against the same DynamoDB endpoint."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from infra.local.tables import create_tables
from tests import parts
from tests.conversations.http import post, request


def _up(url: str) -> bool:
    try:
        return request("GET", f"{url}/health").status == 200
    except (URLError, OSError):
        return False


@pytest.fixture
def chalice_local(dynamodb_endpoint: str, tmp_path: Path) -> Iterator[str]:
    """The stage `local` as it stands, but for the port of its DynamoDB and its table."""
    config = json.loads((parts.ROOT / ".chalice/config.json").read_text())
    environment = config["stages"]["local"]["environment_variables"]
    assert environment["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:8001"
    environment["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_endpoint
    environment["TABLE_NAME"] = f"chalice-local-{tmp_path.name}"
    create_tables(
        parts.dynamodb_client(dynamodb_endpoint),
        parts.TEMPLATE,
        {"TableName": environment["TABLE_NAME"]},
    )
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice/config.json").write_text(json.dumps(config))
    for name in ("app.py", "chalicelib", "requirements.txt"):
        (tmp_path / name).symlink_to(parts.ROOT / name)
    port = parts.free_port()
    command = ["chalice", "local", "--stage", "local", "--port", str(port)]
    chalice = str(Path(sys.executable).parent / command[0])
    with parts.running([chalice, *command[1:]], cwd=tmp_path):
        url = f"http://127.0.0.1:{port}"
        parts.eventually(lambda: _up(url))
        yield url


def test_the_same_routes_without_the_prefix(chalice_local: str) -> None:
    joined = post(f"{chalice_local}/rooms/join", {"roomId": "garden"}).json
    assert request("GET", f"{chalice_local}/rooms/stats").json == {
        "totalRooms": 1,
        "rooms": [{"roomId": "garden", "clients": [joined["ClientId"]]}],
    }
    curl = request(
        "POST", f"{chalice_local}/rooms/join", b"{}", "application/x-www-form-urlencoded"
    )
    assert curl.status == 200
    leaving = {"roomId": "garden", "ClientId": joined["ClientId"]}
    assert post(f"{chalice_local}/rooms/leave", leaving).json["status"] == "left"
    assert post(f"{chalice_local}/rooms/leave", leaving).status == 404
