"""Parley in this process, on a real table; scenes that can be played again from the same state."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from collections.abc import Callable
from typing import Any

from mypy_boto3_dynamodb import DynamoDBClient

from infra.local.events import Origin
from tests import parts
from tests.bench import stage
from tests.bench.recorded import Call, recording, replay

Work = Callable[[], object]

_NOWHERE = open(os.devnull, "w")  # noqa: SIM115 - the journal writes to it as long as we live


class Parley:
    """app.py's handlers, called as Lambda calls them; the journal is written, but not kept."""

    def __init__(self, environment: dict[str, str]) -> None:
        os.environ.update(environment)
        self._app: Any = importlib.import_module("app")
        self.table: DynamoDBClient = parts.dynamodb_client(environment["AWS_ENDPOINT_URL_DYNAMODB"])
        with contextlib.redirect_stderr(_NOWHERE):  # where the journal will go on writing
            self.handle(stage.message(stage.origin("first"), type="ping"))

    def handle(self, event: stage.Event) -> object:
        door = "disconnect" if "disconnectReason" in event["requestContext"] else "message"
        return getattr(self._app, door)(event, None)

    def request(self, event: stage.Event) -> object:
        answer = self._app.app(event, None)
        assert answer["statusCode"] == 200, answer["body"]
        return answer

    def join(self, who: Origin, room: str) -> dict[str, Any]:
        """Seat somebody; what the server told them."""
        with recording() as calls:
            self.handle(stage.message(who, type="join", roomId=room))
        told = [call.parameters for call in calls if call.method == "post_to_connection"]
        mine = [post["Data"] for post in told if post["ConnectionId"] == who.connection_id]
        joined: dict[str, Any] = json.loads(mine[0])
        return joined

    def company(self, room: str, size: int) -> list[tuple[Origin, dict[str, Any]]]:
        """So many people in a room, each with what they were told."""
        people = [stage.origin(f"{room}{number}") for number in range(size)]
        return [(who, self.join(who, room)) for who in people]


class Scene:
    """An event that can be handled again and again, each time from the state of the first."""

    def __init__(self, parley: Parley, event: stage.Event) -> None:
        self._table = parley.table
        self._before: dict[str, dict[str, Any] | None] = {}
        with recording(self._keep) as self.calls:
            parley.handle(event)
        said = [call.parameters["Data"] for call in self.calls if "Data" in call.parameters]
        assert not any(b'"type":"error"' in data for data in said), "a refusal is quickly made"
        self.calls = [call for call in self.calls if not _is_tally(call)]
        self.parley: Work = lambda: parley.handle(event)
        self.floor: Work = replay(self.calls)

    def _keep(self, call: Call) -> None:
        """Remember an item as it was before the first call that concerns it."""
        key = call.parameters.get("Key")
        if key and key["pk"]["S"] not in self._before:
            found = self._table.get_item(TableName=stage.TABLE, Key=key, ConsistentRead=True)
            self._before[key["pk"]["S"]] = found.get("Item")

    def set(self) -> None:
        """Put back what the event changes."""
        for key, item in self._before.items():
            if item:
                self._table.put_item(TableName=stage.TABLE, Item=item)
            else:
                self._table.delete_item(TableName=stage.TABLE, Key={"pk": {"S": key}})


def _is_tally(call: Call) -> bool:
    """Whether it counts for a limit: one call in many events, and no part of the floor."""
    return bool(call.parameters.get("Key", {}).get("pk", {}).get("S", "").startswith("limit#"))
