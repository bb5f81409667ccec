"""boto3's clients, made once from one session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

# The stubs of a dozen services would cost more than they tell; the rehearsal runs every call.
Client = Any

CONFIG = Config(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 6}
)


@dataclass(frozen=True)
class Clients:
    """One client for each service that a deployment speaks to."""

    apigateway: Client
    apigatewayv2: Client
    cloudformation: Client
    cloudfront: Client
    dynamodb: Client
    iam: Client
    lambda_: Client
    logs: Client
    s3: Client
    sts: Client


def connect(session: boto3.Session, region: str) -> Clients:
    """All of them, for one region; AWS_ENDPOINT_URL is honoured, as by Chalice."""

    def client(service: str) -> Client:
        make: Any = session.client
        return make(service, region_name=region, config=CONFIG)

    return Clients(**{name: client(name.rstrip("_")) for name in Clients.__dataclass_fields__})
