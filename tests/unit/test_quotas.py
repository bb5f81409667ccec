"""Quotas: what is let through, what is refused and for how long, and what it costs in calls."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib import sources, wiring
from chalicelib.access import HmacSeals
from chalicelib.guard import Allowances, Guard
from chalicelib.passcodes import ScryptPasscodes
from chalicelib.quotas import Quota, Quotas
from chalicelib.rooms import RateLimited
from chalicelib.sources import network
from chalicelib.tallies import DynamoTallies
from infra.local.tables import create_tables
from tests import parts
from tests.fakes import FakeClock, FakePasscodes, MemoryTallies

GUESSES = Quota("guesses", 10, 60)
FRAMES = Quota("frames", 600, 60, batch=50)


class Fleet:
    """So many processes that share their tallies."""

    def __init__(self, processes: int = 1) -> None:
        self.clock, self.tallies = FakeClock(600_000), MemoryTallies()
        self.processes = [Quotas(self.tallies, self.clock) for _ in range(processes)]

    def let_through(self, quota: Quota, times: int, whose: str = "eve") -> int:
        """How many of so many, spread over all processes."""
        return sum(
            self._spends(self.processes[turn % len(self.processes)], quota, whose)
            for turn in range(times)
        )

    def _spends(self, quotas: Quotas, quota: Quota, whose: str) -> bool:
        try:
            quotas.spend(quota, whose)
        except RateLimited:
            return False
        return True


def test_without_batches_exactly_the_limit_gets_through() -> None:
    assert Fleet(7).let_through(GUESSES, 1000) == 10


def test_with_batches_each_process_adds_less_than_one() -> None:
    for processes in (1, 4, 20):
        passed = Fleet(processes).let_through(FRAMES, 10_000)
        assert 600 <= passed <= 600 + 50 * processes


def test_who_does_little_costs_no_call_and_who_does_much_few() -> None:
    fleet = Fleet()
    assert fleet.let_through(FRAMES, 49) == 49
    assert fleet.tallies.calls == 0
    fleet.let_through(FRAMES, 10_000)
    assert fleet.tallies.calls == 600 // 50, "what is spent is known, and not asked for again"


def test_one_does_not_pay_for_another() -> None:
    fleet = Fleet()
    fleet.let_through(GUESSES, 99)
    assert fleet.let_through(GUESSES, 99, "ada") == 10


def test_a_window_ends_and_the_refusal_says_when() -> None:
    fleet = Fleet()
    fleet.clock.time += 18_000
    fleet.let_through(GUESSES, 10)
    with pytest.raises(RateLimited) as refused:
        fleet.processes[0].spend(GUESSES, "eve")
    assert refused.value.retry_after == 42
    assert str(refused.value) == "Too many guesses for now; try again in 42 s"
    fleet.clock.time += 42_000
    assert fleet.let_through(GUESSES, 99) == 10


def test_no_limit_is_none_and_costs_nothing() -> None:
    fleet = Fleet()
    assert fleet.let_through(Quota("frames", 0, 60), 1000) == 1000
    assert fleet.tallies.calls == 0


def test_what_is_given_back_can_be_spent_again() -> None:
    fleet = Fleet()
    fleet.let_through(GUESSES, 10)
    fleet.processes[0].give_back(GUESSES, "eve")
    assert fleet.let_through(GUESSES, 99) == 1


def test_a_process_does_not_remember_more_than_it_can_bear() -> None:
    fleet = Fleet()
    for number in range(20_050):
        fleet.processes[0].noted(FRAMES, f"socket{number}")
    assert len(fleet.processes[0]._counts) <= 10_001


# -- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_who_is_counted_as_one(address: str, counted: str) -> None:
    assert network(address) == counted


class Wired:
    """What `wiring` gives a connect handler that sees many sockets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
        self.tallies = MemoryTallies()
        allowed = Allowances(sockets=Quota("sockets", limit, 600, batch=10))
        guard = Guard(Quotas(self.tallies, FakeClock()), FakePasscodes(), allowed)
        monkeypatch.setattr(wiring, "guard", lambda: guard)
        monkeypatch.setattr(sources, "_seen", {})
        monkeypatch.setattr(time, "time", lambda: 1_000.0)


