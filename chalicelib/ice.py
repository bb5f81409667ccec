"""STUN and TURN servers: those that the operator lists, and a TURN server that trusts our word.

The TURN server (coturn with `use-auth-secret`) shares a secret with us and keeps no users. Who
shows a user name `<expiry>:<client id>` and its HMAC may relay until then:
https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from chalicelib import journal
from chalicelib.ports import Clock, IceGrant, IceServer
from chalicelib.rooms import ClientId
from chalicelib.settings import SettingError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SHORTEST_SECRET = 16  # characters
_REREAD = 60.0  # seconds
_SECRETS = {"pk": {"S": "secret#turn"}}


class _Listed(msgspec.Struct, frozen=True):
    urls: str | tuple[str, ...]
    username: str | None = None
    credential: str | None = None


class FixedIceServers:
    """The port IceServers from the setting ICE_SERVERS: JSON, the `iceServers` of WebRTC.

    Raises SettingError if it is not a list of `{"urls", "username"?, "credential"?}`.
    """

    def __init__(self, setting: str) -> None:
        try:
            listed = msgspec.json.decode(setting, type=tuple[_Listed, ...])
        except msgspec.MsgspecError as error:
            raise SettingError(
                f"ICE_SERVERS must be a JSON list of ICE servers: {error}"
            ) from error
        self._servers = tuple(
            IceServer((s.urls,) if isinstance(s.urls, str) else s.urls, s.username, s.credential)
            for s in listed
        )

    def grant(self, client_id: ClientId) -> IceGrant:  # noqa: ARG002 - the same for everybody
        return IceGrant(self._servers)


class TimeLimitedTurn:
    """The port IceServers: those of `others`, and TURN for one member and `seconds`.

    `urls` are those of one TURN server, separated by commas (RFC 7065). `secret` gives the secret
    that signs now.
    """

    def __init__(
        self,
        others: FixedIceServers,
        urls: str,
        secret: Callable[[], str],
        seconds: int,
        clock: Clock,
    ) -> None:
        self._others = others
        self._urls = parse_urls(urls)
        self._secret = secret
        self._seconds = seconds
        self._clock = clock

    def grant(self, client_id: ClientId) -> IceGrant:
        expiry = self._clock.now() // 1000 + self._seconds
        username = f"{expiry}:{client_id}"
        turn = IceServer(self._urls, username, credential(self._secret(), username))
        return IceGrant((*self._others.grant(client_id).servers, turn), self._seconds)


def credential(secret: str, username: str) -> str:
    """What proves to the TURN server that we know the user."""
    return base64.b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()


class TurnSecrets:
    """The secret that signs: the first of those that stand somewhere, looked up once a minute.

    So a rotation needs no restart. While the place cannot be read, the former one goes on.
    """

    def __init__(self, read: Callable[[], str], now: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._now = now
        self._secrets: tuple[str, ...] = ()
        self._taken = 0.0
        self._take()

    def __call__(self) -> str:
        if self._now() - self._taken >= _REREAD:
            try:
                self._take()
            except Exception:
                self._taken = self._now()
                journal.failed()
        return self._secrets[0]

    def _take(self) -> None:
        self._secrets = parse_secrets(self._read())
        self._taken = self._now()


def parse_urls(text: str) -> tuple[str, ...]:
    """TURN URLs, separated by commas. Raises SettingError for what is none."""
    urls = tuple(url for part in text.split(",") if (url := part.strip()))
    if not urls or any(not url.startswith(("turn:", "turns:")) for url in urls):
        raise SettingError("TURN_URLS must hold turn: or turns: URLs, separated by commas")
    return urls


def parse_secrets(text: str) -> tuple[str, ...]:
    """Secrets, separated by commas. Raises SettingError if there is none or one is weak."""
    secrets = tuple(secret for part in text.split(",") if (secret := part.strip()))
    if not secrets or any(len(secret) < _SHORTEST_SECRET for secret in secrets):
        raise SettingError(
            "TURN_URLS needs TURN_SECRETS, or the table's item secret#turn: secrets of at least"
            f" {_SHORTEST_SECRET} characters, separated by commas, the one that signs first"
        )
    return secrets


def secrets_from_table(client: DynamoDBClient, table: str) -> str:
    """The secrets that the deployment put beside the rooms."""
    found = client.get_item(TableName=table, Key=_SECRETS, ConsistentRead=True)
    return found.get("Item", {}).get("secrets", {}).get("S", "")
