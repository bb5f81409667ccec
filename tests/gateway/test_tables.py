"""Tables from a CloudFormation template."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_dynamodb import DynamoDBClient

from infra.local.tables import create_tables, environment_name, read_template
from tests.gateway.served import TOYAPP

TEMPLATE = TOYAPP / "infra" / "aws" / "template.yaml"


@pytest.fixture
def dynamodb() -> Iterator[DynamoDBClient]:
    with mock_aws():
        yield boto3.client("dynamodb", region_name="us-east-1")


def test_every_table_is_created_with_its_time_to_live(dynamodb: DynamoDBClient) -> None:
    assert create_tables(dynamodb, TEMPLATE) == ["toys", "toys-boxes"]
    table = dynamodb.describe_table(TableName="toys")["Table"]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    ttl = dynamodb.describe_time_to_live(TableName="toys")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "until")


def test_an_existing_table_is_left_alone(dynamodb: DynamoDBClient) -> None:
    create_tables(dynamodb, TEMPLATE)
    dynamodb.put_item(TableName="toys", Item={"id": {"S": "bear"}})
    assert create_tables(dynamodb, TEMPLATE) == ["toys", "toys-boxes"]
    assert dynamodb.get_item(TableName="toys", Key={"id": {"S": "bear"}})["Item"]


def test_parameters_come_from_the_caller_then_the_environment(
    dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_NAME", "from-environment")
    assert create_tables(dynamodb, TEMPLATE)[0] == "from-environment"
    assert create_tables(dynamodb, TEMPLATE, {"TableName": "given"})[0] == "given"


@pytest.mark.parametrize(
    ("parameter", "name"),
    [("TableName", "TABLE_NAME"), ("BarBaz2Qux", "BAR_BAZ2_QUX"), ("foo", "FOO")],
)
def test_environment_name(parameter: str, name: str) -> None:
    assert environment_name(parameter) == name


def test_short_forms_are_spelled_out() -> None:
    outputs = read_template(TEMPLATE)["Outputs"]
    assert outputs["Arn"]["Value"] == {"Fn::GetAtt": "Toys.Arn"}
    assert outputs["Both"]["Value"] == {"Fn::Join": [",", [{"Ref": "Toys"}, {"Ref": "Boxes"}]]}


def test_a_table_without_a_name_gets_its_logical_id(
    dynamodb: DynamoDBClient, tmp_path: Path
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        """
        Resources:
          Nameless:
            Type: AWS::DynamoDB::Table
            Properties:
              BillingMode: PAY_PER_REQUEST
              AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
              KeySchema: [{AttributeName: id, KeyType: HASH}]
              StreamSpecification: {StreamViewType: NEW_IMAGE}
        """
    )
    assert create_tables(dynamodb, template) == ["Nameless"]
    stream = dynamodb.describe_table(TableName="Nameless")["Table"]["StreamSpecification"]
    assert stream == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