def opens(address: str, **more: Any) -> int:
    event = {"requestContext": {"identity": {"sourceIp": address}}, **more}
    return sources.opened(event, lambda source: wiring.guard().opens(source))


def test_a_flood_of_sockets_is_stopped_and_a_few_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    wired = Wired(monkeypatch, limit=50)
    assert [opens("192.0.2.7") for _ in range(10)] == [0] * 10
    assert wired.tallies.calls == 0
    answers = [opens("192.0.2.7") for _ in range(1000)]
    assert 50 <= answers.count(0) <= 60
    assert all(0 < wait <= 600 for wait in answers[60:])
    assert opens("192.0.2.8") == 0


def test_who_changes_the_end_of_an_ipv6_address_or_a_header_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Wired(monkeypatch, limit=50)
    answers = [
        opens(f"2001:db8::{n:x}", headers={"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(200)
    ]
    assert 50 <= answers.count(0) <= 70


# -- in the table --------------------------------------------------------------------------------


@pytest.fixture
def table() -> Iterator[tuple[DynamoTallies, Any]]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        name = f"tallies-{uuid.uuid4()}"
        create_tables(client, parts.TEMPLATE, {"TableName": name})
        seals = HmacSeals({"k1": b"0" * 32}, 1)
        yield DynamoTallies(client, name, seals.pseudonym), lambda: client.scan(TableName=name)


def test_a_tally_counts_to_its_limit_and_vanishes_after_its_window(
    table: tuple[DynamoTallies, Any],
) -> None:
    tallies, scan = table
    assert [tallies.add("joins", "192.0.2.7", 6000, 4, 10) for _ in range(4)] == [4, 8, 12, None]
    tallies.subtract("joins", "192.0.2.7", 6000)
    assert tallies.add("joins", "192.0.2.7", 6060, 1, 10) == 1
    items = {item["pk"]["S"].rpartition("#")[2]: item for item in scan()["Items"]}
    assert items["6000"]["n"]["N"] == "11"
    assert items["6000"]["expiresAt"]["N"] == "6060"


def test_no_address_is_written_down(table: tuple[DynamoTallies, Any]) -> None:
    tallies, scan = table
    tallies.add("joins", "192.0.2.7", 6000, 1, 10)
    tallies.add("messages", "192.0.2.7", 6000, 1, 10)
    assert "192.0.2.7" not in str(scan())
    joins, messages = (item["pk"]["S"].split("#")[2] for item in scan()["Items"])
    assert joins != messages, "nor can it be followed from one tally to another"


def test_on_dynamodb_of_many_at_once_exactly_the_limit_gets_through(
    dynamodb_endpoint: str,
) -> None:
    client, name = parts.dynamodb_client(dynamodb_endpoint), f"tallies-{uuid.uuid4()}"
    create_tables(client, parts.TEMPLATE, {"TableName": name})
    tallies = DynamoTallies(client, name, lambda text: text)
    end = int(time.time()) + 600
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: tallies.add("guesses", "eve", end, 1, 10), range(64)))
    assert sorted(total for total in found if total) == list(range(1, 11))


# -- passcodes -----------------------------------------------------------------------------------


def test_a_seal_fits_its_passcode_and_no_other_and_tells_nothing() -> None:
    passcodes = ScryptPasscodes()
    one, other = passcodes.seal("größer als 4"), passcodes.seal("größer als 4")
    assert one != other
    assert "als 4" not in one
    assert passcodes.fits("gro\u0308\u00dfer als 4", one), "the same to people"
    assert not passcodes.fits("Größer als 4", one)
    assert not passcodes.fits("", one)
