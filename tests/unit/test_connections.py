"""Posts side by side: one receiver that fails is nobody else's business."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

from chalicelib.connections import Connections, Post
from chalicelib.events import Outcome
from chalicelib.rooms import Address


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "PostToConnection")


class FakeApi:
    """A management API whose sockets do what `behaviour` says: nothing, or raise."""

    def __init__(self, **behaviour: Exception | threading.Event) -> None:
        self._behaviour = behaviour
        self.calls: list[tuple[str, str]] = []

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803
        self._do("post", ConnectionId)

    def get_connection(self, ConnectionId: str) -> None:  # noqa: N803
        self._do("get", ConnectionId)

    def delete_connection(self, ConnectionId: str) -> None:  # noqa: N803
        self._do("delete", ConnectionId)

    def _do(self, verb: str, connection: str) -> None:
        what = self._behaviour.get(connection)
        if isinstance(what, Exception):
            raise what
        if what is not None:
            assert what.wait(30)
        self.calls.append((verb, connection))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


def connections(api: Any, pool: ThreadPoolExecutor) -> Connections:
    return Connections(lambda _: cast(ApiGatewayManagementApiClient, api), pool)


def post(name: str, hang_up: bool = False) -> Post:
    return Post(Address(name, "api/stage"), b"{}", hang_up)


def test_race_4_each_post_has_its_outcome_in_order(pool: ThreadPoolExecutor) -> None:
    api = FakeApi(
        dead=refusal("GoneException"),
        throttled=refusal("LimitExceededException"),
        foreign=refusal("ForbiddenException"),
        silent=ReadTimeoutError(endpoint_url="here"),
    )
    names = ["ada", "dead", "throttled", "foreign", "silent", "bea"]
    assert connections(api, pool).post([post(name) for name in names]) == [
        Outcome.DELIVERED,
        Outcome.GONE,
        Outcome.FAILED,
        Outcome.FAILED,
        Outcome.FAILED,
        Outcome.DELIVERED,
    ]


def test_race_4_a_receiver_that_hangs_does_not_stop_the_others(pool: ThreadPoolExecutor) -> None:
    released = threading.Event()

    class Releasing(FakeApi):
        def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803
            super().post_to_connection(ConnectionId, Data)
            if ConnectionId == "last":
                released.set()

    api = Releasing(slow=released)
    assert (
        connections(api, pool).post([post("slow"), post("bea"), post("last")])
        == [Outcome.DELIVERED] * 3
    )


def test_a_socket_is_hung_up_on_after_it_was_told(pool: ThreadPoolExecutor) -> None:
    api = FakeApi()
    connections(api, pool).post([post("old", hang_up=True)])
    assert api.calls == [("post", "old"), ("delete", "old")]


def test_a_post_goes_through_the_gateway_that_holds_the_socket(pool: ThreadPoolExecutor) -> None:
    apis = {"one/api": FakeApi(), "two/api": FakeApi()}
    speaker = Connections(lambda g: cast(ApiGatewayManagementApiClient, apis[g]), pool)
    speaker.post([Post(Address("a", "one/api"), b""), Post(Address("b", "two/api"), b"")])
    assert [api.calls for api in apis.values()] == [[("post", "a")], [("post", "b")]]


def test_only_certainly_gone_sockets_are_gone(pool: ThreadPoolExecutor) -> None:
    api = FakeApi(dead=refusal("GoneException"), throttled=refusal("LimitExceededException"))
    asked = [Address(name, "api/stage") for name in ("ada", "dead", "throttled")]
    assert connections(api, pool).gone(asked) == {asked[1]}
    assert connections(api, pool).gone([]) == frozenset()
