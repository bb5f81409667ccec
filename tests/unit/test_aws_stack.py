"""A stack that cannot be made: what CloudFormation says about it, in one sentence.

MiniStack takes whatever it is given, so a CloudFormation that refuses is written by hand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.aws.errors import DeployError
from infra.aws.stack import Stack
from infra.aws.target import Target
from tests.parts import ROOT

TARGET = Target(ROOT, "dev", "eu-central-1", "123456789012")


def event(number: int, what: str, status: str, reason: str = "") -> Mapping[str, str]:
    return {
        "EventId": str(number),
        "LogicalResourceId": what,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


class Refusing:
    """A CloudFormation that begins, fails at one resource, and takes all back."""

    def __init__(self) -> None:
        self.executed = False

    def describe_stacks(self, **_: Any) -> Mapping[str, Any]:
        if not self.executed:
            raise ClientError({"Error": {"Code": "ValidationError"}}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": "ROLLBACK_COMPLETE"}]}

    def create_change_set(self, **_: Any) -> None: ...

    def describe_change_set(self, **_: Any) -> Mapping[str, Any]:
        return {"Status": "CREATE_COMPLETE", "Changes": []}

    def execute_change_set(self, **_: Any) -> None:
        self.executed = True

    def get_paginator(self, _: str) -> Refusing:
        return self

    def paginate(self, **_: Any) -> list[Mapping[str, Any]]:
        latest_first = [
            event(4, "parley-dev", "ROLLBACK_COMPLETE"),
            event(3, "Table", "CREATE_FAILED", "Resource creation cancelled"),
            event(2, "Bucket", "CREATE_FAILED", "Quota of buckets\nexceeded"),
            event(1, "Bucket", "CREATE_IN_PROGRESS"),
        ]
        return [{"StackEvents": latest_first}]


def test_a_stack_that_fails_says_at_what_and_why() -> None:
    told: list[str] = []
    stack = Stack(Refusing(), TARGET, told.append)
    with pytest.raises(DeployError, match="Stack parley-dev failed at Bucket: Quota of buckets"):
        stack.bring({})
    assert told == ["    Bucket: CREATE_FAILED", "    Table: CREATE_FAILED"]
