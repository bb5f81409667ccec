"""Starts MiniStack with what `chalice deploy` needs and MiniStack 1.5.33 lacks over HTTP.

Two patches, in this process alone:

1. ImportRestApi and PutRestApi. MiniStack reads OpenAPI documents when CloudFormation brings them,
   not when Chalice does; its own functions do the work here too.
2. UpdateRestApi with an empty `minimumCompressionSize`, with which Chalice says "none".

It listens on OPEN_PORT too, without TLS, and leaves port 443 alone.

Functions are ready at once: Chalice looks only every 5 seconds, eight times a deployment. And each
decision about a permission (AUTH=true) is written to the file OBSERVED names, a JSON object a line.

Standard input is a leash: when the test that holds it is gone, so are MiniStack and its workers.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.config import Config
from ministack import app
from ministack.core import iam_evaluator
from ministack.services import apigateway_v1, lambda_svc

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[..., Awaitable[Answer]]


def import_rest_api(body: bytes) -> Answer:
    """ImportRestApi: the document becomes an API."""
    document = json.loads(body)
    api_id = apigateway_v1._import_rest_api(document)
    import_responses(api_id, document)
    return described(api_id)


def import_responses(api_id: str, document: dict[str, Any]) -> None:
    """What MiniStack's import leaves out: the answers of integrations without a function (CORS)."""
    for resource in apigateway_v1._resources[api_id].values():
        operations = document["paths"].get(resource["path"], {})
        for method, operation in operations.items():
            integration = operation.get("x-amazon-apigateway-integration", {})
            for pattern, response in integration.get("responses", {}).items():
                pattern = "" if pattern == "default" else pattern
                apigateway_v1._put_integration_response(
                    *(api_id, resource["id"], method.upper(), response["statusCode"]),
                    {**response, "selectionPattern": pattern},
                )


def described(api_id: str) -> Answer:
    answer: Answer = apigateway_v1._get_rest_api(api_id)
    return answer


def put_rest_api(api_id: str, body: bytes) -> Answer:
    """PutRestApi, mode overwrite: nothing of the old routes stays."""
    resources = apigateway_v1._resources.get(api_id)
    if resources is None:
        return described(api_id)
    root = next(key for key, resource in resources.items() if resource["path"] == "/")
    for key in [key for key in resources if key != root]:
        del resources[key]
    document = json.loads(body)
    for path, item in document["paths"].items():
        apigateway_v1._import_path_item(api_id, path, item)
    import_responses(api_id, document)
    return described(api_id)


def without_empty_compression(body: bytes) -> bytes:
    """The patch operations, where an empty minimum compression size is none."""
    document = json.loads(body)
    for operation in document.get("patchOperations", []):
        if operation.get("path") == "/minimumCompressionSize" and not operation.get("value"):
            operation["value"] = None
    return json.dumps(document).encode()


def patched(handle: Handler) -> Handler:
    """MiniStack's handler of REST API calls, with the two patches before it."""

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        parts = path.strip("/").split("/")
        if parts == ["restapis"] and method == "POST" and "import" in query.get("mode", []):
            return import_rest_api(body)
        if len(parts) == 2 and parts[0] == "restapis":
            if method == "PUT":
                return put_rest_api(parts[1], body)
            if method == "PATCH":
                body = without_empty_compression(body)
        return await handle(method, path, headers, body, query)

    return handle_request


def observed(decide: Callable[..., Any], path: str) -> Callable[..., Any]:
    """MiniStack's evaluation of policies, with a line for each decision."""

    def evaluate(context: Any, *rest: Any) -> Any:
        result = decide(context, *rest)
        line = {
            "principal": context.principal_arn,
            "action": context.action,
            "resource": context.resource_arn,
            "decision": result.decision,
        }
        with open(path, "a") as file:
            file.write(json.dumps(line) + "\n")
        return result

    return evaluate


def leash() -> None:
    """Wait for the end of standard input; then end the whole process group."""
    while os.read(0, 1):
        pass
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    apigateway_v1.handle_request = patched(apigateway_v1.handle_request)
    iam_evaluator.evaluate = observed(iam_evaluator.evaluate, os.environ["OBSERVED"])
    Config._insecure_bind = [f"127.0.0.1:{os.environ['OPEN_PORT']}"]
    app._port_is_bindable = lambda *_: False
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0
    threading.Thread(target=leash, daemon=True).start()
    app.main()
