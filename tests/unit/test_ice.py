"""STUN and TURN servers: as the operator lists them, and with credentials of one's own."""

from __future__ import annotations

import pytest

from chalicelib.ice import (
    FixedIceServers,
    TimeLimitedTurn,
    TurnSecrets,
    credential,
    parse_secrets,
    parse_urls,
)
from chalicelib.ports import IceGrant, IceServer
from chalicelib.rooms import ClientId
from chalicelib.settings import SettingError, Settings
from tests.fakes import FakeClock

ADA, BEA = ClientId("k3J9aQ"), ClientId("9wPHfm")
OLD, NEW = "the old secret of the relay", "the new secret of the relay"
STUN = '[{"urls":"stun:a"}]'


# -- listed by the operator ----------------------------------------------------------------------


def test_the_default_is_a_stun_server_without_end() -> None:
    grant = FixedIceServers(Settings().ice_servers).grant(ADA)
    assert grant.servers[0].urls[0].startswith("stun:")
    assert grant.ttl is None


def test_ice_servers_are_read_as_browsers_write_them() -> None:
    text = '[{"urls":"stun:a"},{"urls":["turn:b","turns:b"],"username":"u","credential":"c"}]'
    assert FixedIceServers(text).grant(ADA) == IceGrant(
        (IceServer(("stun:a",)), IceServer(("turn:b", "turns:b"), "u", "c"))
    )


@pytest.mark.parametrize("text", ["", "{}", '[{"url":"stun:a"}]', '[{"urls":5}]'])
def test_wrong_ice_servers_are_named(text: str) -> None:
    with pytest.raises(SettingError, match="ICE_SERVERS"):
        FixedIceServers(text)


# -- a TURN server that shares a secret ----------------------------------------------------------


def turn(clock: FakeClock, secret: str = OLD) -> TimeLimitedTurn:
    return TimeLimitedTurn(FixedIceServers(STUN), "turn:t, turns:t", lambda: secret, 600, clock)


def test_a_credential_is_the_hmac_that_coturn_expects() -> None:
    # printf %s 1433065916:ninefingers | openssl dgst -sha1 -hmac north -binary | base64
    assert credential("north", "1433065916:ninefingers") == "SDuA3OErhfGFaxmFHH7fTICexdg="


def test_a_member_gets_a_user_name_of_its_own_that_ends_with_the_grant() -> None:
    grant = turn(FakeClock(5_000_999)).grant(ADA)
    assert grant.ttl == 600
    assert grant.servers == (
        IceServer(("stun:a",)),
        IceServer(("turn:t", "turns:t"), "5600:k3J9aQ", credential(OLD, "5600:k3J9aQ")),
    )


def test_no_two_members_moments_or_secrets_share_a_credential() -> None:
    grants = [
        turn(FakeClock(0)).grant(ADA),
        turn(FakeClock(0)).grant(BEA),
        turn(FakeClock(1000)).grant(ADA),
        turn(FakeClock(0), NEW).grant(ADA),
    ]
    assert len({grant.servers[-1].credential for grant in grants}) == len(grants)


def test_a_credential_is_not_shown_by_accident() -> None:
    grant = turn(FakeClock()).grant(ADA)
    assert str(grant.servers[-1].credential) not in repr(grant)


@pytest.mark.parametrize("text", ["", " , ", "t:3478", "turn:a,stun:b", "https://a"])
def test_wrong_turn_urls_are_named(text: str) -> None:
    with pytest.raises(SettingError, match="TURN_URLS"):
        parse_urls(text)


@pytest.mark.parametrize("text", ["", ",", "short", f"{NEW},short"])
def test_weak_or_missing_secrets_are_named_and_not_told(text: str) -> None:
    with pytest.raises(SettingError, match="TURN_SECRETS") as caught:
        parse_secrets(text)
    assert NEW not in str(caught.value)


# -- rotation ------------------------------------------------------------------------------------


class Place:
    """Where the secrets stand; it can be out of reach."""

    def __init__(self, text: str) -> None:
        self.text, self.looks, self.away = text, 0, False

    def __call__(self) -> str:
        self.looks += 1
        if self.away:
            raise OSError("out of reach")
        return self.text


class Watch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_first_secret_signs_and_is_looked_up_once_a_minute() -> None:
    place, watch = Place(f"{OLD}, {NEW}"), Watch()
    secrets = TurnSecrets(place, watch)
    place.text = f"{NEW},{OLD}"
    for _ in range(59):
        watch.seconds += 1
        assert secrets() == OLD
    assert place.looks == 1
    watch.seconds += 1
    assert secrets() == NEW
    assert place.looks == 2


def test_while_the_place_is_out_of_reach_the_former_secret_signs() -> None:
    place, watch = Place(OLD), Watch()
    secrets = TurnSecrets(place, watch)
    place.away = True
    watch.seconds = 90
    assert [secrets() for _ in range(100)] == [OLD] * 100
    assert place.looks == 2
    place.away, place.text = False, NEW
    watch.seconds = 150
    assert secrets() == NEW
