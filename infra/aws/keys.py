"""The keys that sign resume tokens: in the table, made once, replaced without a break.

They lie beside the rooms because the handlers may read that table already: no second service, no
second permission, no second client at a cold start; encrypted at rest, kept with prod's table, and
not in the environment, where everybody who may look at a function would read them.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from botocore.exceptions import ClientError

from infra.aws.clients import Client
from infra.aws.errors import DeployError, code_of

ITEM = {"pk": {"S": "secret#signing"}}
LINGER = timedelta(days=1)  # a Lambda that started before a rotation may sign with the old key


def today() -> date:
    return datetime.now(UTC).date()


class SigningKeys:
    """`id:secret`, newest first, separated by commas; an id tells the day: k20261123a."""

    def __init__(
        self, dynamodb: Client, table: str, life: timedelta, day: Callable[[], date] = today
    ) -> None:
        self._client = dynamodb
        self._table = table
        self._life = life
        self._day = day

    def ids(self) -> list[str]:
        return [key.partition(":")[0] for key in self._read().split(",") if key]

    def make(self) -> None:
        """Make the first key, unless there is one."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={**ITEM, "keys": {"S": self._new([])}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise

    def rotate(self) -> list[str]:
        """A new key to sign with; the former ones still verify until no token of theirs lives."""
        before = self._read()
        if not before:
            raise DeployError("There is no signing key to replace: deploy this stage first.")
        kept = self._still_needed(before.split(","))
        after = ",".join([self._new(kept), *kept])
        self._client.update_item(
            TableName=self._table,
            Key=ITEM,
            UpdateExpression="SET #keys = :after",
            ConditionExpression="#keys = :before",
            ExpressionAttributeNames={"#keys": "keys"},
            ExpressionAttributeValues={":after": {"S": after}, ":before": {"S": before}},
        )
        return [key.partition(":")[0] for key in after.split(",")]

    def _read(self) -> str:
        found = self._client.get_item(TableName=self._table, Key=ITEM, ConsistentRead=True)
        return str(found.get("Item", {}).get("keys", {}).get("S", ""))

    def _new(self, others: list[str]) -> str:
        taken = {key.partition(":")[0] for key in others}
        stem = f"k{self._day():%Y%m%d}"
        free = (stem + letter for letter in string.ascii_lowercase if stem + letter not in taken)
        key_id = next(free, None)
        if key_id is None:
            raise DeployError("26 new keys in one day are enough; try again tomorrow.")
        return f"{key_id}:{secrets.token_urlsafe(32)}"

    def _still_needed(self, keys: list[str]) -> list[str]:
        """A key signs until its successor is made, and verifies as long as a token lives."""
        kept = keys[:1]
        for successor, key in pairwise(keys):
            if made_on(successor) + self._life + LINGER >= self._day():
                kept.append(key)
        return kept


def made_on(key: str) -> date:
    """The day in a key's id."""
    return datetime.strptime(key[1:9], "%Y%m%d").replace(tzinfo=UTC).date()
