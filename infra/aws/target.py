"""Where a deployment goes, and what its parts are called there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# As Chalice calls them: in its record, in its configuration, and after {app}-{stage}-.
HANDLERS = ("api_handler", "websocket_connect", "websocket_message", "websocket_disconnect")

REST = "https://{api}.execute-api.{region}.amazonaws.com/{stage}"
WEBSOCKET = "wss://{api}.execute-api.{region}.amazonaws.com/{stage}"


@dataclass(frozen=True)
class Addresses:
    """Templates over {api}, {region} and {stage}: where what API Gateway serves is found."""

    rest: str = REST
    websocket: str = WEBSOCKET

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Addresses:
        """AWS's own, unless the environment names a proxy or an emulator."""
        return cls(
            environment.get("EXECUTE_API_REST") or REST,
            environment.get("EXECUTE_API_WEBSOCKET") or WEBSOCKET,
        )


@dataclass(frozen=True)
class Target:
    """One stage of the project, in one region of one account."""

    project: Path
    stage: str
    region: str
    account: str = ""
    partition: str = "aws"
    addresses: Addresses = field(default_factory=Addresses)

    @property
    def config(self) -> dict[str, Any]:
        """.chalice/config.json, as it is committed."""
        path = self.project / ".chalice" / "config.json"
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found

    @property
    def app(self) -> str:
        return str(self.config["app_name"])

    @property
    def api_stage(self) -> str:
        """API Gateway's stage, the first part of each path; not Chalice's."""
        return str(self.config["api_gateway_stage"])

    @property
    def functions(self) -> str:
        """What the names of all functions begin with."""
        return f"{self.app}-{self.stage}"

    @property
    def stack(self) -> str:
        return self.functions

    @property
    def environment(self) -> dict[str, str]:
        """What the stage's functions find in their environment, as it is committed."""
        found: dict[str, str] = self.config["stages"][self.stage].get("environment_variables", {})
        return found

    @property
    def table(self) -> str:
        return self.environment["TABLE_NAME"]

    @property
    def durable(self) -> bool:
        """Whether the table outlives the deployment."""
        return self.stage == "prod"

    @property
    def template(self) -> Path:
        return self.project / "infra" / "aws" / "template.yaml"

    @property
    def workshop(self) -> Path:
        """Where Chalice works: a copy of the project, made anew each time."""
        return self.project / "build" / "aws" / f"{self.account}-{self.region}-{self.stage}"

    def function(self, handler: str) -> str:
        """The function's name on Lambda."""
        return self.functions if handler == "api_handler" else f"{self.functions}-{handler}"

    def role(self, handler: str) -> str:
        """The name of the function's role."""
        return f"{self.functions}-{handler}"

    def rest(self, api: str) -> str:
        return self._address(self.addresses.rest, api)

    def websocket(self, api: str) -> str:
        return self._address(self.addresses.websocket, api)

    def _address(self, template: str, api: str) -> str:
        return template.format(api=api, region=self.region, stage=self.api_stage)


def turn_urls(target: Target, environment: Mapping[str, str]) -> str:
    """TURN_URLS, of the command's environment or else of the stage."""
    return environment.get("TURN_URLS") or str(target.environment.get("TURN_URLS", ""))
