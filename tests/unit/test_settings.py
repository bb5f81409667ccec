"""Settings: the contract's defaults, and clear words for a wrong one."""

from __future__ import annotations

import pytest

from chalicelib import settings
from chalicelib.settings import SettingError


def test_the_defaults_are_those_of_the_contract() -> None:
    found = settings.read({})
    assert (found.room_capacity, found.reservation_seconds) == (16, 120)
    assert (found.socket_seconds, found.resume_seconds) == (7200, 86400)
    assert (found.message_bytes, found.metadata_bytes) == (32768, 1024)
    assert found.turn_seconds == 3600


def test_the_environment_wins() -> None:
    found = settings.read({"ROOM_CAPACITY": "64", "TABLE_NAME": "t", "AWS_REGION": "eu-west-1"})
    assert (found.room_capacity, found.table_name, found.region) == (64, "t", "eu-west-1")


@pytest.mark.parametrize("value", ["0", "65", "-1", "many", "1.5", "١"])
def test_a_number_out_of_bounds_is_named(value: str) -> None:
    with pytest.raises(SettingError, match="ROOM_CAPACITY must be a whole number from 1 to 64"):
        settings.read({"ROOM_CAPACITY": value})


@pytest.mark.parametrize(("name", "value"), [("LOG_LEVEL", "loud"), ("ACCESS", "shut")])
def test_a_word_that_is_not_known_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"{name} must be "):
        settings.read({name: value})
