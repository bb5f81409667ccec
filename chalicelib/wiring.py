"""The only place that builds the concrete things, each one when it is first needed."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from chalicelib import access, journal, settings
from chalicelib.connections import Connections
from chalicelib.doors import Doors
from chalicelib.guard import Guard, allowances
from chalicelib.ports import IceServers, Passes
from chalicelib.quotas import Quotas
from chalicelib.signaling import Limits, Signaling
from chalicelib.switchboard import Sizes, Switchboard

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.session import Session
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.dynamodb import DynamoRooms
    from chalicelib.tallies import DynamoTallies

T = TypeVar("T")
P = ParamSpec("P")

_SIDE_BY_SIDE = 64  # posts at once: a full room in one go
_GRACE = 60_000  # ms by which a seat may outlast its socket


_building = threading.RLock()  # botocore cannot make two clients at the same moment


def once(build: Callable[P, T]) -> Callable[P, T]:
    """Build it when it is first asked for, even if several threads ask at once."""
    built = cache(build)

    @wraps(build)
    def get(*args: P.args, **kwargs: P.kwargs) -> T:
        with _building:
            return built(*args, **kwargs)  # type: ignore[arg-type]

    return get


def load() -> None:
    """Import what every socket event needs. Nothing is read or built."""
    for name in ("aws", "dynamodb", "ice", "passcodes", "tallies"):
        import_module(f"chalicelib.{name}")


class SystemClock:
    """The port Clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000


class SystemChance:
    """The port Chance."""

    def choose(self, among: Sequence[T]) -> T:
        return random.choice(among)  # noqa: S311 - whom to probe is no secret  # nosec B311


@once
def configuration() -> settings.Settings:
    """The settings of this process; reading them opens the journal."""
    found = settings.read(os.environ)
    on_lambda = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
    journal.open_journal(found.log_level, found.table_name if on_lambda else None)
    return found


@once
def signaling() -> Signaling:

    chosen, clock = configuration(), SystemClock()
    return Signaling(
        rooms=_rooms(),
        sockets=_connections(),
        seals=_seals(),
        ice=_ice_servers(clock),
        clock=clock,
        chance=SystemChance(),
        guard=guard(),
        limits=Limits(
            capacity=chosen.room_capacity,
            reservation=chosen.reservation_seconds * 1000,
            socket=chosen.socket_seconds * 1000 + _GRACE,
            rooms=chosen.rooms_per_socket,
            public=chosen.stats == "public",
        ),
    )


@once
def _rooms() -> DynamoRooms:
    from chalicelib.dynamodb import DynamoRooms

    return DynamoRooms(_dynamodb(), configuration().table_name, SystemClock())


@once
def guard() -> Guard:
    from chalicelib.passcodes import ScryptPasscodes

    quotas = Quotas(tallies(), SystemClock())
    return Guard(quotas, ScryptPasscodes(), allowances(configuration()))


@once
def tallies() -> DynamoTallies:
    from chalicelib.tallies import DynamoTallies

    return DynamoTallies(_dynamodb(), configuration().table_name, _seals().pseudonym)


@once
def _doors() -> Doors:
    chosen, clock = configuration(), SystemClock()
    return Doors(
        signaling(),
        _rooms(),
        _seals(),
        clock,
        guard(),
        capacity=chosen.room_capacity,
        resume=chosen.resume_seconds * 1000,
    )


@once
def _seals() -> access.HmacSeals:
    keys = access.Keyring(_read_signing_keys)
    return access.HmacSeals(keys, configuration().resume_seconds * 1000)


@once
def switchboard() -> Switchboard:
    chosen = configuration()
    sizes = Sizes(chosen.message_bytes, chosen.metadata_bytes)
    return Switchboard(signaling(), _doors(), _connections(), passes(), sizes, guard())


@once
def passes() -> Passes:
    """Tokens cost their library only where they are asked for."""
    chosen = configuration()
    if chosen.access == "open":
        return access.OpenPasses()
    from chalicelib import tokens

    keys: list[tokens.Keys] = [tokens.Secrets(access.Keyring(_read_token_keys, parse=_token_keys))]
    if chosen.jwks_url:
        keys.append(tokens.Jwks(tokens.fetch_from(chosen.jwks_url)))
    terms = tokens.Terms(chosen.token_audience, chosen.token_issuer)
    return tokens.TokenPasses(keys, terms, SystemClock())


def _token_keys(text: str) -> dict[str, bytes]:
    """None is enough where public keys do."""
    if not text and configuration().jwks_url:
        return {}
    return access.parse_keys(text, "TOKEN_KEYS")


def _read_token_keys() -> str:
    chosen = configuration()
    return _read_keys(chosen.token_keys, chosen.token_key_file, access.ISSUING)


def _read_signing_keys() -> str:
    chosen = configuration()
    return _read_keys(chosen.signing_keys, chosen.signing_key_file, access.SIGNING)


def _read_keys(given: str, file: str, item: str) -> str:
    """Keys from where they stand: the environment, a file, or the table."""
    if given:
        return given
    if file:
        return access.keys_from_file(Path(file))
    return access.keys_from_table(_dynamodb(), configuration().table_name, item)


def _ice_servers(clock: SystemClock) -> IceServers:
    from chalicelib import ice

    chosen = configuration()
    fixed = ice.FixedIceServers(chosen.ice_servers)
    if not chosen.turn_urls:
        return fixed
    secrets = ice.TurnSecrets(_read_turn_secrets)
    return ice.TimeLimitedTurn(fixed, chosen.turn_urls, secrets, chosen.turn_seconds, clock)


def _read_turn_secrets() -> str:
    from chalicelib import ice

    chosen = configuration()
    return chosen.turn_secrets or ice.secrets_from_table(_dynamodb(), chosen.table_name)


@once
def _connections() -> Connections:
    return Connections(_management, ThreadPoolExecutor(_SIDE_BY_SIDE, "post"))


@once
def _session() -> Session:
    from chalicelib import aws

    return aws.session()


@once
def _dynamodb() -> DynamoDBClient:
    client = _session().create_client(
        "dynamodb", region_name=configuration().region, config=_patience(read=3, attempts=3)
    )
    return cast("DynamoDBClient", client)


@once
def _management(gateway: str) -> ApiGatewayManagementApiClient:
    api, stage = gateway.split("/", 1)
    chosen = configuration()
    client = _session().create_client(
        "apigatewaymanagementapi",
        region_name=chosen.region,
        endpoint_url=chosen.management_url.format(api=api, region=chosen.region, stage=stage),
        config=_patience(read=2, attempts=2),
    )
    return cast("ApiGatewayManagementApiClient", client)


def _patience(read: int, attempts: int) -> Config:
    """How long (seconds) and how often a client tries."""
    from botocore.config import Config

    return Config(
        connect_timeout=1,
        read_timeout=read,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=_SIDE_BY_SIDE,
        tcp_keepalive=True,
    )
