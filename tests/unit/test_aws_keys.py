"""Keys: made once, replaced without a break."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import boto3
import pytest
from moto import mock_aws

from chalicelib.access import HmacSeals, Keyring, keys_from_table, parse_keys
from chalicelib.rooms import ClientId, RoomId
from infra.aws.errors import DeployError
from infra.aws.keys import Keys
from infra.local.tables import create_tables
from tests.parts import TEMPLATE

DAY = 86_400_000
GARDEN, ADA = RoomId("garden"), ClientId("k3J9aQ")


class Calendar:
    """Today, as the test turns the leaves."""

    def __init__(self) -> None:
        self.today = date(2026, 11, 23)

    def __call__(self) -> date:
        return self.today

    def turn(self, days: int) -> None:
        self.today += timedelta(days=days)


@pytest.fixture
def dynamodb() -> Iterator[object]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_tables(client, TEMPLATE, {"TableName": "parley"})
        yield client


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def keys(dynamodb: object, calendar: Calendar) -> Keys:
    return Keys(dynamodb, "parley", timedelta(days=1), calendar)


def test_keys_are_made_once_and_the_handlers_read_them(keys: Keys, dynamodb: object) -> None:
    keys.make()
    text = keys_from_table(dynamodb, "parley")  # type: ignore[arg-type]
    keys.make()
    assert keys_from_table(dynamodb, "parley") == text  # type: ignore[arg-type]
    assert list(parse_keys(text)) == keys.ids() == ["k20261123a"]


def test_a_new_key_signs_and_the_former_ones_verify(keys: Keys, dynamodb: object) -> None:
    keys.make()
    before = parse_keys(keys_from_table(dynamodb, "parley"))  # type: ignore[arg-type]
    token = HmacSeals(before, DAY).resume_token(GARDEN, ADA, 0)
    assert keys.rotate() == ["k20261123b", "k20261123a"]
    after = parse_keys(keys_from_table(dynamodb, "parley"))  # type: ignore[arg-type]
    assert HmacSeals(after, DAY).proves(token, GARDEN, ADA, 0)
    assert HmacSeals(after, DAY).resume_token(GARDEN, ADA, 0).startswith("k20261123b.")


def test_a_key_goes_when_no_token_of_it_can_live(keys: Keys, calendar: Calendar) -> None:
    keys.make()
    calendar.turn(300)
    assert len(keys.rotate()) == 2, "the first key has signed until now"
    calendar.turn(2)
    assert len(keys.rotate()) == 3
    calendar.turn(1)
    assert keys.rotate() == ["k20270922a", "k20270921a", "k20270919a"]
    calendar.turn(100)
    assert keys.rotate() == ["k20271231a", "k20270922a"]


def test_there_are_no_more_keys_in_a_day_than_letters(keys: Keys) -> None:
    keys.make()
    for _ in range(25):
        keys.rotate()
    with pytest.raises(DeployError, match="tomorrow"):
        keys.rotate()


def test_without_a_key_there_is_nothing_to_replace(keys: Keys) -> None:
    with pytest.raises(DeployError, match="deploy this stage first"):
        keys.rotate()


# -- the handlers' side --------------------------------------------------------------------------


class Place:
    """Where keys stand, and how often somebody looked."""

    def __init__(self, *ids: str) -> None:
        self.ids, self.looks = ids, 0

    def __call__(self) -> str:
        self.looks += 1
        return ",".join(f"{key}:{key * 32}" for key in self.ids)


class Watch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_an_unknown_key_is_looked_for_and_signs_from_then_on() -> None:
    place, watch = Place("a"), Watch()
    seals = HmacSeals(Keyring(place, watch), DAY)
    place.ids = ("b", "a")
    token = HmacSeals(Keyring(place), DAY).resume_token(GARDEN, ADA, 0)
    assert seals.resume_token(GARDEN, ADA, 0).startswith("a.")
    watch.seconds = 60
    assert seals.proves(token, GARDEN, ADA, 0)
    assert seals.resume_token(GARDEN, ADA, 0) == token


def test_keys_are_read_again_at_most_once_a_minute() -> None:
    place, watch = Place("a"), Watch()
    seals = HmacSeals(Keyring(place, watch), DAY)
    looks = place.looks
    for _ in range(180):
        watch.seconds += 1
        assert not seals.proves("forged.0.x", GARDEN, ADA, 0)
    assert place.looks - looks == 3
