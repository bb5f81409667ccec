"""coturn with the configuration for production: a relay for members, and to the internet alone.

Each refusal stands beside the same thing granted, so that none of them comes of something else.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

import pytest

from tests.parts import eventually
from tests.turn.client import OK, TurnClient
from tests.turn.coturn import SECRET, Coturn, coturn, on_loopback, options

UNAUTHORIZED, FORBIDDEN, WRONG_FAMILY, QUOTA_REACHED = 401, 403, 443, 486
PUBLIC = "9.9.9.9"  # never sent to: a permission alone makes no packet


@pytest.fixture(scope="module")
def production() -> Iterator[Coturn]:
    with coturn() as running:
        yield running


@pytest.fixture(scope="module")
def loopback() -> Iterator[Coturn]:
    with on_loopback() as running:
        yield running


@pytest.fixture
def service() -> Iterator[socket.socket]:
    """A service on this machine that nobody outside is meant to reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening


# -- whom it reaches -----------------------------------------------------------------------------


def tries_to_reach(client: TurnClient, service: socket.socket) -> tuple[int, int]:
    """Everything that a member can do to send something there; what coturn says to it."""
    host, port = service.getsockname()
    said = client.permit(host, port), client.bind(host, port)
    client.send(host, port, b"by indication")
    client.send_on_channel(b"by channel")
    assert client.refresh() == OK, "all of that has been dealt with"
    return said


def test_a_service_on_loopback_cannot_be_reached(
    production: Coturn, service: socket.socket
) -> None:
    with production.member() as client:
        assert client.allocate() == OK
        assert tries_to_reach(client, service) == (FORBIDDEN, FORBIDDEN)
    service.setblocking(False)
    with pytest.raises(BlockingIOError):
        service.recv(100)


def test_it_would_be_reached_without_those_lines(loopback: Coturn, service: socket.socket) -> None:
    with loopback.member() as client:
        assert client.allocate() == OK
        assert tries_to_reach(client, service) == (OK, OK)
    service.settimeout(20)
    assert {service.recv(100), service.recv(100)} == {b"by indication", b"by channel"}


@pytest.mark.parametrize(
    "peer",
    [
        "0.0.0.0",  # noqa: S104 - names it, binds nothing
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.251",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
    ],
)
def test_what_is_not_the_internet_is_refused(production: Coturn, peer: str) -> None:
    with production.member(f"to-{peer}") as client:
        assert client.allocate() == OK
        assert client.permit(peer) == FORBIDDEN
        assert client.bind(peer, 80) == FORBIDDEN


def test_the_internet_is_granted(production: Coturn) -> None:
    with production.member() as client:
        assert client.allocate() == OK
        assert client.permit(PUBLIC) == OK


IPV6 = [
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("peer", IPV6)
def test_what_is_not_the_internet_is_refused_in_ipv6_too(production: Coturn, peer: str) -> None:
    with production.member(f"to-{peer}") as client:
        expected = FORBIDDEN if client.allocate(family=6) == OK else WRONG_FAMILY
        if expected == WRONG_FAMILY:  # a host without IPv6 relays to none of it
            assert client.allocate() == OK
        assert client.permit(peer) == expected


@pytest.mark.parametrize("peer", IPV6)
def test_a_range_of_the_configuration_holds_it(peer: str) -> None:
    assert any(low <= ipaddress.IPv6Address(peer) <= high for low, high in ipv6_ranges())


def test_no_range_begins_where_coturn_takes_it_for_everything() -> None:
    assert not [low for low, _ in ipv6_ranges() if low.is_unspecified]


def ipv6_ranges() -> list[tuple[ipaddress.IPv6Address, ipaddress.IPv6Address]]:
    found = [text.partition("-")[::2] for text in options("denied-peer-ip") if ":" in text]
    return [(ipaddress.IPv6Address(low), ipaddress.IPv6Address(high)) for low, high in found]


def test_there_are_no_tcp_relays(production: Coturn) -> None:
    with production.member(stream=True) as client:
        assert client.allocate(tcp=True) not in (OK, UNAUTHORIZED)
    with coturn(without=["no-tcp-relay"]) as lax, lax.member(stream=True) as client:
        assert client.allocate(tcp=True) == OK


# -- for whom ------------------------------------------------------------------------------------


def test_a_member_is_served(production: Coturn) -> None:
    with production.member() as client:
        assert client.allocate() == OK


def test_strangers_are_refused(production: Coturn) -> None:
    with production.client("k3J9aQ", "no proof") as client:
        assert client.allocate() == UNAUTHORIZED
    with production.member(secret="another secret, that of a stranger") as client:
        assert client.allocate() == UNAUTHORIZED


def test_expired_credentials_are_refused(production: Coturn) -> None:
    with production.member(lasts=-60) as client:
        assert client.allocate() == UNAUTHORIZED


def test_a_credential_serves_for_no_other_name_and_no_later_end(production: Coturn) -> None:
    with production.member() as client:
        expiry, _, name = client.username.partition(":")
        for forged in (f"{expiry}:9wPHfm", f"{int(expiry) + 3600}:{name}", name, expiry):
            with production.client(forged, client.credential) as forger:
                assert forger.allocate() == UNAUTHORIZED


def test_a_call_outlives_its_credentials(production: Coturn) -> None:
    """So with coturn, only a new allocation needs new ones (an ICE restart, a new peer)."""
    with production.member(lasts=2) as client:
        assert client.allocate() == OK

        def expired() -> bool:
            with production.client(client.username, client.credential) as late:
                return late.allocate() == UNAUTHORIZED

        eventually(expired)
        assert client.refresh() == OK
        assert client.permit(PUBLIC) == OK


def test_a_member_has_a_quota_that_newer_credentials_do_not_raise(production: Coturn) -> None:
    quota = int(options("user-quota")[0])
    clients = [production.member("greedy", lasts=600 + n) for n in range(quota + 1)]
    try:
        assert [client.allocate() for client in clients] == [OK] * quota + [QUOTA_REACHED]
        with production.member("modest") as other:
            assert other.allocate() == OK
    finally:
        for client in clients:
            client.__exit__(None, None, None)


# -- rotation ------------------------------------------------------------------------------------


def test_secrets_are_replaced_without_a_restart() -> None:
    old, new = SECRET, "the secret that comes after it"
    with coturn() as running:

        def served(secret: str) -> bool:
            with running.member(secret=secret) as client:
                return client.allocate() == OK

        assert (served(old), served(new)) == (True, False)
        running.accepts([old, new])
        assert (served(old), served(new)) == (True, True)
        running.accepts([new])
        assert (served(old), served(new)) == (False, True)
