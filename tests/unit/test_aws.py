"""Our session makes the clients that boto3 makes: the same request goes to the same place."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from chalicelib import aws

REGIONS = [
    "us-east-1",
    "eu-central-1",
    "ap-southeast-7",
    "cn-north-1",
    "us-gov-west-1",
    "eusc-de-east-1",
]
KEYS: dict[str, Any] = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "t", "Key": {"pk": {"S": "room#a"}}}),
    "apigatewaymanagementapi": ("post_to_connection", {"ConnectionId": "a=", "Data": b"{}"}),
}


class Answer:
    """The body of an empty answer."""

    def stream(self, **_: Any) -> list[bytes]:
        return [b"{}"]


def sent(client: Any, call: str, parameters: dict[str, Any]) -> tuple[str, str, str, bytes]:
    """Where the client sends a call, for which region and service it signs, and what it sends."""
    seen: list[Any] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        seen.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), Answer())

    client.meta.events.register("before-send", answer)
    getattr(client, call)(**parameters)
    (request,) = seen
    scope = request.headers["Authorization"].decode().split("Credential=")[1].split(",")[0]
    return request.method, request.url, "/".join(scope.split("/")[2:4]), request.body


@pytest.mark.parametrize("service", sorted(CALLS))
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("variant", ["", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_the_endpoint_is_the_one_that_boto3_finds(
    service: str, region: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variant:
        monkeypatch.setenv(variant, "true")
    ours = aws.session().create_client(service, region_name=region, **KEYS)
    theirs: Any = boto3.client(service, region_name=region, **KEYS)  # type: ignore[call-overload]
    assert sent(ours, *CALLS[service]) == sent(theirs, *CALLS[service])


@pytest.mark.parametrize("service", sorted(CALLS))
def test_the_table_may_stand_elsewhere(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service.upper()}", "http://127.0.0.1:8001")
    ours = aws.session().create_client(service, region_name="us-east-1", **KEYS)
    assert sent(ours, *CALLS[service])[1].startswith("http://127.0.0.1:8001/")


def test_all_that_parley_asks_for_is_known() -> None:
    session = aws.session()
    assert session.get_available_services() == list(aws.SERVICES)
    client = session.create_client("dynamodb", region_name="us-east-1", **KEYS)
    assert client.can_paginate("scan")
