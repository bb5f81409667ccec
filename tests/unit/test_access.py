"""Ids that cannot be guessed, proofs that cannot be forged."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.access import HmacSeals, keys_from_file, parse_keys
from chalicelib.rooms import ClientId, RoomId
from chalicelib.settings import SettingError

DAY = 86_400_000
OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}
GARDEN, ADA = RoomId("garden"), ClientId("k3J9aQ")


@pytest.fixture
def seals() -> HmacSeals:
    return HmacSeals(OLD, DAY)


def test_the_same_event_gets_the_same_ids(seals: HmacSeals) -> None:
    assert seals.room_id("event") == seals.room_id("event") != seals.room_id("other")
    assert seals.client_id("event", 0) == seals.client_id("event", 0)
    assert len({seals.client_id("event", attempt) for attempt in range(100)}) == 100


def test_ids_are_base62_of_their_length(seals: HmacSeals) -> None:
    for number in range(200):
        assert len(seals.room_id(str(number))) == 22
        assert len(seals.client_id(str(number), 0)) == 6
        assert (seals.room_id(str(number)) + seals.client_id(str(number), 0)).isalnum()


def test_ids_depend_on_the_key() -> None:
    assert HmacSeals(OLD, DAY).room_id("event") != HmacSeals(NEW, DAY).room_id("event")


def test_a_token_proves_one_client_in_one_room_for_its_life(seals: HmacSeals) -> None:
    token = seals.resume_token(GARDEN, ADA, 1000)
    assert seals.proves(token, GARDEN, ADA, 1000)
    assert seals.proves(token, GARDEN, ADA, 1000 + DAY)
    assert not seals.proves(token, GARDEN, ADA, 1001 + DAY)
    assert not seals.proves(token, RoomId("attic"), ADA, 1000)
    assert not seals.proves(token, GARDEN, ClientId("9wPHfm"), 1000)


def test_a_token_of_the_future_is_none(seals: HmacSeals) -> None:
    assert not seals.proves(seals.resume_token(GARDEN, ADA, 10 * DAY), GARDEN, ADA, 0)


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: "",
        lambda token: "old",
        lambda token: "..",
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + ".x",
        lambda token: token.replace("old", "new"),
        lambda token: token.replace(".1000.", ".1001."),
        lambda token: token.replace(".1000.", ".\u0661000."),
        lambda token: token.replace(".1000.", "." + "9" * 5000 + "."),
        lambda token: token.upper(),
        lambda token: "\ud800",
        lambda token: token[:-1] + "\ud800",
    ],
)
def test_a_forged_token_proves_nothing(seals: HmacSeals, forge: object) -> None:
    token = seals.resume_token(GARDEN, ADA, 1000)
    assert callable(forge)
    assert not seals.proves(forge(token), GARDEN, ADA, 1000)


def test_keys_are_replaced_without_a_break() -> None:
    token = HmacSeals(OLD, DAY).resume_token(GARDEN, ADA, 0)
    both = HmacSeals({**NEW, **OLD}, DAY)
    assert both.proves(token, GARDEN, ADA, 0)
    assert both.resume_token(GARDEN, ADA, 0).startswith("new.")
    assert not HmacSeals(NEW, DAY).proves(token, GARDEN, ADA, 0)


def test_keys_are_parsed_in_their_order() -> None:
    keys = parse_keys(f"new:{'n' * 32}, old:{'o:' * 16}\n")
    assert list(keys.items()) == [("new", b"n" * 32), ("old", b"o:" * 16)]


@pytest.mark.parametrize("text", ["", "secret", "k:short", f"k.1:{'s' * 32}"])
def test_weak_or_missing_keys_are_refused(text: str) -> None:
    with pytest.raises(SettingError, match="SIGNING_KEYS"):
        parse_keys(text)


def test_a_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "desk" / "signing-keys"
    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(keys_from_file, [path] * 8))
    assert len(texts) == 1
    assert parse_keys(texts.pop())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["signing-keys"]
