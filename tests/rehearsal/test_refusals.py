"""What cannot go well is said in one sentence, before anything is touched."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.rehearsal import inventory
from tests.rehearsal.cloud import Cloud, Keys
from tests.rehearsal.conftest import Hire, deployer_policy
from tests.rehearsal.operators import Operator

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def operator(hire: Hire) -> Operator:
    return hire()


@pytest.fixture
def untouched(cloud: Cloud) -> Callable[[], bool]:
    """Whether all stands as it stood when the test began."""
    before = inventory.take(cloud)
    return lambda: inventory.take(cloud) == before


def is_refused(operator: Operator, sentence: str, *arguments: str) -> None:
    """The command fails, with one line that holds the words, and with nothing else."""
    ran = operator.aws(*(arguments or ("deploy", "--stage", "dev")))
    assert ran.code not in (0, 2)
    lines = ran.said.strip().splitlines()
    assert len(lines) == 1, ran.said
    assert sentence in lines[0]


def test_no_stage(operator: Operator) -> None:
    is_refused(operator, "Which stage? Say --stage dev or --stage prod", "deploy")


def test_a_stage_that_is_none(operator: Operator) -> None:
    for stage in ("staging", "local"):
        sentence = f"There is no stage {stage} in .chalice/config.json to deploy: say --stage dev"
        is_refused(operator, sentence, "deploy", "--stage", stage)


def test_no_region(hire: Hire) -> None:
    is_refused(hire(AWS_DEFAULT_REGION=""), "Which region? Say --region")


def test_a_region_that_is_none(hire: Hire) -> None:
    is_refused(hire(AWS_DEFAULT_REGION="eu-nowhere-1"), "AWS has no region eu-nowhere-1")


def test_no_credentials(hire: Hire, untouched: Callable[[], bool]) -> None:
    nobody = hire(Keys("", ""), AWS_EC2_METADATA_DISABLED="true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        nobody.environment.pop(name)
    is_refused(nobody, "There are no AWS credentials: sign in")
    assert untouched()


def test_a_profile_that_is_none(hire: Hire) -> None:
    is_refused(hire(AWS_PROFILE="nobody"), "nobody")


def test_credentials_that_nobody_knows(hire: Hire, untouched: Callable[[], bool]) -> None:
    stranger = hire(Keys("AKIA0000000000000000", "wrong"))
    is_refused(stranger, "AWS does not know these credentials")
    assert untouched()


@pytest.mark.parametrize(
    "call", ["cloudformation:ListStacks", "lambda:GetFunction", "cloudfront:*Distribution*"]
)
def test_a_permission_that_is_missing(cloud: Cloud, hire: Hire, call: str) -> None:
    policy = deployer_policy().replace(f'"{call}"', '"sts:GetCallerIdentity"')
    trainee = hire(cloud.hire(f"trainee-{call.replace(':', '-').replace('*', '')}", policy))
    before = inventory.take(cloud)
    is_refused(trainee, "grant it to the deploying role")
    assert inventory.take(cloud) == before


def test_another_python(operator: Operator) -> None:
    ran = operator.types("python", "-c", WITH_PYTHON_3_13)
    assert ran.code == 1
    assert ran.said.startswith("This is Python 3.13, and Chalice would make it the Lambda runtime")
    assert len(ran.said.splitlines()) == 1


def test_another_chalice(operator: Operator) -> None:
    ran = operator.types("python", "-c", WITH_CHALICE_1_30)
    assert ran.code == 1
    assert ran.said.startswith("Chalice 1.30.0 is installed, 1.34.0 is what the tests ran with")


RUN = """
from infra.aws.__main__ import main
from infra.aws.checks import Tools
raise SystemExit(main(["deploy", "--stage", "dev"], Tools({python}, "{chalice}")))
"""
WITH_PYTHON_3_13 = RUN.format(python=(3, 13), chalice="1.34.0")
WITH_CHALICE_1_30 = RUN.format(python=(3, 11), chalice="1.30.0")


@pytest.mark.parametrize(
    ("key", "kind", "life", "sentence"),
    [
        ("id", "S", None, "has another schema"),
        ("pk", "N", None, "has another schema"),
        ("pk", "S", "ttl", "expires items by ttl"),
        ("pk", "S", "expiresAt", "does not belong to stack parley-dev"),
    ],
)
def test_a_table_of_another_schema(
    cloud: Cloud, operator: Operator, key: str, kind: str, life: str | None, sentence: str
) -> None:
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(
        TableName="parley-dev",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
    )
    if life:
        specification = {"AttributeName": life, "Enabled": True}
        dynamodb.update_time_to_live(TableName="parley-dev", TimeToLiveSpecification=specification)
    before = inventory.take(cloud)
    try:
        is_refused(operator, sentence)
        assert inventory.take(cloud) == before
    finally:
        dynamodb.delete_table(TableName="parley-dev")


def test_what_cannot_be_set(operator: Operator, untouched: Callable[[], bool]) -> None:
    deploy = ("deploy", "--stage", "dev")
    is_refused(operator, "There is no Colour to --set", *deploy, "--set", "Colour=red")
    is_refused(operator, "--set takes NAME=VALUE", *deploy, "--set", "LogDays")
    assert untouched()


def test_nothing_to_rotate(operator: Operator) -> None:
    is_refused(operator, "Stage dev is not deployed", "rotate", "--stage", "dev")


def test_another_region_than_where_it_stands(cloud: Cloud, operator: Operator) -> None:
    """Roles belong to the account: a second region would take those of the first."""
    iam, role = cloud.client("iam"), "parley-dev-api_handler"
    arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/parley-dev"
    statement = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=policy)
    try:
        is_refused(operator, "Stage dev stands in eu-west-1, not in eu-central-1")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName=role)
        iam.delete_role(RoleName=role)
