"""Checks that need no cloud; those that do are in tests/rehearsal."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from infra.aws import checks
from infra.aws.checks import Tools
from infra.aws.errors import Refused, explain
from infra.aws.target import Target
from tests.parts import ROOT

TARGET = Target(ROOT, "dev", "eu-central-1")
TURN = '[{"urls": ["stun:a", "turns:b"], "username": "u", "credential": "c"}]'


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No\nway."}}, "PutItem")


def test_this_machine_may_deploy() -> None:
    checks.check_tools(Tools.here(), ROOT)


def test_another_python_may_not() -> None:
    with pytest.raises(Refused, match=r"Python 3\.12.+Lambda runtime.+Python 3\.11"):
        checks.check_tools(Tools((3, 12), "1.34.0"), ROOT)


def test_a_turn_server_silences_the_warning() -> None:
    assert checks.turn_warning(TARGET, {"ICE_SERVERS": TURN}) is None
    assert checks.turn_warning(TARGET, {"TURN_URLS": "turn:t"}) is None
    warning = checks.turn_warning(TARGET, {})
    assert warning is not None
    assert "one call in five" in warning


def test_what_aws_refuses_is_one_sentence() -> None:
    denied = explain(refusal("AccessDeniedException"))
    assert denied.startswith("These credentials may not call PutItem: grant it")
    assert "sign in again" in explain(refusal("ExpiredToken"))
    assert explain(refusal("Other")) == "AWS refused PutItem (Other): No way."
    lost = explain(EndpointConnectionError(endpoint_url="https://x"))
    assert lost.startswith("AWS does not answer:")
    assert "\n" not in denied + lost


@pytest.mark.parametrize(
    ("settings", "has_key"),
    [
        ({"ACCESS": "token"}, True),
        ({"ACCESS": "token", "JWKS_URL": "https://id.example.org/keys"}, False),
        ({"ACCESS": "open"}, False),
    ],
)
def test_a_stage_that_somebody_can_enter_is_deployed(
    settings: dict[str, str], has_key: bool
) -> None:
    checks.check_access(TARGET, settings, has_key)


def test_a_stage_that_nobody_could_enter_is_not() -> None:
    with pytest.raises(Refused, match=r"--token-key.+JWKS_URL.+ACCESS=open"):
        checks.check_access(TARGET, {"ACCESS": "token"}, has_key=False)


def test_settings_that_the_functions_would_refuse_are_refused_before() -> None:
    with pytest.raises(Refused, match=r"ACCESS must be open or token.+config\.json"):
        checks.check_settings({"ACCESS": "opne"})
    with pytest.raises(Refused, match="JWKS_URL must begin with https"):
        checks.check_settings({"JWKS_URL": "http://id.example.org/keys"})


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TURN_URLS": "t:3478"}, "TURN_URLS must hold"),
        ({"TURN_URLS": "turn:t", "TURN_SECRETS": "short"}, "at least 16 characters"),
        ({"TURN_SECRETS": "s" * 16}, "without TURN_URLS"),
    ],
)
def test_a_turn_server_that_cannot_work_is_refused(environment: dict[str, str], words: str) -> None:
    with pytest.raises(Refused, match=words):
        checks.check_turn(TARGET, environment)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TURN_URLS": "turn:t"},
        {"TURN_URLS": "turn:t", "TURN_SECRETS": f"{'s' * 16},{'t' * 16}"},
    ],
)
def test_a_turn_server_that_can_work_is_not(environment: dict[str, str]) -> None:
    checks.check_turn(TARGET, environment)
