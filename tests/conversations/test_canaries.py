"""What people send stands in no log, at any level: not in ours, nor in API Gateway's; no trace."""

from __future__ import annotations

import ast
import json
import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.aws import gateway
from tests import issuer, parts
from tests.conversations.caller import Caller
from tests.conversations.http import request

SAID = ("canary-sdp", "canary-candidate", "canary-text", "canary-name", "canary-passcode")
TOKEN = issuer.token(sub="canary-subject", role="admin")
FORGED = issuer.token("canary-secret" * 4, sub="canary-forged")
TIMESTAMPS = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def a_whole_call(url: str) -> list[str]:
    """Two meet behind a passcode, talk, err, and are refused; what they were given meanwhile."""
    websocket = url.replace("http", "ws", 1) + "/ws"
    with Caller(websocket) as ada, Caller(websocket) as bea, Caller(websocket) as eve:
        named = {"metadata": {"name": "canary-name"}, "passcode": "canary-passcode"}
        ada.joins("garden", token=TOKEN, **named)
        bea.joins("garden", token=TOKEN, **named)
        ada.hears("peer-joined")
        ada.signals(bea, {"sdp": "canary-sdp", "candidates": ["canary-candidate"]})
        bea.hears("signal")
        ada.broadcasts("canary-text")
        bea.hears("broadcast")
        for frame in (
            {"type": "join", "roomId": "garden", "token": FORGED, "passcode": "canary-passcode"},
            {"type": "join", "roomId": "garden", "token": TOKEN, "passcode": "canary-passcode-2"},
            {"type": "signal", "roomId": "garden", "to": "canary-text", "data": "canary-sdp"},
            {"type": "canary-text"},
            {"type": "join", "roomId": "garden", "token": ["canary-text"]},
            {
                "type": "join",
                "roomId": "garden",
                "token": FORGED,
                "clientId": ada.client_id,
                "resumeToken": ada.resume_token,
            },
        ):
            eve.says(frame)
            eve.hears_text()
        for scheme in (f"Bearer {FORGED}", f"Bearer {TOKEN}", "Bearer canary-text"):
            body = json.dumps({"roomId": "attic", "passcode": "canary-passcode"}).encode()
            answer = request("POST", f"{url}/api/rooms/join", body, authorization=scheme)
            assert "canary" not in answer.body.decode()
        request("GET", f"{url}/api/rooms/stats?roomId=pond&token=canary-text", authorization="x")
        return [ada.resume_token, bea.resume_token]


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_nothing_that_people_send_stands_in_the_log(level: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {"LOG_LEVEL": level, "ACCESS": "token", "TOKEN_KEYS": issuer.KEYS}
    with ExitStack() as stack:
        stderr = stack.enter_context(log.open("w"))
        given = a_whole_call(stack.enter_context(parts.desk(environment, stderr=stderr)))
    text = log.read_text()
    if level in ("DEBUG", "INFO"):
        assert "[Room:garden] [Client:" in text
    for secret in (*SAID, "canary", issuer.SECRET, *TOKEN.split("."), *FORGED.split(".")[1:]):
        assert secret not in text, secret
    for resume_token in given:
        assert resume_token.split(".")[-1] not in text
    assert "127.0.0.1" not in TIMESTAMPS.sub("", text), "an address of somebody"


@pytest.mark.parametrize("form", [gateway.REST_LOG, gateway.WEBSOCKET_LOG])
def test_access_logs_hold_ids_and_numbers(form: dict[str, str]) -> None:
    harmless = {
        "requestId",
        "requestTimeEpoch",
        "httpMethod",
        "resourcePath",  # the route, not the path with its query
        "connectionId",
        "eventType",
        "routeKey",
        "status",
        "responseLatency",
        "integrationLatency",
        "error.message",  # API Gateway's own
    }
    assert {value.removeprefix("$context.") for value in form.values()} <= harmless


def test_traces_are_lambdas_own_and_hold_nothing_of_ours() -> None:
    """Nothing is annotated, no library is patched: a trace knows times and status alone."""
    for path in [parts.ROOT / "app.py", *sorted((parts.ROOT / "chalicelib").glob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            module = getattr(node, "module", None) or ""
            assert not any("xray" in name or "opentelemetry" in name for name in [module, *names])
