"""STUN and TURN servers, as the operator lists them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chalicelib.ports import IceServer
from chalicelib.settings import SettingError


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

    def servers(self) -> Sequence[IceServer]:
        return self._servers
