"""Tallies in the table: one item for each, that vanishes by itself when its window has ended.

    limit#{what}#{pseudonym}#{end}   n, expiresAt

Who is counted (an address, a socket, the subject of a token) is never written down: only a keyed
hash of it is, so that who reads the table learns nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LINGER = 60  # seconds that a tally outlasts its window, for clocks that are behind


class DynamoTallies:
    """The port Tallies; `pseudonym` is a keyed hash."""

    def __init__(self, client: DynamoDBClient, table: str, pseudonym: Callable[[str], str]) -> None:
        self._client = client
        self._table = table
        self._pseudonym = pseudonym

    def add(self, what: str, whose: str, end: int, amount: int, limit: int) -> int | None:
        from botocore.exceptions import ClientError

        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=self._key(what, whose, end),
                UpdateExpression="SET expiresAt = :end ADD n :amount",
                ConditionExpression="attribute_not_exists(n) OR n < :limit",
                ExpressionAttributeValues={
                    ":end": {"N": str(end + _LINGER)},
                    ":amount": {"N": str(amount)},
                    ":limit": {"N": str(limit)},
                },
                ReturnValues="UPDATED_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None
        return int(answer["Attributes"]["n"]["N"])

    def subtract(self, what: str, whose: str, end: int) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=self._key(what, whose, end),
            UpdateExpression="SET expiresAt = :end ADD n :minus",
            ExpressionAttributeValues={
                ":end": {"N": str(end + _LINGER)},
                ":minus": {"N": "-1"},
            },
        )

    def _key(self, what: str, whose: str, end: int) -> dict[str, Any]:
        return {"pk": {"S": f"limit#{what}#{self._pseudonym(f'{what}#{whose}')}#{end}"}}
