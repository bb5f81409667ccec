"""A gateway in this process, the toy application behind it, on a port of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from chalice.config import Config as ChaliceConfig
from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
from websockets.sync.client import ClientConnection, connect

from infra.local import ports
from infra.local.front import Front
from infra.local.handlers import Handlers
from infra.local.limits import Limits
from infra.local.mischief import Mischief, MortalHandlers
from infra.local.project import served_locally
from infra.local.servers import serving
from infra.local.workers import Workers
from tests.gateway.toyapp.app import Notes, make_app
from tests.parts import eventually

HERE = Path(__file__).parent
TOYAPP = HERE / "toyapp"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """The running gateway, as its clients and its application see it."""

    def __init__(self, port: int, notes: Notes, front: Front) -> None:
        self.port = port
        self.notes = notes
        self.front = front
        self.loop = asyncio.get_running_loop()
        self.management = management_client(f"http://127.0.0.1:{port}/api")

    @contextmanager
    def open(self, path: str = "/ws", **options: Any) -> Iterator[ClientConnection]:
        with connect(f"ws://127.0.0.1:{self.port}{path}", **QUIET | options) as socket:
            yield socket

    def http(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request(method, path, body, headers or {})
            response = client.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            client.close()

    def event(self, kind: str) -> dict[str, Any]:
        """The first event of this type, once it has come."""
        return eventually(lambda: self.notes.of(kind), 10)[0]


QUIET: dict[str, Any] = {"proxy": None, "compression": None, "open_timeout": 10, "close_timeout": 5}


IMPATIENT = Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=10)


def management_client(endpoint: str, patience: Config = IMPATIENT) -> ApiGatewayManagementApiClient:
    """The real client, which neither waits long nor tries again."""
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=patience,
    )


def ask(socket: ClientConnection, **order: Any) -> Any:
    """Tell the toy application what to do, and hear its answer."""
    socket.send(json.dumps(order))
    return hear(socket)


def hear(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=10))


def id_of(socket: ClientConnection) -> str:
    """The id that the gateway gave to this socket."""
    return str(ask(socket)["event"]["requestContext"]["connectionId"])


@contextmanager
def served(
    limits: Limits | None = None,
    client: Path | None = TOYAPP / "client",
    without: tuple[str, ...] = (),
    mischief: Mischief | None = None,
    in_progress: bool = False,
) -> Iterator[Served]:
    """A gateway with these limits, whose application lacks the handlers of `without`."""
    limits = limits or Limits()
    notes = Notes()
    app = make_app(notes)
    for route in without:
        del app.websocket_handlers[route]
    ready: list[Served] = []
    stop: Callable[[], object] = lambda: None  # noqa: E731

    async def run() -> None:
        nonlocal stop
        with ports.listen("127.0.0.1", 0) as listener:
            port = ports.number_of(listener)
            config = ChaliceConfig("local", config_from_disk={"lambda_timeout": 10})
            workers = Workers(limits.threads)
            endpoint = f"http://127.0.0.1:{port}/api"
            deployed = (served_locally(app), config, workers, limits.integration, endpoint)
            handlers = MortalHandlers(mischief, *deployed) if mischief else Handlers(*deployed)
            front = Front(handlers, limits, "api", client, mischief, in_progress)
            ended = asyncio.Event()
            loop = asyncio.get_running_loop()
            stop = lambda: loop.call_soon_threadsafe(ended.set)  # noqa: E731
            async with serving(front, listener, limits):
                ready.append(Served(port, notes, front))
                await ended.wait()
                front.gateway.stop()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        yield eventually(lambda: ready, 10)[0]
    finally:
        stop()
        thread.join(10)
