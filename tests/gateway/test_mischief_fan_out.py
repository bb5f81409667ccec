"""Race 4 with the real boto3 client: receivers that hang or are throttled hold up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config

from chalicelib import wiring
from chalicelib.connections import Connections, Post
from chalicelib.events import Outcome
from chalicelib.rooms import Address
from infra.local.limits import Limits
from tests.unit.test_switchboard import ROUNDS

RECEIVERS = [f"receiver{number:02}=" for number in range(15)]
SLOW = RECEIVERS[7]


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # all may come at once


class Stub:
    """A management API that takes posts, but for what `behave` does to some of them."""

    def __init__(self, behave: Callable[[str], int]) -> None:
        self.asked: list[str] = []
        self.over = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                connection = unquote(self.path.rpartition("/")[2])
                stub.asked.append(connection)
                status = behave(connection)
                self.send_response(status)
                if status == 429:
                    self.send_header("x-amzn-ErrorType", "LimitExceededException")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/api"

    def hang(self) -> int:
        self.over.wait(60)
        return 500


@contextmanager
def served(stub: Stub) -> Iterator[Connections]:
    """Connections that speak to the stub with the product's own patience."""
    thread = threading.Thread(target=stub.server.serve_forever)
    thread.start()
    client = boto3.client(
        "apigatewaymanagementapi", endpoint_url=stub.endpoint, config=budget(), region_name="x"
    )
    try:
        with ThreadPoolExecutor(wiring._SIDE_BY_SIDE) as pool:
            yield Connections(lambda _: client, pool)
    finally:
        stub.over.set()
        stub.server.shutdown()
        stub.server.server_close()
        thread.join()


def budget() -> Config:
    """How long, and how often, the product asks the management API."""
    found: Config = wiring._management("api/stage").meta.config
    return found


def posts() -> list[Post]:
    return [Post(Address(name, "api/stage"), b"{}") for name in RECEIVERS]


@pytest.mark.parametrize("how", ["hangs", "is throttled"])
def test_race_4_of_15_receivers_one_delays_the_others_by_less_than_a_retry(how: str) -> None:
    stub = Stub(lambda name: 200 if name != SLOW else stub.hang() if how == "hangs" else 429)
    with served(stub) as connections:
        outcomes = connections.post(posts())
    assert [o for o in outcomes if o is not Outcome.DELIVERED] == [Outcome.FAILED]
    assert outcomes[RECEIVERS.index(SLOW)] is Outcome.FAILED
    assert sorted(stub.asked) == sorted([*RECEIVERS, SLOW])  # it was asked twice, others once
    assert stub.asked[-1] == SLOW, "somebody waited for the retry"


def test_race_4_if_all_receivers_hang_each_is_given_up_after_two_tries() -> None:
    stub = Stub(lambda _: stub.hang())
    with served(stub) as connections:
        assert connections.post(posts()) == [Outcome.FAILED] * 15
    assert sorted(stub.asked) == sorted(RECEIVERS * 2)


def test_race_4_a_handler_whose_receivers_all_hang_stays_within_the_gateways_limit() -> None:
    config: Any = budget()
    tries = config.retries["total_max_attempts"]
    backoff = tries - 1  # seconds at most before a second try
    once = tries * (config.connect_timeout + config.read_timeout) + backoff
    assert ROUNDS * once < Limits().integration
    assert config.max_pool_connections >= wiring._SIDE_BY_SIDE
