"""What Chalice is given: the committed configuration, made precise for a target."""

from __future__ import annotations

import json

import pytest

from infra.aws.functions import configuration, policy, what_failed
from infra.aws.target import Addresses, Target
from tests.parts import ROOT

TARGET = Target(ROOT, "dev", "eu-central-1", "123456789012")


def test_the_configuration_is_the_committed_one() -> None:
    assert configuration(TARGET, {"LOG_LEVEL": "DEBUG"}) == TARGET.config


def test_the_environment_adds_what_only_the_operator_knows() -> None:
    given = {"ICE_SERVERS": "[]", "TURN_SECRETS": "s" * 16, "LAMBDA_ARCHITECTURE": "x86_64"}
    stage = configuration(TARGET, given)["stages"]["dev"]
    assert stage["environment_variables"] == {
        "TABLE_NAME": "parley-dev",
        "ACCESS": "open",
        "ICE_SERVERS": "[]",
    }
    assert stage["lambda_architecture"] == "x86_64"


def test_functions_end_before_api_gateway_gives_them_up() -> None:
    assert TARGET.config["lambda_timeout"] < 29


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_policy_names_account_region_and_api(stage: str) -> None:
    target = Target(ROOT, stage, "eu-central-1", "123456789012")
    text = json.dumps(policy(target, "abc123"))
    for arn in (
        f"arn:aws:dynamodb:eu-central-1:123456789012:table/parley-{stage}",
        f"arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/parley-{stage}:*",
        "arn:aws:execute-api:eu-central-1:123456789012:abc123/api/POST/@connections/*",
    ):
        assert f'"{arn}"' in text
    assert ":*:*:" not in text


def test_before_there_is_an_api_the_policy_names_none() -> None:
    assert '123456789012:*/api/GET/@connections/*"' in json.dumps(policy(TARGET))


def test_addresses_are_awss_own_unless_the_environment_says_otherwise() -> None:
    assert TARGET.rest("a1") == "https://a1.execute-api.eu-central-1.amazonaws.com/api"
    assert TARGET.websocket("b2") == "wss://b2.execute-api.eu-central-1.amazonaws.com/api"
    other = Addresses.read({"EXECUTE_API_REST": "http://here/{api}/{stage}"})
    assert Target(ROOT, "dev", "r", addresses=other).rest("a1") == "http://here/a1/api"


def test_chalices_error_is_told_without_the_way_to_it() -> None:
    said = [
        "Creating Rest API\n",
        "Traceback (most\n",
        "x.Error: ERROR - While a,\n",
        "got\n",
        "\n",
    ]
    assert what_failed(said) == "While a, got"
    assert what_failed(["one\n", "the last\n", "\n"]) == "the last"
    assert what_failed([]) == "it said nothing"
