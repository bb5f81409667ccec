"""The store dies in the middle of traffic, and comes back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from tempfile import TemporaryDirectory

import pytest

from infra.local.ministack import environment
from infra.local.tables import create_tables
from tests import parts
from tests.conversations.caller import Caller


@contextmanager
def ministack(port: int) -> Iterator[str]:
    endpoint = f"http://127.0.0.1:{port}"
    client = parts.dynamodb_client(endpoint)
    with TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        env = environment(port, directory)
        with parts.running([sys.executable, "-m", "ministack"], env=env):
            parts.eventually(lambda: parts._answers(client))
            yield endpoint


@pytest.mark.parametrize("store", [parts.dynamodb_local, ministack])
def test_a_store_that_dies_amid_traffic_yields_internal_and_all_goes_on_when_it_is_back(
    store: Callable[[int], AbstractContextManager[str]],
) -> None:
    port = parts.free_port()
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        endpoint = first.enter_context(store(port))
        url = stack.enter_context(parts.desk({"AWS_ENDPOINT_URL_DYNAMODB": str(endpoint)}))
        ada, bea = (stack.enter_context(Caller(f"{url.replace('http', 'ws', 1)}/ws")) for _ in "ab")
        ada.joins("garden")
        bea.joins("garden")
        ada.hears("peer-joined")
        for number in range(40):
            ada.says({"type": "ping", "id": f"{number}"})
            if number == 20:
                first.close()
        answers = [json.loads(ada.hears_text()) for _ in range(40)]
        assert {answer["id"] for answer in answers} == {f"{number}" for number in range(40)}
        assert {a.get("code", a["type"]) for a in answers} <= {"pong", "internal"}
        assert answers[-1]["type"] == "error"
        stack.enter_context(store(port))
        create_tables(parts.dynamodb_client(f"http://127.0.0.1:{port}"), parts.TEMPLATE)
        ada.joins("garden", clientId=ada.client_id, resumeToken=ada.resume_token)
        bea.joins("garden", clientId=bea.client_id, resumeToken=bea.resume_token)
        assert ada.hears("peer-joined")["resumed"] is True
        bea.signals(ada, "we are back")
        assert ada.hears("signal")["data"] == "we are back"
