"""What Chalice leaves undone at API Gateway: routes that go live, throttles, access logs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

from botocore.exceptions import ClientError

from infra.aws.clients import Clients
from infra.aws.errors import DeployError, code_of
from infra.aws.record import if_there
from infra.aws.target import Target

# What was called, and what came of it: never a body, a query, a token, or whose address it was.
REST_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "path": "$context.resourcePath",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "error": "$context.error.message",
}
WEBSOCKET_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "connection": "$context.connectionId",
    "event": "$context.eventType",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latency": "$context.integrationLatency",
    "error": "$context.error.message",
}
KEPT = 2  # deployments of the WebSocket API: the live one, and the one to go back to
ATTEMPTS = 12  # until a role that was just made may be taken on

Outputs = Mapping[str, str]


class Gateway:
    """Both APIs' stages."""

    def __init__(
        self, clients: Clients, target: Target, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clients = clients
        self._target = target
        self._sleep = sleep

    def finish(self, rest_api: str, websocket_api: str, outputs: Outputs) -> None:
        """Bring routes to life, set limits and logs."""
        self._let_logs_be_written(outputs["AccessLogRoleArn"])
        self._finish_rest(rest_api, outputs)
        self._finish_websocket(websocket_api, outputs)

    # -- REST ------------------------------------------------------------------------------------

    def _finish_rest(self, api: str, outputs: Outputs) -> None:
        wanted = {
            "/accessLogSettings/destinationArn": outputs["RestAccessLogArn"],
            "/accessLogSettings/format": json.dumps(REST_LOG),
            "/*/*/throttling/rateLimit": outputs["RequestsPerSecond"],
            "/*/*/throttling/burstLimit": outputs["RequestBurst"],
        }
        self._clients.apigateway.update_stage(
            restApiId=api,
            stageName=self._target.api_stage,
            patchOperations=[
                {"op": "replace", "path": path, "value": value} for path, value in wanted.items()
            ],
        )

    # -- WebSocket -------------------------------------------------------------------------------

    def _finish_websocket(self, api: str, outputs: Outputs) -> None:
        """One switch from the old routes to the new ones: AutoDeploy would show the gaps.

        A stage that an interrupted Chalice never came to make is made.
        """
        client = self._clients.apigatewayv2
        deployment = client.create_deployment(ApiId=api)["DeploymentId"]
        stage = {"ApiId": api, "StageName": self._target.api_stage}
        there = if_there(lambda: client.get_stage(**stage))
        (client.update_stage if there else client.create_stage)(
            **stage,
            DeploymentId=deployment,
            AccessLogSettings={
                "DestinationArn": outputs["WebsocketAccessLogArn"],
                "Format": json.dumps(WEBSOCKET_LOG),
            },
            DefaultRouteSettings={
                "DataTraceEnabled": False,  # it would log what people send
                "ThrottlingRateLimit": float(outputs["RequestsPerSecond"]),
                "ThrottlingBurstLimit": int(outputs["RequestBurst"]),
            },
        )
        self._forget_old_deployments(api, deployment)

    def _forget_old_deployments(self, api: str, live: str) -> None:
        client = self._clients.apigatewayv2
        pages = client.get_paginator("get_deployments").paginate(ApiId=api)
        found = [deployment for page in pages for deployment in page["Items"]]
        found.sort(key=lambda item: (item["DeploymentId"] == live, item["CreatedDate"]))
        for deployment in found[:-KEPT]:
            client.delete_deployment(ApiId=api, DeploymentId=deployment["DeploymentId"])

    # -- access logs -----------------------------------------------------------------------------
    # One role writes the logs of all APIs in a region. What somebody has set is left alone.

    def _let_logs_be_written(self, role: str) -> None:
        if not self._log_role():
            self._set_log_role(role)

    def release_logs(self, role: str, heir: str) -> None:
        """Take our role out of the account's settings; another stage's role steps in."""
        if role and self._log_role() == role:
            self._set_log_role(heir)

    def _log_role(self) -> str:
        return str(self._clients.apigateway.get_account().get("cloudwatchRoleArn") or "")

    def _set_log_role(self, role: str) -> None:
        operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
        for _ in range(ATTEMPTS):
            try:
                self._clients.apigateway.update_account(patchOperations=[operation])
                return
            except ClientError as error:
                if code_of(error) != "BadRequestException" or "role" not in str(error):
                    raise
            self._sleep(5)
        raise DeployError(f"API Gateway does not take the role {role} for its logs.")
