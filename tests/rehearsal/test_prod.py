"""The stage prod, whose table outlives it."""

from __future__ import annotations

import pytest

from infra.local.tables import read_template
from tests import parts
from tests.rehearsal import inventory
from tests.rehearsal.cloud import Cloud
from tests.rehearsal.conftest import Hire
from tests.rehearsal.operators import Operator

pytestmark = pytest.mark.timeout(180)

PROD = ("--stage", "prod")
SIGNING = {"pk": {"S": "secret#signing"}}


@pytest.fixture(scope="module")
def operator(hire: Hire) -> Operator:
    operator = hire()
    ran = operator.aws("deploy", *PROD, "--token-key")
    assert ran.code == 0, ran.said
    return operator


@pytest.mark.usefixtures("operator")
def test_the_table_is_protected_and_backed_up(cloud: Cloud) -> None:
    dynamodb = cloud.client("dynamodb")
    table = dynamodb.describe_table(TableName="parley-prod")["Table"]
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    # MiniStack's CloudFormation passes this property over; so here is only what it is told.
    stack = cloud.client("cloudformation").describe_stacks(StackName="parley-prod")["Stacks"][0]
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
    declared = read_template(parts.TEMPLATE)["Resources"]["Table"]["Properties"]
    recovery = declared["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert parameters[recovery["Ref"]] == "true"


def test_two_stages_stand_side_by_side(cloud: Cloud, operator: Operator) -> None:
    operator.deploys()
    assert len(inventory.rest_apis(cloud)) == 2
    again = operator.aws("deploy", *PROD)
    assert again.code == 0, again.said
    assert len(inventory.rest_apis(cloud)) == 2
    operator.destroys()
    assert len(inventory.rest_apis(cloud)) == 1
    assert "prod" in inventory.account(cloud), "the log role that is left steps in"


def test_destroying_keeps_the_table_and_says_so_and_deploying_takes_it_in_again(
    cloud: Cloud, operator: Operator
) -> None:
    dynamodb = cloud.client("dynamodb")
    keys = dynamodb.get_item(TableName="parley-prod", Key=SIGNING)["Item"]["keys"]["S"]
    ran = operator.aws("destroy", *PROD, "--yes")
    assert ran.code == 0, ran.said
    assert "Table parley-prod is kept, with rooms and signing key." in ran.said
    left = inventory.take(cloud)
    assert list(left["tables"]) == ["parley-prod"]
    assert not any(left[kind] for kind in ("stacks", "functions", "buckets", "log groups"))
    again = operator.aws("deploy", *PROD)
    assert again.code == 0, again.said
    assert dynamodb.get_item(TableName="parley-prod", Key=SIGNING)["Item"]["keys"]["S"] == keys
