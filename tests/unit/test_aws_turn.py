"""The secrets of a TURN server: made once, replaced without a break."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from chalicelib.ice import TurnSecrets as Reading
from chalicelib.ice import secrets_from_table
from infra.aws.errors import DeployError
from infra.aws.turn import TurnSecrets
from infra.local.tables import create_tables
from tests.parts import TEMPLATE


@pytest.fixture
def dynamodb() -> Iterator[object]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_tables(client, TEMPLATE, {"TableName": "parley"})
        yield client


@pytest.fixture
def turn(dynamodb: object) -> TurnSecrets:
    return TurnSecrets(dynamodb, "parley")


def signing(dynamodb: object) -> str:
    return Reading(lambda: secrets_from_table(dynamodb, "parley"))()  # type: ignore[arg-type]


def test_secrets_are_made_once_and_the_handlers_sign_with_the_first(
    turn: TurnSecrets, dynamodb: object
) -> None:
    turn.make()
    made = turn.all()
    turn.make()
    assert turn.all() == made
    assert len(set(made)) == 2
    assert signing(dynamodb) == made[0]


def test_what_signs_after_a_rotation_was_known_before_it(
    turn: TurnSecrets, dynamodb: object
) -> None:
    turn.make()
    for _ in range(3):
        before = turn.all()
        turn.rotate()
        after = turn.all()
        assert signing(dynamodb) in before
        assert signing(dynamodb) != before[0]
        assert before[0] in after, "credentials that are out still work"
        assert len(set(after)) == 3


def test_an_operator_brings_secrets_of_their_own(turn: TurnSecrets, dynamodb: object) -> None:
    turn.make()
    turn.make("the first one given, the second one given")
    assert turn.all() == ["the first one given", "the second one given"]
    assert signing(dynamodb) == "the first one given"


def test_without_a_next_one_there_is_no_rotation(turn: TurnSecrets) -> None:
    with pytest.raises(DeployError, match="TURN_URLS"):
        turn.rotate()
    turn.make("the only one that was given")
    with pytest.raises(DeployError, match="TURN_SECRETS"):
        turn.rotate()
    assert turn.all() == ["the only one that was given"]
