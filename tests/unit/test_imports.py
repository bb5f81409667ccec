"""What each function imports until its first event is answered: every cold start pays for it.

Each case runs in a process of its own, since imports are for good.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.bench import stage
from tests.parts import ROOT

IMPORTED = """
import sys, json
import chalice
before = set(sys.modules)
import app
{then}
print(*sorted(set(sys.modules) - before))
"""
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "SIGNING_KEYS": f"k1:{'0' * 64}",
    "ACCESS": "open",
}
SOCKET = "from chalicelib import wiring; wiring.switchboard()"
ORIGINS = {"chalicelib", "chalicelib.origins"}
HEALTH = f"app.app({stage.rest('GET', '/health')!r}, None)"
CONNECT = f"app.connect({stage.connect(stage.origin('ada'))!r}, None)"


def imported(then: str = "", **more: str) -> set[str]:
    """The modules that come on top of Chalice's own."""
    said = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(then=then)],
        env=ENVIRONMENT | more,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(said.stdout.split())


@pytest.mark.parametrize(
    ("then", "more"),
    [
        pytest.param("", set(), id="import app"),
        pytest.param(CONNECT, ORIGINS | {"chalicelib.sources"}, id="connect"),
        pytest.param(HEALTH, ORIGINS | {"chalicelib.health"}, id="health"),
    ],
)
def test_what_needs_little_imports_nothing_else(then: str, more: set[str]) -> None:
    assert imported(then) == {"__future__", "app"} | more


def test_sockets_import_what_they_need_and_no_more() -> None:
    found = imported(SOCKET)
    assert {"botocore.session", "msgspec", "chalicelib.wiring"} <= found
    assert {"boto3", "s3transfer", "asyncio", "chalicelib.rest", "chalicelib.health"}.isdisjoint(
        found
    )


def test_what_a_function_for_sockets_needs_is_there_before_its_first_event() -> None:
    before = imported(_HANDLER="app.message")
    assert imported(SOCKET) <= before
    assert imported(_HANDLER="app.connect") == {"__future__", "app"}
