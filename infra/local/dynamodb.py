"""A DynamoDB that answers: MiniStack, or what AWS_ENDPOINT_URL_DYNAMODB names."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from yaml import YAMLError

from infra.local.errors import DeskError
from infra.local.tables import create_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BOOT_TIME = 30.0

# Nothing here may reach for real credentials, or ask the network for some.
HARMLESS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",  # any will do  # nosec B105
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def settle_environment() -> None:
    """Give AWS clients of this process something harmless where the environment has nothing."""
    for name, value in HARMLESS.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("AWS_REGION", os.environ["AWS_DEFAULT_REGION"])
    for name in ("NO_PROXY", "no_proxy"):  # what is on this machine is not behind a proxy
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"]))


def client(endpoint: str) -> DynamoDBClient:
    """A client that does not wait long, nor try again by itself."""
    patience = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
    return boto3.client("dynamodb", endpoint_url=endpoint, config=patience)


async def wait_until_up(dynamodb: DynamoDBClient) -> None:
    """Return when the endpoint, which is just starting, answers."""
    end = time.monotonic() + BOOT_TIME
    while (silence := await asyncio.to_thread(silence_of, dynamodb)) is not None:
        if time.monotonic() > end:
            raise DeskError(f"DynamoDB did not come up within {BOOT_TIME:.0f} s: {silence}")
        await asyncio.sleep(0.05)


async def expect_up(dynamodb: DynamoDBClient) -> None:
    """Return if the endpoint answers; a DeskError that names it otherwise."""
    if silence := await asyncio.to_thread(silence_of, dynamodb):
        endpoint = dynamodb.meta.endpoint_url
        raise DeskError(f"AWS_ENDPOINT_URL_DYNAMODB: no DynamoDB answers at {endpoint}: {silence}")


async def furnish(dynamodb: DynamoDBClient, template: Path) -> None:
    """Create the template's tables; a DeskError that names the template if that fails."""
    try:
        await asyncio.to_thread(create_tables, dynamodb, template)
    except (BotoCoreError, ClientError, YAMLError) as error:
        reason = " ".join(str(error).split())
        raise DeskError(f"The tables of {template} cannot be created: {reason}") from error


def silence_of(dynamodb: DynamoDBClient) -> str | None:
    """Why the endpoint does not answer as DynamoDB does, or None if it does."""
    try:
        dynamodb.list_tables(Limit=1)
    except HTTPClientError as error:
        return type(error).__name__
    except (BotoCoreError, ClientError) as error:
        return str(error)
    return None
