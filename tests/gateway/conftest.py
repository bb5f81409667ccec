"""Fixtures for the tests of infra.local."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.gateway.served import Served, served


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start gateways as the test wants them; they end with the test."""
    with ExitStack() as running:

        def start(**options: Any) -> Served:
            return running.enter_context(served(**options))

        yield start


@pytest.fixture
def gateway(serve: Callable[..., Served]) -> Served:
    """A gateway with AWS's own limits."""
    return serve()
