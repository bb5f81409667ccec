"""The stack: what lasts, by CloudFormation, through change sets that can be shown first."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from infra.aws.clients import Client
from infra.aws.errors import DeployError, code_of, one_line
from infra.aws.plan import Say
from infra.aws.target import Target
from infra.local.tables import read_template

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
NEVER_STOOD = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
NO_CHANGES = ("didn't contain changes", "no updates are to be performed")
PATIENCE = 3600  # seconds for one operation; a distribution takes minutes

Parameters = Mapping[str, str]


def intervals() -> Iterator[float]:
    """Seconds between two looks: short at first, never more than 5."""
    for count in itertools.count():
        yield min(0.1 * 1.5**count, 5.0)


class Stack:
    """One stage's stack. `sleep` is a test's to replace."""

    def __init__(
        self,
        cloudformation: Client,
        target: Target,
        say: Say,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = cloudformation
        self._target = target
        self._say = say
        self._sleep = sleep

    # -- what stands -----------------------------------------------------------------------------

    def description(self) -> Mapping[str, Any] | None:
        """What CloudFormation knows of it; None if it does not stand."""
        try:
            stacks = self._client.describe_stacks(StackName=self._target.stack)["Stacks"]
        except ClientError as error:
            if code_of(error) == "ValidationError":  # "does not exist"
                return None
            raise
        found: Mapping[str, Any] = stacks[0]
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def status(self) -> str:
        return str((self.description() or {}).get("StackStatus", ""))

    def outputs(self) -> dict[str, str]:
        found = (self.description() or {}).get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in found}

    def owns(self, logical_id: str) -> bool:
        """Whether the stack has this resource."""
        if not self.status():
            return False
        found = self._client.describe_stack_resources(StackName=self._target.stack)
        return any(
            resource["LogicalResourceId"] == logical_id
            and not resource["ResourceStatus"].startswith("DELETE")
            for resource in found["StackResources"]
        )

    # -- changing it -----------------------------------------------------------------------------

    def expect(self, given: Parameters) -> list[str]:
        """What `bring` would change. A stack that stands is asked, through a change set."""
        if self.status() in {"", "REVIEW_IN_PROGRESS", *NEVER_STOOD}:
            return [f"create stack {self._target.stack} in {self._target.region}"]
        if self.status().endswith("IN_PROGRESS"):
            return [f"wait for stack {self._target.stack} ({self.status()}), then update it"]
        name, changes = self._propose(given, "UPDATE")
        self._client.delete_change_set(StackName=self._target.stack, ChangeSetName=name)
        return [in_words(change["ResourceChange"]) for change in changes or []]

    def bring(self, given: Parameters) -> None:
        """Make the stack what the template says."""
        self._settle()
        kind = "UPDATE" if self.status() not in {"", "REVIEW_IN_PROGRESS"} else "CREATE"
        name, changes = self._propose(given, kind)
        if changes is None:
            self._client.delete_change_set(StackName=self._target.stack, ChangeSetName=name)
            return
        seen = self._events_so_far()
        self._client.execute_change_set(StackName=self._target.stack, ChangeSetName=name)
        self._wait(seen)
        if self.status() != f"{kind}_COMPLETE":
            raise DeployError(self._why_it_failed(seen))

    def delete(self) -> None:
        """Take it down, but for what it retains."""
        self._settle()
        if not self.status():
            return
        seen = self._events_so_far()
        self._client.delete_stack(StackName=self._target.stack)
        self._wait(seen)
        if self.status():
            raise DeployError(self._why_it_failed(seen))

    def _settle(self) -> None:
        """Wait for what goes on; take away what never came to stand."""
        if self.status().endswith("IN_PROGRESS") and self.status() != "REVIEW_IN_PROGRESS":
            self._say(f"    waiting for stack {self._target.stack}: {self.status()}")
            self._wait(self._events_so_far())
        if self.status() in NEVER_STOOD:
            self._client.delete_stack(StackName=self._target.stack)
            self._wait(set())
        if self.status() == "UPDATE_ROLLBACK_FAILED":
            raise DeployError(
                f"Stack {self._target.stack} is stuck (UPDATE_ROLLBACK_FAILED): continue its"
                " rollback in CloudFormation's console, then deploy again."
            )

    def _propose(self, given: Parameters, kind: str) -> tuple[str, Sequence[Any] | None]:
        """A change set's name and its changes; None if there is nothing to change."""
        name = f"parley-{uuid.uuid4().hex[:12]}"
        self._client.create_change_set(
            StackName=self._target.stack,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=written_out(self._target),
            Capabilities=CAPABILITIES,
            Parameters=self._parameters(given),
            # A durable table of an earlier stack is taken in again.
            **({"ImportExistingResources": True} if self._target.durable else {}),
        )
        for pause in intervals():
            found = self._client.describe_change_set(
                StackName=self._target.stack, ChangeSetName=name
            )
            if found["Status"] in {"CREATE_COMPLETE", "FAILED"}:
                break
            self._sleep(pause)
        if found["Status"] == "CREATE_COMPLETE":
            return name, found["Changes"]
        reason = one_line(found.get("StatusReason", ""))
        if any(words in reason.lower() for words in NO_CHANGES):
            return name, None
        raise DeployError(f"CloudFormation does not take the template: {reason}")

    def _parameters(self, given: Parameters) -> list[dict[str, Any]]:
        """The given values; what was given before stays as it is."""
        before = (self.description() or {}).get("Parameters", [])
        kept = {parameter["ParameterKey"] for parameter in before} - set(given)
        return [
            *({"ParameterKey": key, "ParameterValue": value} for key, value in given.items()),
            *({"ParameterKey": key, "UsePreviousValue": True} for key in sorted(kept)),
        ]

    # -- watching it -----------------------------------------------------------------------------

    def _wait(self, seen: set[str]) -> None:
        """Tell of each resource until the operation has ended."""
        end = time.monotonic() + PATIENCE
        told = set(seen)
        for pause in intervals():
            for event in self._events(told):
                told.add(event["EventId"])
                if is_news(event, self._target.stack):
                    self._say(f"    {event['LogicalResourceId']}: {event['ResourceStatus']}")
            if not self.status().endswith("IN_PROGRESS"):
                return
            if time.monotonic() > end:
                raise DeployError(f"Stack {self._target.stack} takes too long: {self.status()}.")
            self._sleep(pause)

    def _events(self, but: set[str]) -> list[Any]:
        """The events that are new, oldest first."""
        try:
            pages = self._client.get_paginator("describe_stack_events").paginate(
                StackName=self._target.stack
            )
            found = [event for page in pages for event in page["StackEvents"]]
        except ClientError as error:
            if code_of(error) == "ValidationError":  # it is gone, and its events with it
                return []
            raise
        return [event for event in reversed(found) if event["EventId"] not in but]

    def _events_so_far(self) -> set[str]:
        return {event["EventId"] for event in self._events(set())} if self.status() else set()

    def _why_it_failed(self, seen: set[str]) -> str:
        for event in self._events(seen):
            reason = one_line(event.get("ResourceStatusReason", ""))
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason.lower():
                what = event["LogicalResourceId"]
                return f"Stack {self._target.stack} failed at {what}: {reason}"
        return f"Stack {self._target.stack} ended as {self.status()}."


