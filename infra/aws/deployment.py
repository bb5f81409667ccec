"""A deployment of one stage: its steps, in their order, made of the parts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from infra.aws import functions, smoke
from infra.aws.clients import Clients
from infra.aws.errors import DeployError
from infra.aws.functions import Functions
from infra.aws.gateway import Gateway
from infra.aws.keys import ISSUED_FOR, ISSUING, Keys
from infra.aws.plan import Say, Step
from infra.aws.record import Record, expect_one_of_each, value
from infra.aws.site import Site
from infra.aws.stack import Stack
from infra.aws.target import Target, turn_urls
from infra.aws.turn import TurnSecrets
from infra.token.issue import issue

RESUME_SECONDS = "86400"  # the default of chalicelib/settings.py


class Deployment:
    """Everything of one stage. Nothing is remembered between two steps but what stands on AWS."""

    def __init__(
        self,
        clients: Clients,
        target: Target,
        given: Mapping[str, str],
        environment: Mapping[str, str],
        say: Say,
        token_key: bool = False,
    ) -> None:
        self._clients = clients
        self.target = target
        self._given = given
        self.stack = Stack(clients.cloudformation, target, say)
        self.record = Record(clients, target)
        self.functions = Functions(clients.iam, target, say, environment)
        self.gateway = Gateway(clients, target)
        self.site = Site(clients, target.project / "client")
        life = timedelta(seconds=int(target.environment.get("RESUME_SECONDS", RESUME_SECONDS)))
        self.keys = Keys(clients.dynamodb, target.table, life)
        self.issuing = Keys(clients.dynamodb, target.table, ISSUED_FOR, item=ISSUING)
        self._token_key = token_key
        self.turn = TurnSecrets(clients.dynamodb, target.table)
        self._environment = environment

    # -- the plans -------------------------------------------------------------------------------

    def steps(self) -> Sequence[Step]:
        """All that deploying is."""
        return [
            Step("Stack", lambda: self.stack.expect(self._lasting()), self._bring_stack),
            Step("Signing key", lambda: self._expect_key(self.keys), self.keys.make),
            *self._token_steps(),
            *self._turn_steps(),
            Step("Functions", self._expect_functions, self._deploy_functions),
            Step("Stack with the APIs", self._expect_ids, self._bring_stack_with_ids),
            Step("Gateway", self._expect_gateway, self._finish_gateway),
            Step("Client", self._expect_site, self._publish),
            Step("Smoke test", lambda: ["health, join, signal between two sockets"], self._smoke),
        ]

    def steps_back(self) -> Sequence[Step]:
        """All that destroying is."""
        return [
            Step("Access logs", lambda: ["give the account's log role back"], self._release_logs),
            Step("Functions", self._expect_deletion, self._delete_functions),
            Step("Bucket", lambda: ["remove all files"], self._empty_bucket),
            Step("Stack", self._expect_stack_deletion, self.stack.delete),
        ]

    # -- the stack -------------------------------------------------------------------------------

    def _lasting(self) -> dict[str, str]:
        return {
            **self._given,
            "TableName": self.target.table,
            "Durable": str(self.target.durable).lower(),
            "Functions": self.target.functions,
            "ApiStage": self.target.api_stage,
        }

    def _with_ids(self) -> dict[str, str]:
        rest, websocket = self._apis()
        return {
            **self._lasting(),
            "WebsocketApiId": websocket,
            "ApiOrigin": origin(self.target.rest(rest)),
            "WebsocketOrigin": origin(self.target.websocket(websocket)),
        }

    def _bring_stack(self) -> None:
        self.stack.bring(self._lasting())

    def _expect_ids(self) -> list[str]:
        if not all(self._recorded_apis()):
            return ["tell CSP, alarms and dashboard of the APIs"]
        return self.stack.expect(self._with_ids())

    def _bring_stack_with_ids(self) -> None:
        self.stack.bring(self._with_ids())

    # -- keys ------------------------------------------------------------------------------------

    def _expect_key(self, keys: Keys) -> list[str]:
        if not self.stack.owns("Table"):
            return ["make one"]
        return [] if keys.ids() else ["make one"]

    def _token_steps(self) -> Sequence[Step]:
        """The key that operators issue tokens with, if it is asked for."""
        step = Step("Token key", lambda: self._expect_key(self.issuing), self.issuing.make)
        return [step] if self._token_key else []

    def _turn_steps(self) -> Sequence[Step]:
        """The secrets of a TURN server, if there is one to share them with."""
        given = self._environment.get("TURN_SECRETS", "")

        def expect() -> list[str]:
            if given:
                return ["put those of TURN_SECRETS into the table"]
            return [] if self.stack.owns("Table") and self.turn.all() else ["make two"]

        step = Step("TURN secrets", expect, lambda: self.turn.make(given))
        return [step] if turn_urls(self.target, self._environment) else []

    # -- functions -------------------------------------------------------------------------------

    @property
    def bucket(self) -> str:
        return self.stack.outputs().get("Bucket", "")

    def _expect_functions(self) -> list[str]:
        expect_one_of_each(self.record)
        names = ", ".join(item["name"] for item in self.record.standing())
        return [f"chalice deploy, which updates {names}" if names else "chalice deploy, all anew"]

    def _deploy_functions(self) -> None:
        """Chalice goes on from what really stands; what it did is kept even if it fails."""
        expect_one_of_each(self.record)
        try:
            page = origin(self.stack.outputs()["Page"])
            self.functions.deploy(self.record.fetch(self.bucket), page)
            found = json.loads(self.functions.recorded().read_text("utf-8"))
            self.record.store(self.bucket, found)
        finally:
            self.keep_record()
        self.functions.narrow(self.record.fetch(self.bucket))

    def keep_record(self) -> dict[str, Any]:
        """The record, put into the bucket, and where a bare `chalice deploy` looks for it."""
        found = self.record.fetch(self.bucket)
        if self.bucket and found["resources"]:
            self.record.store(self.bucket, found)
        functions.write(functions.recorded_in(self.target.project, self.target.stage), found)
        return found

    def _recorded_apis(self) -> tuple[str, str]:
        record = self.record.fetch(self.bucket)
        rest = value(record, "rest_api", "rest_api_id")
        return rest, value(record, "websocket_api", "websocket_api_id")

    def _apis(self) -> tuple[str, str]:
        rest, websocket = self._recorded_apis()
        if not (rest and websocket):
            raise DeployError("Chalice has deployed no APIs: deploy again.")
        return rest, websocket

    # -- gateway, client, smoke test -------------------------------------------------------------

    def _expect_gateway(self) -> list[str]:
        return ["new WebSocket deployment, throttles, access logs without bodies"]

    def _finish_gateway(self) -> None:
        self.gateway.finish(*self._apis(), self.stack.outputs())

    def addresses(self) -> dict[str, str]:
        """What config.json tells the client."""
        rest, websocket = self._apis()
        return {"api": self.target.rest(rest), "websocket": self.target.websocket(websocket)}

    def _expect_site(self) -> list[str]:
        if not all(self._recorded_apis()):
            return ["send all files, config.json last"]
        return self.site.changes(self.bucket, self.addresses())

    def _publish(self) -> None:
        outputs = self.stack.outputs()
        self.site.publish(outputs["Bucket"], outputs["Distribution"], self.addresses())

    def _smoke(self) -> None:
        found = self.addresses()
        smoke.try_it(found["api"], found["websocket"], self._token)

    def _token(self, room: str) -> str | None:
        """What the smoke test enters with; None if nothing is needed, empty if we issue none."""
        if self.functions.settings["ACCESS"] == "open":
            return None
        if not self.issuing.ids():
            return ""
        return issue(self.issuing.newest(), "smoke-test", timedelta(minutes=5), rooms=[room])

    # -- and back --------------------------------------------------------------------------------

    def _release_logs(self) -> None:
        role = self.stack.outputs().get("AccessLogRoleArn", "")
        self.gateway.release_logs(role, self._heir())

    def _heir(self) -> str:
        """The log role of another stage here, for the account's settings."""
        for stage in self.target.config["stages"]:
            other = Target(self.target.project, stage, self.target.region)
            if stage != self.target.stage:
                outputs = Stack(self._clients.cloudformation, other, lambda _: None).outputs()
                if role := outputs.get("AccessLogRoleArn", ""):
                    return role
        return ""

    def _expect_deletion(self) -> list[str]:
        names = ", ".join(item["name"] for item in self.record.standing())
        return [f"chalice delete: {names}"] if names else []

    def _delete_functions(self) -> None:
        record = self.record.fetch(self.bucket)
        if record["resources"]:
            self.functions.delete(record)
        local = functions.recorded_in(self.target.project, self.target.stage)
        local.unlink(missing_ok=True)

    def _empty_bucket(self) -> None:
        if self.bucket:
            self.site.empty(self.bucket)

    def _expect_stack_deletion(self) -> list[str]:
        if not self.stack.status():
            return []
        kept = f", but keep table {self.target.table}" if self.target.durable else ""
        return [f"delete {self.target.stack}{kept}"]


def origin(url: str) -> str:
    """Scheme and host of an address."""
    return "/".join(url.split("/")[:3])
