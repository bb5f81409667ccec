"""Two CloudFormation stacks and no command of ours: what a pipeline would do."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.aws import smoke
from infra.aws.keys import Keys
from tests.parts import eventually
from tests.rehearsal.cloud import Cloud
from tests.rehearsal.conftest import Hire

pytestmark = pytest.mark.timeout(180)


def creates(cloud: Cloud, name: str, template: str, **parameters: str) -> dict[str, str]:
    """A stack from a template; its outputs."""
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )

    def stack() -> Any:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else found

    made = eventually(stack)
    assert made["StackStatus"] == "CREATE_COMPLETE", made
    return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}


def test_the_packaged_template_deploys_through_cloudformation(cloud: Cloud, hire: Hire) -> None:
    pipeline = hire()
    pipeline.is_a_chalice_user()
    lasting = (pipeline.project / "infra" / "aws" / "template.yaml").read_text("utf-8")
    outputs = creates(
        cloud,
        "parley-dev",
        lasting,
        TableName="parley-dev",
        Functions="parley-dev",
        Durable="false",
    )
    Keys(cloud.client("dynamodb"), "parley-dev", timedelta(days=1)).make()
    merge = ("--merge-template", "infra/aws/pipeline.json")
    ran = pipeline.types("chalice", "package", "--stage", "dev", *merge, "out")
    assert ran.code == 0, ran.said
    code = uploaded(cloud, pipeline.project / "out", outputs["Bucket"])
    apis = creates(cloud, "parley-dev-code", code)
    smoke.try_it(
        pipeline.environment["EXECUTE_API_REST"].format(api=apis["RestAPIId"], stage="api"),
        pipeline.environment["EXECUTE_API_WEBSOCKET"].format(
            api=apis["WebsocketAPIId"], stage="api"
        ),
        lambda _: None,
    )


def uploaded(cloud: Cloud, package: Path, bucket: str) -> str:
    """The code into a bucket, as `aws cloudformation package` brings it there."""
    body = (package / "deployment.zip").read_bytes()
    cloud.client("s3").put_object(Bucket=bucket, Key="package/deployment.zip", Body=body)
    template = json.loads((package / "sam.json").read_text("utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{bucket}/package/deployment.zip"
    return json.dumps(template)
