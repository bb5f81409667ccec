"""What Chalice has deployed: its own record, kept in the bucket, completed by what really stands.

Chalice knows its APIs by this record alone and writes it only when all went well. Without it, on
another machine or after an interruption, Chalice would make every API a second time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.aws.clients import Clients
from infra.aws.errors import DeployError, code_of
from infra.aws.target import HANDLERS, Target

Resource = dict[str, str]
EMPTY: dict[str, Any] = {"resources": [], "schema_version": "2.0", "backend": "api"}
MISSING = {
    "404",
    "NoSuchBucket",
    "NoSuchEntity",
    "NoSuchKey",
    "NotFoundException",
    "ResourceNotFoundException",
}


class Record:
    """The record of one stage."""

    def __init__(self, clients: Clients, target: Target) -> None:
        self._clients = clients
        self._target = target

    @property
    def key(self) -> str:
        """Its place in the bucket, which the CDN does not serve."""
        return f"record/{self._target.stage}.json"

    def fetch(self, bucket: str | None) -> dict[str, Any]:
        """The record in the bucket, without what is gone, with what it does not know."""
        standing = {resource["name"]: resource for resource in self.standing()}
        known = self._kept(bucket)["resources"] if bucket else []
        resources = [
            {**resource, **standing.pop(resource["name"], {})}
            for resource in known
            if resource["name"] in standing or not is_ours(resource["name"])
        ]
        return {**EMPTY, "resources": [*resources, *standing.values()]}

    def store(self, bucket: str, record: Mapping[str, Any]) -> None:
        self._clients.s3.put_object(
            Bucket=bucket,
            Key=self.key,
            Body=(json.dumps(record, indent=2) + "\n").encode(),
            ContentType="application/json",
        )

    def _kept(self, bucket: str) -> dict[str, Any]:
        found = if_there(lambda: self._clients.s3.get_object(Bucket=bucket, Key=self.key))
        kept: dict[str, Any] = json.loads(found["Body"].read()) if found else EMPTY
        return kept

    # -- what really stands, in Chalice's words --------------------------------------------------

    def standing(self) -> Iterator[Resource]:
        """Roles, functions and APIs of this stage, as Chalice would have recorded them."""
        for handler in HANDLERS:
            yield from self._role(handler)
            yield from self._function(handler)
        for api in self.rest_apis():
            yield resource("rest_api", "rest_api", rest_api_id=api, rest_api_url=self._url(api))
        for api in self.websocket_apis():
            url = self._url(api, "wss")
            yield resource(
                "websocket_api", "websocket_api", websocket_api_id=api, websocket_api_url=url
            )

    def _role(self, handler: str) -> Iterator[Resource]:
        name = self._target.role(handler)
        if found := if_there(lambda: self._clients.iam.get_role(RoleName=name)):
            arn = found["Role"]["Arn"]
            yield resource(f"{handler}_role", "iam_role", role_arn=arn, role_name=name)

    def _function(self, handler: str) -> Iterator[Resource]:
        name = self._target.function(handler)
        ask = self._clients.lambda_.get_function
        if found := if_there(lambda: ask(FunctionName=name)):
            arn = found["Configuration"]["FunctionArn"]
            yield resource(handler, "lambda_function", lambda_arn=arn)

    def rest_apis(self) -> list[str]:
        """REST APIs that lead to this stage's function; by name all stages look alike."""
        pages = self._clients.apigateway.get_paginator("get_rest_apis").paginate()
        apis = [api for page in pages for api in page["items"]]
        return [api["id"] for api in apis if api["name"] == self._target.app and self._leads(api)]

    def _leads(self, api: Mapping[str, Any]) -> bool:
        function = f":function:{self._target.functions}/"
        pages = self._clients.apigateway.get_paginator("get_resources").paginate(
            restApiId=api["id"], embed=["methods"]
        )
        return any(
            function in method.get("methodIntegration", {}).get("uri", "")
            for page in pages
            for path in page["items"]
            for method in path.get("resourceMethods", {}).values()
        )

    def websocket_apis(self) -> list[str]:
        name = f"{self._target.functions}-websocket-api"
        pages = self._clients.apigatewayv2.get_paginator("get_apis").paginate()
        return [api["ApiId"] for page in pages for api in page["Items"] if api["Name"] == name]

    def _url(self, api: str, scheme: str = "https") -> str:
        host = f"{api}.execute-api.{self._target.region}.amazonaws.com"
        return f"{scheme}://{host}/{self._target.api_stage}/"


def resource(name: str, kind: str, **values: str) -> Resource:
    return {"name": name, "resource_type": kind, **values}


def is_ours(name: str) -> bool:
    """Whether `standing` looks for it; what else Chalice recorded is its own business."""
    return name.removesuffix("_role") in {*HANDLERS, "rest_api", "websocket_api"}


def value(record: Mapping[str, Any], name: str, key: str) -> str:
    """One resource's value; "" if it is not recorded."""
    found = {entry["name"]: entry for entry in record["resources"]}
    return str(found.get(name, {}).get(key, ""))


def if_there(ask: Any) -> Any:
    """The answer, or None if what is asked for does not exist."""
    try:
        return ask()
    except ClientError as error:
        if code_of(error) in MISSING:
            return None
        raise


def expect_one_of_each(record: Record) -> None:
    """Raise DeployError if some API stands twice: no command should guess which one is meant."""
    for kind, apis in [("REST", record.rest_apis()), ("WebSocket", record.websocket_apis())]:
        if len(apis) > 1:
            raise DeployError(
                f"{len(apis)} {kind} APIs belong to this stage ({', '.join(apis)}): delete those"
                " that nobody uses in API Gateway's console, then try again."
            )
