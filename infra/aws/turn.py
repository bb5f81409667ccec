"""The secrets that Parley shares with a TURN server: in the table, replaced without a break.

There are up to three: the one that signs, the one that will sign after the next rotation, and the
one that signed before it. The TURN server accepts them all, so it never sees a credential whose
secret it has not been told, however late it is told of a rotation, as long as that is before the
next one. They lie where the signing keys lie, and for the same reasons (infra/aws/keys.py).
"""

from __future__ import annotations

import secrets

from botocore.exceptions import ClientError

from infra.aws.clients import Client
from infra.aws.errors import DeployError, code_of

ITEM = {"pk": {"S": "secret#turn"}}


class TurnSecrets:
    """Separated by commas, the one that signs first; chalicelib/ice.py reads them."""

    def __init__(self, dynamodb: Client, table: str) -> None:
        self._client = dynamodb
        self._table = table

    def all(self) -> list[str]:
        """What the TURN server has to accept."""
        found = self._client.get_item(TableName=self._table, Key=ITEM, ConsistentRead=True)
        text = str(found.get("Item", {}).get("secrets", {}).get("S", ""))
        return [secret for secret in text.split(",") if secret]

    def make(self, given: str = "") -> None:
        """Put those given into the table; without any, make two, unless there are some."""
        if given:
            return self._put(",".join(secret.strip() for secret in given.split(",")))
        try:
            self._put(f"{_new()},{_new()}", "attribute_not_exists(pk)")
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
        return None

    def rotate(self) -> None:
        """The next one signs from now on, and there is a new next one."""
        before = self.all()
        if len(before) < 2:
            raise DeployError(
                "There is no secret to go on with: deploy with TURN_URLS, or give others as"
                " TURN_SECRETS."
            )
        signing, following, *_ = before
        self._client.update_item(
            TableName=self._table,
            Key=ITEM,
            UpdateExpression="SET #secrets = :after",
            ConditionExpression="#secrets = :before",
            ExpressionAttributeNames={"#secrets": "secrets"},
            ExpressionAttributeValues={
                ":after": {"S": ",".join((following, _new(), signing))},
                ":before": {"S": ",".join(before)},
            },
        )

    def _put(self, text: str, condition: str = "") -> None:
        only = {"ConditionExpression": condition} if condition else {}
        self._client.put_item(TableName=self._table, Item={**ITEM, "secrets": {"S": text}}, **only)


def _new() -> str:
    return secrets.token_urlsafe(32)
