"""Who may enter: ids that cannot be guessed and proofs that cannot be forged, from one secret."""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.rooms import EVERYBODY, ClientId, Pass, RoomId
from chalicelib.settings import SettingError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ROOM_ID_BITS = 128
_ROOM_ID_LENGTH = 22  # base62 digits that hold 128 bits
_CLIENT_ID_LENGTH = 6
_CLOCK_SKEW = 60_000  # ms that the clock of another host may be ahead
_SHORTEST_SECRET = 32  # characters
_REREAD = 60.0  # seconds between two readings because of an unknown key
_KEPT = 3600.0  # seconds until keys are read anyway, for those that were withdrawn
SIGNING, ISSUING = "secret#signing", "secret#issuing"
"""Where in the table keys stand: those that sign resume tokens, those that operators issue with."""


class HmacSeals:
    """The port Seals by HMAC-SHA256 (RFC 2104).

    `keys` maps key ids to secrets; the first one signs, all of them verify, so that a key can be
    replaced without a break. `lifetime` is that of a resume token, in milliseconds.
    """

    def __init__(self, keys: Mapping[str, bytes], lifetime: int) -> None:
        self._keys = keys
        self._lifetime = lifetime

    @property
    def _current(self) -> str:
        return next(iter(self._keys))

    def room_id(self, event_id: str) -> RoomId:
        digest = self._digest(self._current, "room", event_id)
        number = int.from_bytes(digest[: _ROOM_ID_BITS // 8], "big")
        return RoomId(_base62(number, _ROOM_ID_LENGTH))

    def client_id(self, event_id: str, attempt: int) -> ClientId:
        digest = self._digest(self._current, "client", event_id, str(attempt))
        return ClientId(_base62(int.from_bytes(digest, "big"), _CLIENT_ID_LENGTH))

    def resume_token(
        self, room_id: RoomId, client_id: ClientId, issued: int, subject: str = ""
    ) -> str:
        key_id = self._current
        return f"{key_id}.{issued}.{self._proof(key_id, room_id, client_id, issued, subject)}"

    def proves(
        self, token: str, room_id: RoomId, client_id: ClientId, now: int, subject: str = ""
    ) -> bool:
        key_id, issued, *_ = [*token.split("."), ""]
        if key_id not in self._keys or not (issued.isascii() and issued.isdecimal()):
            return False
        expected = self._proof(key_id, room_id, client_id, int(issued[:16]), subject)
        genuine = hmac.compare_digest(
            f"{key_id}.{issued}.{expected}".encode(), token.encode("utf-8", "surrogatepass")
        )
        return genuine and -_CLOCK_SKEW <= now - int(issued[:16]) <= self._lifetime

    def pseudonym(self, name: str) -> str:
        return _base62(
            int.from_bytes(self._digest(self._current, "pseudonym", name)[:16], "big"),
            _ROOM_ID_LENGTH,
        )

    def issued(self, token: str) -> int:
        return int(token.split(".")[1])

    def _proof(
        self, key_id: str, room_id: RoomId, client_id: ClientId, issued: int, subject: str
    ) -> str:
        owner = [subject] if subject else []
        digest = self._digest(key_id, "resume", key_id, room_id, client_id, str(issued), *owner)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _digest(self, key_id: str, *parts: str) -> bytes:
        # No part but a forged client id can hold NUL, and a forged one has no proof to match.
        text = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.digest(self._keys[key_id], text, "sha256")


class OpenPasses:
    """The port Passes where nobody needs one: a room is protected by its name alone."""

    def read(self, _token: str | None) -> Pass:
        return EVERYBODY


class Keyring(Mapping[str, bytes]):
    """Keys as they stand somewhere, newest first: an id that is not among them has them read again.

    So a token that another process signed with a newer key is understood, and from then on the
    newer key signs here too. Ids that nobody made cost at most one reading a minute. After an hour
    they are read anyway.
    """

    def __init__(
        self,
        read: Callable[[], str],
        now: Callable[[], float] = time.monotonic,
        parse: Callable[[str], dict[str, bytes]] | None = None,
    ) -> None:
        self._read = read
        self._now = now
        self._parse = parse or parse_keys
        self._take()

    def __getitem__(self, key_id: str) -> bytes:
        if self._now() - self._taken >= (_KEPT if key_id in self._keys else _REREAD):
            self._take()
        return self._keys[key_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def _take(self) -> None:
        self._keys = self._parse(self._read())
        self._taken = self._now()


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(digits)


def parse_keys(text: str, name: str = "SIGNING_KEYS") -> dict[str, bytes]:
    """Keys from `id:secret,id:secret`. Raises SettingError if there is none or one is weak."""
    keys = dict(part.strip().split(":", 1) for part in text.split(",") if ":" in part)
    if not keys or any(len(secret) < _SHORTEST_SECRET or "." in k for k, secret in keys.items()):
        raise SettingError(
            f"{name} must hold `id:secret` pairs, separated by commas, newest first, each"
            f" secret with at least {_SHORTEST_SECRET} characters"
        )
    return {key_id: secret.encode() for key_id, secret in keys.items()}


def keys_from_file(path: Path) -> str:
    """The keys that stand in the file; the first caller makes them up (mode 600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"k{secrets.token_hex(2)}:{secrets.token_urlsafe(32)}\n")
    try:
        os.link(draft, path)  # fails if somebody was faster: then theirs counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()


def keys_from_table(client: DynamoDBClient, table: str, item: str = SIGNING) -> str:
    """The keys that the deployment put beside the rooms."""
    found = client.get_item(TableName=table, Key={"pk": {"S": item}}, ConsistentRead=True)
    return found.get("Item", {}).get("keys", {}).get("S", "")
