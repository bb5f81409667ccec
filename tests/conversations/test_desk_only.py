"""What can only be shown on a desk of one's own: a store that fails, and what the log holds."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from infra.local.tables import create_tables
from tests import parts
from tests.conversations.caller import Caller
from tests.conversations.http import post

CANARIES = ("canary-sdp", "canary-candidate", "canary-text", "canary-name", "canary-token")


def websocket(url: str) -> str:
    return url.replace("http", "ws", 1) + "/ws"


def test_a_store_that_fails_is_an_internal_error_and_the_socket_outlives_it() -> None:
    port = parts.free_port()
    with ExitStack() as stack:
        store = stack.enter_context(ExitStack())
        endpoint = store.enter_context(parts.dynamodb_local(port))
        url = stack.enter_context(parts.desk({"AWS_ENDPOINT_URL_DYNAMODB": endpoint}))
        ada = stack.enter_context(Caller(websocket(url)))
        ada.joins("garden")
        store.close()
        ada.says({"type": "ping", "id": "p"})
        error = ada.is_refused("internal")
        assert error["id"] == "p"
        assert "127.0.0.1" not in error["message"]
        failed = post(f"{url}/api/rooms/join", {"roomId": "garden"})
        assert (failed.status, failed.json["code"]) == (500, "internal")
        stack.enter_context(parts.dynamodb_local(port))
        create_tables(parts.dynamodb_client(endpoint), parts.TEMPLATE)
        assert ada.joins("garden")["peers"] == []


def test_the_log_of_a_whole_call_holds_ids_and_nothing_that_people_sent(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as stderr:
        tokens = _a_whole_call(parts.desk({"LOG_LEVEL": "DEBUG"}, "--verbose", stderr=stderr))
    text = log.read_text()
    assert "[Room:garden] [Client:" in text
    for secret in (*CANARIES, *tokens):
        assert secret not in text


def _a_whole_call(desk: parts.Desk) -> list[str]:
    """Two meet, talk, make mistakes and leave; the tokens that were told meanwhile."""
    with desk as url, Caller(websocket(url)) as ada, Caller(websocket(url)) as bea:
        ada.joins("garden", metadata={"name": "canary-name"})
        bea.joins("garden")
        ada.hears("peer-joined")
        description = {"type": "offer", "sdp": "canary-sdp"}
        ada.signals(bea, {"description": description, "candidates": ["canary-candidate"]})
        bea.hears("signal")
        bea.broadcasts("canary-text")
        ada.hears("broadcast")
        ada.says('{"type":"canary-text"')
        ada.is_refused("bad-message")
        ada.signals("canary-text", "canary-sdp")
        ada.is_refused("peer-not-found")
        forged = {"clientId": bea.client_id, "resumeToken": "canary-token"}
        ada.says({"type": "join", "roomId": "garden", **forged})
        ada.is_refused("unauthorized")
        reserved = post(f"{url}/api/rooms/join", {"roomId": "garden", "x": "canary-text"}).json
        ada.hears("peer-joined")
        bea.close()
        ada.hears("peer-left")
        ada.says({"type": "leave", "roomId": "garden"})
        ada.hears("left")
        return [ada.resume_token, bea.resume_token, reserved["resumeToken"]]
