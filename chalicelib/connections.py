"""Sockets, through the API Gateway management API: posts side by side, probes, hanging up.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import journal
from chalicelib.events import Outcome
from chalicelib.rooms import Address

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient


T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Post:
    """A text for one socket."""

    to: Address
    text: bytes
    hang_up: bool = False


class Connections:
    """The port Sockets, and the only thing that speaks.

    `client_for` gives the client for a gateway (`{apiId}/{stage}`). Its timeouts and retries are
    short, since one receiver that hangs must not hold up a handler; `pool` lets it not hold up the
    other receivers either.
    """

    def __init__(
        self, client_for: Callable[[str], ApiGatewayManagementApiClient], pool: Executor
    ) -> None:
        self._client_for = client_for
        self._pool = pool

    def post(self, posts: Sequence[Post]) -> list[Outcome]:
        """Send all of them, side by side; what came of each, in their order."""
        return self._side_by_side(self._send, posts)

    def gone(self, addresses: Iterable[Address]) -> frozenset[Address]:
        asked = list(addresses)
        gone = self._side_by_side(self._is_gone, asked)
        return frozenset(address for address, is_gone in zip(asked, gone, strict=True) if is_gone)

    def _side_by_side(self, call: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """The first in this thread, which would only wait, the others in the pool."""
        others = [self._pool.submit(call, item) for item in items[1:]]
        return [*map(call, items[:1]), *(other.result() for other in others)]

    def _send(self, post: Post) -> Outcome:
        client = self._client_for(post.to.gateway)
        outcome = self._attempt(
            post.to,
            lambda: client.post_to_connection(ConnectionId=post.to.connection, Data=post.text),
        )
        if post.hang_up and outcome is not Outcome.GONE:
            self._attempt(
                post.to, lambda: client.delete_connection(ConnectionId=post.to.connection)
            )
        return outcome

    def _is_gone(self, address: Address) -> bool:
        client = self._client_for(address.gateway)
        outcome = self._attempt(
            address, lambda: client.get_connection(ConnectionId=address.connection)
        )
        return outcome is Outcome.GONE

    def _attempt(self, address: Address, call: Callable[[], object]) -> Outcome:
        try:
            call()
        except ClientError as error:
            cause = error.response["Error"]["Code"]
            outcome = Outcome.GONE if cause == "GoneException" else Outcome.FAILED
        except BotoCoreError as error:  # no connection, or no answer in time
            cause, outcome = type(error).__name__, Outcome.FAILED
        else:
            return Outcome.DELIVERED
        journal.undelivered(address.connection, outcome.value, cause)
        return outcome
