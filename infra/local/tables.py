"""DynamoDB tables as a CloudFormation template declares them, created on any endpoint.

Understood in the properties of a table: `Ref` and `Fn::Sub` of parameters, long and short form.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Of what a template may say about a table, this is what CreateTable takes.
CREATE_TABLE = {
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "TableClass",
    "TableName",
}


def create_tables(
    dynamodb: DynamoDBClient, template: Path, parameters: Mapping[str, str] | None = None
) -> list[str]:
    """Create each table that the template declares; one that exists already is left as it is.

    A parameter's value comes from `parameters`, from the environment (TableName from TABLE_NAME),
    or from its default. Returns the tables' names in the template's order.
    """
    document = read_template(template)
    values = parameter_values(document, parameters or {})
    tables = [
        resolve(resource.get("Properties", {}), values) | {"LogicalId": logical_id}
        for logical_id, resource in document.get("Resources", {}).items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    ]
    return [create_table(dynamodb, table) for table in tables]


def create_table(dynamodb: DynamoDBClient, table: dict[str, Any]) -> str:
    """Create one table, with its time to live switched on if it has one."""
    name = str(table.setdefault("TableName", table["LogicalId"]))
    stream = table.get("StreamSpecification")
    wanted = {key: value for key, value in table.items() if key in CREATE_TABLE}
    if stream:
        wanted["StreamSpecification"] = {"StreamEnabled": True, **stream}
    try:
        dynamodb.create_table(**wanted)
    except dynamodb.exceptions.ResourceInUseException:
        return name
    dynamodb.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    if ttl := table.get("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    return name


def parameter_values(document: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The template's parameters: given, else from the environment, else by default."""
    declared = document.get("Parameters", {})
    return {
        name: given.get(name, os.environ.get(environment_name(name), parameter.get("Default")))
        for name, parameter in declared.items()
    }


def environment_name(parameter: str) -> str:
    """TableName → TABLE_NAME."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", parameter).upper()


def resolve(node: Any, values: Mapping[str, Any]) -> Any:
    """The node with every Ref and Sub of a parameter replaced by the parameter's value."""
    match node:
        case {"Ref": str(name)} if name in values:
            return values[name]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+)\}", lambda m: str(values.get(m[1], m[0])), text)
        case dict():
            return {key: resolve(value, values) for key, value in node.items()}
        case list():
            return [resolve(value, values) for value in node]
        case _:
            return node


def read_template(template: Path) -> dict[str, Any]:
    """The template as data, its short-form tags (`!Ref`) spelled out (`{"Ref": …}`)."""
    document = yaml.load(template.read_text("utf-8"), Loader=TemplateLoader)  # noqa: S506 - safe  # nosec B506
    return dict(document)


class TemplateLoader(yaml.SafeLoader):
    """Safe YAML plus CloudFormation's tags."""


def spell_out(loader: TemplateLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    """`!Ref X` as `{"Ref": X}`, `!Sub X` as `{"Fn::Sub": X}`, and so on."""
    name = tag if tag in {"Ref", "Condition"} else f"Fn::{tag}"
    match node:
        case yaml.ScalarNode():
            return {name: loader.construct_scalar(node)}
        case yaml.SequenceNode():
            return {name: loader.construct_sequence(node, deep=True)}
        case _:
            return {name: loader.construct_mapping(node, deep=True)}  # type: ignore[arg-type]


TemplateLoader.add_multi_constructor("!", spell_out)