def in_words(change: Mapping[str, Any]) -> str:
    """`modify Table (AWS::DynamoDB::Table)`, and whether that means another one."""
    anew = ", REPLACED" if change.get("Replacement") == "True" else ""
    what = f"{change['LogicalResourceId']} ({change['ResourceType']})"
    return f"{change['Action'].lower()} {what}{anew}"


def is_news(event: Mapping[str, Any], stack: str) -> bool:
    ended = not event["ResourceStatus"].endswith("IN_PROGRESS")
    return ended and event["LogicalResourceId"] != stack


def written_out(target: Target) -> str:
    """The template with the table's name and fate as literals.

    CloudFormation takes an existing table in only if the template itself names it and retains it,
    not if its parameters do.
    """
    text = target.template.read_text("utf-8")
    durable = target.durable
    for parametric, literal in {
        "TableName: !Ref TableName": f"TableName: {target.table}",
        "ProtectionEnabled: !Ref Durable": f"ProtectionEnabled: {str(durable).lower()}",
        "DeletionPolicy: !If [IsDurable, RetainExceptOnCreate, Delete]": (
            f"DeletionPolicy: {'RetainExceptOnCreate' if durable else 'Delete'}"
        ),
        "UpdateReplacePolicy: !If [IsDurable, Retain, Delete]": (
            f"UpdateReplacePolicy: {'Retain' if durable else 'Delete'}"
        ),
    }.items():
        if text.count(parametric) != 1:
            raise DeployError(f"{target.template.name} does not say `{parametric}` once.")
        text = text.replace(parametric, literal)
    return text


def parameter_names(target: Target) -> set[str]:
    """The template's parameters."""
    return set(read_template(target.template)["Parameters"])
