"""Everything that stands in an account, such that two accounts can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.rehearsal.cloud import Cloud

Inventory = dict[str, Any]


def take(cloud: Cloud) -> Inventory:
    """All kinds of things that a deployment makes, whoever made them."""
    found: Inventory = {
        name: look(cloud)
        for name, look in {
            "stacks": stacks,
            "tables": tables,
            "functions": functions,
            "roles": roles,
            "REST APIs": rest_apis,
            "WebSocket APIs": websocket_apis,
            "buckets": buckets,
            "CDN": cdn,
            "log groups": log_groups,
            "alarms": alarms,
            "topics": topics,
            "account": account,
        }.items()
    }
    return dict(json.loads(nameless(json.dumps(found, default=str, sort_keys=True), cloud)))


def nameless(text: str, cloud: Cloud) -> str:
    """The text without ids that AWS makes up."""
    for number, (kind, ids) in enumerate(made_up(cloud)):
        for made in ids:
            text = text.replace(made, f"<{kind} {number}>")
    return text


def made_up(cloud: Cloud) -> Iterable[tuple[str, list[str]]]:
    yield "rest", [api["id"] for api in items(cloud, "apigateway", "get_rest_apis", "items")]
    yield "socket", [api["ApiId"] for api in items(cloud, "apigatewayv2", "get_apis", "Items")]
    yield "bucket", [bucket["Name"] for bucket in items(cloud, "s3", "list_buckets", "Buckets")]
    distributions = cloud.client("cloudfront").list_distributions()["DistributionList"]
    for distribution in distributions.get("Items", []):
        yield "cdn", [distribution["Id"], distribution["DomainName"]]
    for role in items(cloud, "iam", "list_roles", "Roles"):
        if "AccessLogRole" in role["RoleName"]:
            yield "log role", [role["RoleName"]]
    for topic in items(cloud, "sns", "list_topics", "Topics"):
        yield "topic", [topic["TopicArn"].rpartition(":")[2]]


def items(cloud: Cloud, service: str, call: str, key: str, **arguments: Any) -> list[Any]:
    found: list[Any] = getattr(cloud.client(service), call)(**arguments).get(key, [])
    return found


def only(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values.get(name) for name in names}


# -- kind by kind --------------------------------------------------------------------------------


def stacks(cloud: Cloud) -> Inventory:
    cloudformation = cloud.client("cloudformation")
    return {
        stack["StackName"]: {
            "parameters": sorted(map(str, stack.get("Parameters", []))),
            "resources": sorted(
                f"{resource['LogicalResourceId']} {resource['ResourceType']}"
                for resource in cloudformation.describe_stack_resources(
                    StackName=stack["StackName"]
                )["StackResources"]
            ),
        }
        for stack in cloudformation.describe_stacks()["Stacks"]
        if stack["StackStatus"] != "DELETE_COMPLETE"
    }


def tables(cloud: Cloud) -> Inventory:
    dynamodb = cloud.client("dynamodb")
    found = {}
    for name in dynamodb.list_tables()["TableNames"]:
        table = dynamodb.describe_table(TableName=name)["Table"]
        keys = dynamodb.scan(TableName=name, Select="ALL_ATTRIBUTES")["Items"]
        found[name] = {
            **only(table, "KeySchema", "AttributeDefinitions", "DeletionProtectionEnabled"),
            "life": dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
            "secrets": sorted(item["pk"]["S"] for item in keys if "secret" in item["pk"]["S"]),
        }
    return found


def functions(cloud: Cloud) -> Inventory:
    asked = ("Runtime", "Handler", "Timeout", "MemorySize", "Environment", "Architectures", "Role")
    return {
        function["FunctionName"]: {
            **only(function, *asked, "TracingConfig"),
            "who may invoke": policy(cloud, function["FunctionName"]),
        }
        for function in items(cloud, "lambda", "list_functions", "Functions")
    }


def policy(cloud: Cloud, function: str) -> list[str]:
    found = json.loads(cloud.client("lambda").get_policy(FunctionName=function)["Policy"])
    return sorted(str(statement["Condition"]) for statement in found["Statement"])


def roles(cloud: Cloud) -> Inventory:
    iam = cloud.client("iam")
    return {
        role["RoleName"]: {
            name: iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        }
        for role in items(cloud, "iam", "list_roles", "Roles")
    }


def rest_apis(cloud: Cloud) -> list[Any]:
    gateway = cloud.client("apigateway")
    return [
        {
            "name": api["name"],
            "routes": sorted(
                f"{method} {path['path']}"
                for path in gateway.get_resources(restApiId=api["id"], limit=500)["items"]
                for method in path.get("resourceMethods", {})
            ),
            "stages": [
                only(stage, "stageName", "accessLogSettings", "methodSettings", "tracingEnabled")
                for stage in gateway.get_stages(restApiId=api["id"])["item"]
            ],
        }
        for api in items(cloud, "apigateway", "get_rest_apis", "items")
    ]


def websocket_apis(cloud: Cloud) -> list[Any]:
    gateway = cloud.client("apigatewayv2")
    asked = ("StageName", "AccessLogSettings", "DefaultRouteSettings", "AutoDeploy")
    return [
        {
            "name": api["Name"],
            "routes": sorted(
                f"{route['RouteKey']} {integration_of(gateway, api, route)}"
                for route in gateway.get_routes(ApiId=api["ApiId"])["Items"]
            ),
            "stages": [
                only(stage, *asked) for stage in gateway.get_stages(ApiId=api["ApiId"])["Items"]
            ],
        }
        for api in items(cloud, "apigatewayv2", "get_apis", "Items")
    ]


def integration_of(gateway: Any, api: Mapping[str, Any], route: Mapping[str, Any]) -> str:
    integration_id = route["Target"].removeprefix("integrations/")
    found = gateway.get_integration(ApiId=api["ApiId"], IntegrationId=integration_id)
    return str(found["IntegrationUri"])


def buckets(cloud: Cloud) -> Inventory:
    s3 = cloud.client("s3")
    return {
        bucket["Name"]: {
            item["Key"]: stored(s3.get_object(Bucket=bucket["Name"], Key=item["Key"]), cloud)
            for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
        }
        for bucket in items(cloud, "s3", "list_buckets", "Buckets")
    }


def stored(item: Mapping[str, Any], cloud: Cloud) -> dict[str, Any]:
    content = nameless(item["Body"].read().decode("utf-8", "replace"), cloud)
    if content.startswith("{"):  # a record: in whatever order Chalice found things
        content = "".join(sorted(content))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return {**only(item, "ContentType", "CacheControl"), "content": digest}


def cdn(cloud: Cloud) -> Inventory:
    cloudfront = cloud.client("cloudfront")
    listed = cloudfront.list_distributions()["DistributionList"].get("Items", [])
    headers = cloudfront.list_response_headers_policies(Type="custom")
    caches = cloudfront.list_cache_policies(Type="custom")
    access = cloudfront.list_origin_access_controls()["OriginAccessControlList"]
    return {
        "distributions": [only(item, "DomainName", "Aliases", "Enabled") for item in listed],
        "headers": [
            item["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
            for item in headers["ResponseHeadersPolicyList"].get("Items", [])
        ],
        "caches": [
            item["CachePolicy"]["CachePolicyConfig"]
            for item in caches["CachePolicyList"].get("Items", [])
        ],
        "access": [item["Name"] for item in access.get("Items", [])],
    }


def log_groups(cloud: Cloud) -> Inventory:
    found = items(cloud, "logs", "describe_log_groups", "logGroups")
    return {group["logGroupName"]: group.get("retentionInDays") for group in found}


def alarms(cloud: Cloud) -> Inventory:
    cloudwatch = cloud.client("cloudwatch")
    asked = ("Namespace", "MetricName", "Dimensions", "Threshold", "Period", "AlarmActions")
    found = cloudwatch.describe_alarms()["MetricAlarms"]
    filters = items(cloud, "logs", "describe_metric_filters", "metricFilters")
    return {
        "alarms": sorted(str(only(alarm, *asked)) for alarm in found),
        "dashboards": [
            entry["DashboardName"] for entry in cloudwatch.list_dashboards()["DashboardEntries"]
        ],
        "filters": [entry["filterPattern"] for entry in filters],
    }


def topics(cloud: Cloud) -> list[str]:
    return [topic["TopicArn"] for topic in items(cloud, "sns", "list_topics", "Topics")]


def account(cloud: Cloud) -> str:
    settings = cloud.client("apigateway").get_account()
    return str(settings.get("cloudwatchRoleArn") or "")


Look = Callable[[Cloud], Any]
