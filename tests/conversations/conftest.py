"""Where the conversations take place: on a desk of our own, or on any deployment.

`PARLEY_REST` and `PARLEY_WEBSOCKET` point them at a deployment that runs already.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests import parts
from tests.conversations.caller import Caller


@dataclass(frozen=True)
class Service:
    """The two addresses of a deployment."""

    rest: str
    websocket: str


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    rest, websocket = os.environ.get("PARLEY_REST"), os.environ.get("PARLEY_WEBSOCKET")
    if rest and websocket:
        yield Service(rest.rstrip("/"), websocket)
        return
    with parts.desk() as url:
        yield Service(f"{url}/api", url.replace("http", "ws", 1) + "/ws")


@pytest.fixture
def call(service: Service) -> Iterator[Callable[[], Caller]]:
    """Open a socket; all are closed in the end."""
    with ExitStack() as sockets:
        yield lambda: sockets.enter_context(Caller(service.websocket))


@pytest.fixture
def garden() -> str:
    """A room of this test's own."""
    return f"garden – {uuid.uuid4()}"
