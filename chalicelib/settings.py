"""The environment, read once into a frozen value. The defaults are those of the contract."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_STUN = '[{"urls": ["stun:stun.l.google.com:19302"]}]'
_MANAGEMENT = "https://{api}.execute-api.{region}.amazonaws.com/{stage}"


class SettingError(ValueError):
    """A setting has a value that Parley cannot work with; the text names it and says what would."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose. Each name stands in the environment in capitals."""

    table_name: str = "parley"
    region: str = "us-east-1"
    management_url: str = _MANAGEMENT
    """Where @connections lives, as a template over {api}, {region} and {stage}."""
    signing_keys: str = ""
    """`id:secret`, newest first, separated by commas. The first signs, all of them verify."""
    signing_key_file: str = ""
    """Where the keys stand if not in `signing_keys`; made, mode 600, if it does not exist.

    Without this either, they stand in the table."""
    ice_servers: str = _STUN
    """JSON: what RTCPeerConnection takes as `iceServers`."""
    turn_urls: str = ""
    """URLs of a TURN server that shares a secret with us, separated by commas."""
    turn_secrets: str = ""
    """Those secrets, separated by commas, the one that signs first; else the table holds them."""
    turn_seconds: int = 3600
    """How long a TURN credential works."""
    room_capacity: int = 16
    reservation_seconds: int = 120
    socket_seconds: int = 7200
    """API Gateway's limit on a connection's life."""
    resume_seconds: int = 86400
    message_bytes: int = 32768
    metadata_bytes: int = 1024
    access: str = "token"
    """`open` (anybody may join; the names of rooms protect them) or `token`."""
    token_keys: str = ""
    """As `signing_keys`, for tokens (HS256) that operators and their backends issue."""
    token_key_file: str = ""
    jwks_url: str = ""
    """Where public keys stand with which tokens are signed (RS256, ES256, EdDSA)."""
    token_audience: str = ""
    token_issuer: str = ""
    origins: str = ""
    """Pages that may speak to this deployment, `https://host`, separated by commas; `*`: any."""
    stats: str = "members"
    """Who may list all rooms where no token is asked for: `public` (anybody) or `members`."""
    joins_per_minute: int = 240
    """From one address, and with tokens for one subject. From here on, 0 is no limit."""
    rooms_per_hour: int = 300
    """Rooms made from one address, and with tokens for one subject."""
    wrong_passcodes: int = 10
    """In ten minutes, from one address: passcodes that are wrong, or new."""
    wrong_passcodes_per_room: int = 100
    """In an hour, in one room, from wherever."""
    wrong_tokens: int = 60
    """In ten minutes, from one address."""
    messages_per_minute: int = 600
    """Through one socket."""
    posts_per_minute: int = 6000
    """From one address: messages in, and those that they cause."""
    rooms_per_socket: int = 16
    sockets_per_address: int = 300
    """Opened in ten minutes."""
    log_level: str = "INFO"


_ORIGIN = re.compile(r"\*|https?://[^\s/,*]+/?", re.IGNORECASE)
_CHOICES = {
    "access": ("open", "token"),
    "stats": ("public", "members"),
    "log_level": ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL"),
}
_LOOPBACK = ("http://127.0.0.1:", "http://localhost:")
_VARIABLES = {"region": "AWS_REGION"}
_BOUNDS = {
    "room_capacity": (1, 64),
    "reservation_seconds": (1, 3600),
    "socket_seconds": (1, 7200),
    "resume_seconds": (1, 604800),
    "message_bytes": (1024, 131072),
    "metadata_bytes": (2, 16384),
    "turn_seconds": (10, 86400),
    "joins_per_minute": (0, 1_000_000),
    "rooms_per_hour": (0, 1_000_000),
    "wrong_passcodes": (0, 1_000_000),
    "wrong_passcodes_per_room": (0, 1_000_000),
    "wrong_tokens": (0, 1_000_000),
    "messages_per_minute": (0, 1_000_000),
    "posts_per_minute": (0, 1_000_000),
    "rooms_per_socket": (0, 1_000),
    "sockets_per_address": (0, 1_000_000),
}


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from the environment. Raises SettingError for what cannot be worked with."""
    given = {
        name: environment[variable]
        for name in Settings.__dataclass_fields__
        if environment.get(variable := _VARIABLES.get(name, name.upper()))
    }
    numbers = {name: _number(name, given.pop(name)) for name in _BOUNDS if name in given}
    for name, known in _CHOICES.items():
        if given.get(name, known[0]) not in known:
            raise SettingError(f"{name.upper()} must be {' or '.join(known)}")
    if not all(_ORIGIN.fullmatch(each.strip()) for each in given.get("origins", "*").split(",")):
        raise SettingError("ORIGINS must be origins like https://example.org, with commas, or *")
    if not given.get("jwks_url", "https://").startswith(("https://", *_LOOPBACK)):
        raise SettingError("JWKS_URL must begin with https://")
    return Settings(**given, **numbers)  # type: ignore[arg-type]


def _number(name: str, text: str) -> int:
    low, high = _BOUNDS[name]
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        raise SettingError(f"{name.upper()} must be a whole number from {low} to {high}")
    return int(text)
