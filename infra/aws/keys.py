"""Keys: in the table, made once, replaced without a break.

One item holds those that sign resume tokens, which nobody but the handlers has to know; another one
those that operators and their backends issue tokens with.

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

SIGNING, ISSUING = "secret#signing", "secret#issuing"  # as in chalicelib/access.py
ISSUED_FOR = timedelta(days=31)  # no token of an operator's is good for longer
LINGER = timedelta(days=1)  # a Lambda that started before a rotation may sign with the old key


def today() -> date:
    return datetime.now(UTC).date()


class Keys:
    """`id:secret`, newest first, separated by commas; an id tells the day: k20261123a.

    `life` is how long what a key has signed may be good for.
    """

    def __init__(
        self,
        dynamodb: Client,
        table: str,
        life: timedelta,
        day: Callable[[], date] = today,
        item: str = SIGNING,
    ) -> None:
        self._item = {"pk": {"S": item}}
        self._client = dynamodb
        self._table = table
        self._life = life
        self._day = day

    def ids(self) -> list[str]:
        return [key.partition(":")[0] for key in self._read().split(",") if key]

    def newest(self) -> tuple[str, str]:
        """The id and the secret that sign now."""
        key_id, _, secret = self._read().split(",")[0].partition(":")
        if not secret:
            raise DeployError("There is no such key: deploy this stage with --token-key first.")
        return key_id, secret

    def make(self) -> None:
        """Make the first key, unless there is one."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={**self._item, "keys": {"S": self._new([])}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise

    def rotate(self, withdraw: bool = False) -> list[str]:
        """A new key to sign with; the former ones still verify until no token of theirs lives.

        With `withdraw` they do not, as soon as the handlers have looked, which is within the hour.
        """
        before = self._read()
        if not before:
            raise DeployError("There is no key to replace: deploy this stage first.")
        kept = [] if withdraw else self._still_needed(before.split(","))
        after = ",".join([self._new(kept), *kept])
        self._client.update_item(
            TableName=self._table,
            Key=self._item,
            UpdateExpression="SET #keys = :after",
            ConditionExpression="#keys = :before",
            ExpressionAttributeNames={"#keys": "keys"},
            ExpressionAttributeValues={":after": {"S": after}, ":before": {"S": before}},
        )
        return [key.partition(":")[0] for key in after.split(",")]

    def _read(self) -> str:
        found = self._client.get_item(TableName=self._table, Key=self._item, ConsistentRead=True)
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
