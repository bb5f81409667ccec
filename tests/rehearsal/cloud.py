"""AWS in miniature: MiniStack with permissions that hold, and nothing in it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.certificate import write_certificate
from tests import parts

REGION = "eu-central-1"
ROOT_KEY = "test"  # MiniStack's root user of the account 000000000000


@dataclass(frozen=True)
class Keys:
    """Somebody's credentials."""

    id: str = ROOT_KEY
    secret: str = "test"


class Cloud:
    """One MiniStack of our own. `start` it, and `stop` it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = parts.free_port()
        self.host = f"127.0.0.1:{self._port}"
        self.url = f"https://{self.host}"
        # Where APIs are called, without TLS: of WebSocket handshakes with TLS, MiniStack leaves one
        # in some hundred unanswered.
        self.open_port = parts.free_port()
        self.certificate, self._key = write_certificate(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    def start(self) -> None:
        (self._folder / "tmp").mkdir()
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.rehearsal.launcher"],
                cwd=parts.ROOT,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        parts.eventually(self._is_up)

    def stop(self) -> None:
        """Let go of the leash; MiniStack and its workers end."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(parts.ROOT),
            "PYTHONUNBUFFERED": "1",
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "OPEN_PORT": str(self.open_port),
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(self.certificate),
            "MINISTACK_SSL_KEY": str(self._key),
            "AUTH": "true",
            "OBSERVED": str(self._folder / "observed"),
            "LAMBDA_EXECUTOR": "local",
            "PERSIST_STATE": "0",
            # Left to itself it would listen for MQTT on all interfaces.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": str(self._folder / "tmp"),
            "HOME": str(self._folder),
        }

    def _is_up(self) -> bool:
        try:
            self.client("sts").get_caller_identity()
        except (BotoCoreError, ClientError):
            return False
        return True

    # -- looking at it ---------------------------------------------------------------------------

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(ROOT_KEY, "test", region_name=REGION)

    def client(self, service: str, region: str = REGION) -> Any:
        """A client that may do anything; making one takes ten times as long as a call."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._make_client(service, region)
        return self._clients[service, region]

    def _make_client(self, service: str, region: str) -> Any:
        make: Any = self._session.client
        retry = Config(retries={"mode": "standard", "total_max_attempts": 2})
        verify = str(self.certificate)
        return make(service, region_name=region, endpoint_url=self.url, verify=verify, config=retry)

    def observed(self) -> list[dict[str, str]]:
        """Every decision about a permission so far."""
        lines = (self._folder / "observed").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def hire(self, name: str, policy: str) -> Keys:
        """A user who may do what the policy says, and no more."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    # -- what an operator's environment says -----------------------------------------------------

    def for_operators(self, keys: Keys) -> dict[str, str]:
        execute_api = f"127.0.0.1:{self.open_port}/_aws/execute-api/{{api}}/{{stage}}"
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_ACCESS_KEY_ID": keys.id,
            "AWS_SECRET_ACCESS_KEY": keys.secret,
            "AWS_DEFAULT_REGION": REGION,
            "EXECUTE_API_REST": f"http://{execute_api}",
            "EXECUTE_API_WEBSOCKET": f"ws://{execute_api}",
            "MANAGEMENT_URL": f"http://{execute_api}",
            # Functions run on this very machine, and ask nobody for STUN.
            "LAMBDA_ARCHITECTURE": architecture(),
            "ICE_SERVERS": "[]",
            # So that the conversations, which read the list of rooms, can take place here too.
            "STATS": "public",
        }


def architecture() -> str:
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
